"""The paths of the console inside the admin site; every one but the language switch asks who is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.i18n import set_language

from depannini_dashmap.console import (
    assistant_desk,
    company_desk,
    connect,
    order_desk,
    pages,
    people_desk,
    request_desk,
    tariffs,
    trip_desk,
    vehicle_desk,
)

if TYPE_CHECKING:
    from depannini_dashmap.admin_site import DispatchAdminSite


def console_urls(site: DispatchAdminSite) -> list[URLPattern]:
    """Give the console's paths, guarded by the site."""

    def page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """Guard a view and hand it what every page of the site shows."""

        @wraps(view)
        def with_context(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return view(request, *args, context=site.each_context(request), **kwargs)

        return site.admin_view(with_context)

    return [
        path("language/", set_language, name="language"),
        path("board/", site.admin_view(pages.board_fragment), name="board"),
        path("map/", page(pages.live_map), name="map"),
        path("map/state/", site.admin_view(pages.map_state), name="map_state"),
        path("socket-token/", site.admin_view(pages.socket_token), name="socket_token"),
        path("company/", page(company_desk.choose), name="company"),
        path("company/<int:company_id>/", page(company_desk.show), name="company_people"),
        path("company/<int:company_id>/invite/", page(company_desk.invite), name="company_invite"),
        path(
            "company/<int:company_id>/invitations/<int:invitation_id>/", page(company_desk.revoke), name="company_revoke"
        ),
        path("company/<int:company_id>/people/<int:user_id>/role/", page(company_desk.give_role), name="company_role"),
        path("company/<int:company_id>/people/<int:user_id>/remove/", page(company_desk.remove), name="company_remove"),
        path("invitations/", page(company_desk.show_invitations), name="invitations"),
        path("invitations/<int:invitation_id>/accept/", page(company_desk.answer), {"choice": "accept"}, name="invitation_accept"),
        path("invitations/<int:invitation_id>/decline/", page(company_desk.answer), {"choice": "decline"}, name="invitation_decline"),
        path("dispatch/orders/into-trip/", page(order_desk.into_trip), name="dispatch_into_trip"),
        path("dispatch/orders/cancel/", page(order_desk.cancel), name="dispatch_cancel_orders"),
        path("dispatch/trips/step/<slug:step>/", page(trip_desk.take_step), name="dispatch_step"),
        path("dispatch/trips/<int:trip_id>/", page(trip_desk.show_trip), name="dispatch_trip"),
        path("dispatch/trips/<int:trip_id>/reorder/", page(trip_desk.arrange), name="dispatch_reorder"),
        path("dispatch/trips/<int:trip_id>/due-times/", site.admin_view(trip_desk.suggest_times), name="dispatch_due_times"),
        path("dispatch/trips/<int:trip_id>/fill/", page(order_desk.fill_trip), name="dispatch_fill_trip"),
        path("dispatch/trips/<int:trip_id>/stops/<int:stop_id>/", page(trip_desk.mark_stop), name="dispatch_stop_done"),
        path("dispatch/trips/<int:trip_id>/take-out/", page(trip_desk.take_out), name="dispatch_take_out"),
        path("dispatch/requests/<int:assistance_id>/", page(request_desk.show_request), name="dispatch_request"),
        path(
            "dispatch/requests/<int:assistance_id>/assign/<int:assistant_id>/",
            page(request_desk.assign),
            name="dispatch_assign",
        ),
        path("dispatch/requests/<int:assistance_id>/cancel/", page(request_desk.cancel), name="dispatch_cancel"),
        path("dispatch/requests/<int:assistance_id>/price/", page(request_desk.adjust), name="dispatch_price"),
        path("dispatch/requests/<int:assistance_id>/again/", page(request_desk.repeat), name="dispatch_again"),
        path("dispatch/requests/<int:assistance_id>/step/<slug:step>/", page(request_desk.take_step), name="dispatch_party"),
        path("dispatch/requests/cancel/", page(request_desk.cancel_chosen), name="dispatch_cancel_chosen"),
        path("dispatch/assistants/<slug:step>/", page(assistant_desk.take_step), name="dispatch_assistants"),
        path("dispatch/people/<slug:step>/", page(people_desk.take_step), name="dispatch_people"),
        path("dispatch/vehicles/<int:vehicle_id>/connect/", page(connect.connect), name="dispatch_connect"),
        path("dispatch/disconnect/<slug:kind>/", page(connect.disconnect), name="dispatch_disconnect"),
        path("dispatch/vehicles/restore/", page(vehicle_desk.restore), name="dispatch_restore"),
        path("dispatch/tariffs/example/", site.admin_view(tariffs.example), name="tariff_example"),
    ]
