"""Connecting trackers and phones to a vehicle: what to enter in them, and how it goes with those that are connected."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from accounts.permissions import may_edit
from depannini_dashmap.console import action_pages
from depannini_dashmap.lib.errors import DomainError
from fleet.models import Vehicle
from telematics.models import Device, DeviceAlarm, Forwarder
from telematics.services.devices import end_device, end_forwarder, make_device, make_forwarder
from telematics.tracker_setup import Setup, forwarding_setup, setup_of

PHONE_APPS = [Device.App.TRACCAR_CLIENT, Device.App.OWNTRACKS, Device.App.OSMAND, Device.App.GPSLOGGER, Device.App.OTHER]
MOST_ALARMS = 10


@never_cache
@action_pages.READ_AND_POST
def connect(request: HttpRequest, vehicle_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show a vehicle's devices; connect another one. A key or secret is shown once, in the answer that made it."""
    vehicle = Vehicle.objects.alive().visible_to(request.user).select_related("company").filter(pk=action_pages.checked_id(vehicle_id)).first()
    if vehicle is None:
        raise Http404
    made: Setup | None = None
    typed = {}
    if request.method == "POST":
        try:
            made = _make(request, vehicle)
        except DomainError as error:
            typed = {name: request.POST.get(name, "") for name in ("kind", "name", "external_id")}
            messages.error(request, error.for_page())
    page = {
        "title": _("Connect %(plate)s") % {"plate": f"\N{LEFT-TO-RIGHT ISOLATE}{vehicle.license_plate}\N{POP DIRECTIONAL ISOLATE}"},
        "vehicle": vehicle,
        "devices": list(Device.objects.working().filter(vehicle=vehicle)),
        "alarms": list(DeviceAlarm.objects.filter(vehicle=vehicle).select_related("device")[:MOST_ALARMS]),
        "forwarders": list(Forwarder.objects.working().filter(company_id=vehicle.company_id)),
        "apps": [(app.value, app.label) for app in PHONE_APPS],
        "made": made,
        "code": action_pages.qr_code(made.code) if made and made.code else "",
        "typed": typed,
        "is_editable": may_edit(request.user, vehicle.company_id),
        "now": timezone.now(),
    }
    return TemplateResponse(request, "console/connect.html", {**context, **page})


def _make(request: HttpRequest, vehicle: Vehicle) -> Setup | None:
    """Make what the form asks for. Raises: DomainError."""
    kind, name = request.POST.get("kind", ""), request.POST.get("name", "").strip()[:100]
    base_url = request.build_absolute_uri("/").rstrip("/")
    if kind == "tracker":
        external_id = request.POST.get("external_id", "").strip()[:64]
        if not external_id:
            raise DomainError(_("Enter the IMEI or the name by which the server calls the tracker."))
        device, _key = make_device(actor=request.user, vehicle_id=vehicle.pk, name=name, external_id=external_id)
        messages.success(request, _("%(name)s is attached.") % {"name": device.external_id})
        return None
    if kind == "server":
        _forwarder, secret = make_forwarder(actor=request.user, company=vehicle.company, name=name)
        return forwarding_setup(secret, base_url)
    if kind not in PHONE_APPS:
        raise Http404
    _device, key = make_device(actor=request.user, vehicle_id=vehicle.pk, name=name, app=kind)
    return setup_of(kind, key, base_url)


END = action_pages.Ask(
    gettext_lazy("Disconnect"),
    gettext_lazy("These can report no more places. What they reported stays. To connect one again, make it anew."),
)


@action_pages.READ_AND_POST
@action_pages.for_editors
def disconnect(request: HttpRequest, kind: str, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then end the chosen devices or forwarders."""
    rows: Any = {"devices": Device.objects.select_related("vehicle"), "servers": Forwarder.objects.all()}.get(kind)
    if rows is None:
        raise Http404
    back = reverse("admin:telematics_device_changelist")
    chosen = []
    for row in rows.working().visible_to(request.user).filter(pk__in=action_pages.chosen_ids(request)).order_by("pk"):
        detail = row.vehicle.license_plate if kind == "devices" else row.company.name
        if kind == "devices":
            back = reverse("admin:dispatch_connect", args=[row.vehicle_id])
        chosen.append(action_pages.Chosen(row, detail, back))

    def act(row: Any, _reason: str) -> str:
        if kind == "devices":
            end_device(actor=request.user, device_id=row.pk)
        else:
            end_forwarder(actor=request.user, forwarder_id=row.pk)
        return _("disconnected")

    return action_pages.ask_then_each(request, context, END, chosen, act, back=back)
