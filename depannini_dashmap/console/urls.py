"""The paths of the console inside the admin site; every one but the language switch asks who is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.i18n import set_language

from depannini_dashmap.console.alarms import views as alarm_views
from depannini_dashmap.console.assistants import views as assistant_views
from depannini_dashmap.console.board import views as board_views
from depannini_dashmap.console.companies import views as companie_views
from depannini_dashmap.console.geocoding import views as place_views
from depannini_dashmap.console.lanes import views as lane_views
from depannini_dashmap.console.live_map import views as map_views
from depannini_dashmap.console.orders import customer_link
from depannini_dashmap.console.orders import locating as order_locating
from depannini_dashmap.console.orders import views as order_views
from depannini_dashmap.console.payments import unpaid_and_cash
from depannini_dashmap.console.payments import views as payment_views
from depannini_dashmap.console.people import views as people_views
from depannini_dashmap.console.plans import views as plan_views
from depannini_dashmap.console.reports import views as report_views
from depannini_dashmap.console.requests import document as request_document
from depannini_dashmap.console.requests import new_call, tariff_preview
from depannini_dashmap.console.requests import views as request_views
from depannini_dashmap.console.requests.links import links as request_links
from depannini_dashmap.console.socket_token import socket_token
from depannini_dashmap.console.trips import driver_link
from depannini_dashmap.console.trips import views as trip_views
from depannini_dashmap.console.vehicles import connect
from depannini_dashmap.console.vehicles import day as vehicle_day
from depannini_dashmap.console.vehicles import restore as vehicle_views

if TYPE_CHECKING:
    from depannini_dashmap.console.admin_site import DispatchAdminSite


def console_urls(site: DispatchAdminSite) -> list[URLPattern]:
    """Return the console's paths, guarded by the site."""

    def page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """Guard a view and hand it what every page of the site shows."""

        @wraps(view)
        def with_context(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return view(request, *args, context=site.each_context(request), **kwargs)

        return site.admin_view(with_context)

    return [
        path("language/", set_language, name="language"),
        path("board/", site.admin_view(board_views.board_fragment), name="board"),
        path("map/", page(map_views.live_map), name="map"),
        path("map/state/", site.admin_view(map_views.map_state), name="map_state"),
        path("dispatch/orders/locate/", page(order_locating.show), name="dispatch_locate"),
        path("dispatch/vehicles/<int:vehicle_id>/day/", page(vehicle_day.show), name="vehicle_day"),
        path("dispatch/vehicles/<int:vehicle_id>/day/track/", site.admin_view(vehicle_day.track), name="vehicle_day_track"),
        path("alarms/", page(alarm_views.show), name="alarms"),
        path("alarms/state/", site.admin_view(alarm_views.state), name="alarms_state"),
        path("alarms/watch/", site.admin_view(alarm_views.watch), name="alarms_watch"),
        path("alarms/<slug:step>/", site.admin_view(alarm_views.act), name="alarms_act"),
        path("socket-token/", site.admin_view(socket_token), name="socket_token"),
        path("company/", page(companie_views.choose), name="company"),
        path("company/<int:company_id>/", page(companie_views.show), name="company_people"),
        path("company/<int:company_id>/invite/", page(companie_views.invite), name="company_invite"),
        path(
            "company/<int:company_id>/invitations/<int:invitation_id>/", page(companie_views.revoke), name="company_revoke"
        ),
        path(
            "company/<int:company_id>/invitations/<int:invitation_id>/link/", page(companie_views.hand_on), name="company_invitation_link"
        ),
        path("company/<int:company_id>/people/<int:user_id>/role/", page(companie_views.give_role), name="company_role"),
        path("company/<int:company_id>/people/<int:user_id>/remove/", page(companie_views.remove), name="company_remove"),
        path("invitations/", page(companie_views.show_invitations), name="invitations"),
        path("invitations/<int:invitation_id>/accept/", page(companie_views.answer), {"choice": "accept"}, name="invitation_accept"),
        path("invitations/<int:invitation_id>/decline/", page(companie_views.answer), {"choice": "decline"}, name="invitation_decline"),
        path("plan/", page(lane_views.show), name="lanes"),
        path("plan/state/", site.admin_view(lane_views.state), name="lanes_state"),
        path("plan/evaluate/", site.admin_view(lane_views.evaluate), name="lanes_evaluate"),
        path("plan/replan/", site.admin_view(lane_views.replan_lanes), name="lanes_replan"),
        path("plan/save/", site.admin_view(lane_views.save), name="lanes_save"),
        path("plan/tell/<int:trip_id>/", site.admin_view(lane_views.tell), name="lanes_tell"),
        path("plan/suggest/", page(plan_views.choose), name="plan_new"),
        path("plan/<int:plan_id>/", page(plan_views.show), name="plan"),
        path("plan/<int:plan_id>/<slug:step>/", page(plan_views.act), name="plan_act"),
        path("dispatch/orders/into-trip/", page(order_views.into_trip), name="dispatch_into_trip"),
        path("dispatch/orders/<int:order_id>/link/", page(customer_link.show), name="dispatch_order_link"),
        path("dispatch/orders/cancel/", page(order_views.cancel), name="dispatch_cancel_orders"),
        path("dispatch/trips/step/<slug:step>/", page(trip_views.take_step), name="dispatch_step"),
        path("dispatch/trips/<int:trip_id>/", page(trip_views.show_trip), name="dispatch_trip"),
        path("dispatch/trips/<int:trip_id>/link/", page(driver_link.show), name="dispatch_driver_link"),
        path("dispatch/trips/<int:trip_id>/reorder/", page(trip_views.arrange), name="dispatch_reorder"),
        path("dispatch/trips/<int:trip_id>/due-times/", site.admin_view(trip_views.suggest_times), name="dispatch_due_times"),
        path("dispatch/trips/<int:trip_id>/fill/", page(order_views.fill_trip), name="dispatch_fill_trip"),
        path("dispatch/trips/<int:trip_id>/stops/<int:stop_id>/", page(trip_views.mark_stop), name="dispatch_stop_done"),
        path("dispatch/trips/<int:trip_id>/stops/<int:stop_id>/<slug:kind>/", site.admin_view(trip_views.show_picture), name="dispatch_proof"),
        path("dispatch/trips/<int:trip_id>/take-out/", page(trip_views.take_out), name="dispatch_take_out"),
        path("places/", site.admin_view(place_views.search), name="places"),
        path("places/at/", site.admin_view(place_views.name), name="place_name"),
        path("dispatch/requests/new/", page(new_call.take_call), name="new_call"),
        path("dispatch/requests/new/preview/", site.admin_view(new_call.preview), name="call_preview"),
        path("dispatch/requests/<int:assistance_id>/", page(request_views.show_request), name="dispatch_request"),
        path(
            "dispatch/requests/<int:assistance_id>/assign/<int:assistant_id>/",
            page(request_views.assign),
            name="dispatch_assign",
        ),
        path("dispatch/requests/<int:assistance_id>/cancel/", page(request_views.cancel), name="dispatch_cancel"),
        path("dispatch/requests/<int:assistance_id>/photos/<int:photo_id>/", page(request_views.show_photo), name="dispatch_photo"),
        path("dispatch/requests/<int:assistance_id>/price/", page(request_views.adjust), name="dispatch_price"),
        path("dispatch/requests/<int:assistance_id>/link/", page(request_links), name="dispatch_links"),
        path("dispatch/requests/<int:assistance_id>/again/", page(request_views.repeat), name="dispatch_again"),
        path("dispatch/requests/<int:assistance_id>/step/<slug:step>/", page(request_views.take_step), name="dispatch_party"),
        path("dispatch/requests/cancel/", page(request_views.cancel_chosen), name="dispatch_cancel_chosen"),
        path("dispatch/orders/<int:order_id>/payments/", page(payment_views.pay_order), name="pay_order"),
        path("dispatch/requests/<int:assistance_id>/payments/", page(payment_views.pay_job), name="pay_job"),
        path("dispatch/requests/<int:assistance_id>/pdf/", page(request_document.show_pdf), name="request_pdf"),
        path("dispatch/payments/<int:payment_id>/", page(payment_views.show_receipt), name="receipt"),
        path("dispatch/payments/<int:payment_id>/reverse/", page(payment_views.reverse_receipt), name="receipt_reverse"),
        path("dispatch/unpaid/", page(unpaid_and_cash.show_unpaid), name="unpaid"),
        path("dispatch/unpaid/of/", page(unpaid_and_cash.show_debts), name="unpaid_of"),
        path("dispatch/report/", page(report_views.show_month), name="report"),
        path("dispatch/cash/", page(unpaid_and_cash.show_cash), name="cash"),
        path("dispatch/cash/<int:row_id>/reverse/", page(unpaid_and_cash.reverse_cash), name="cash_reverse"),
        path("dispatch/assistants/<slug:step>/", page(assistant_views.take_step), name="dispatch_assistants"),
        path("dispatch/people/<slug:step>/", page(people_views.take_step), name="dispatch_people"),
        path("dispatch/vehicles/<int:vehicle_id>/connect/", page(connect.connect), name="dispatch_connect"),
        path("dispatch/disconnect/<slug:kind>/", page(connect.disconnect), name="dispatch_disconnect"),
        path("dispatch/vehicles/restore/", page(vehicle_views.restore), name="dispatch_restore"),
        path("dispatch/tariffs/example/", site.admin_view(tariff_preview.example), name="tariff_example"),
    ]
