"""Drives sign-in, an order, a request for help and a socket by a client generated from docs/openapi.yaml.

Runs as a program next to the generated package: `drive.py ADDRESS PASSWORD`.
"""

import json
import sys
from typing import Any, TypeVar

from generated import AuthenticatedClient, Client, models
from generated.api.assistance import assistance_list, assistance_request, assistance_update_partial_update
from generated.api.auth import auth_login_create, auth_login_phone_create, auth_register_create
from generated.api.orders import orders_create, orders_list
from generated.api.trips import trips_add_order_create, trips_create, trips_update
from generated.api.vehicles import vehicles_create
from websockets.sync.client import connect

T = TypeVar("T")
BASE, PASSWORD = sys.argv[1:]


def must(answer: Any, kind: type[T]) -> T:
    """Return an answer of the expected kind."""
    assert isinstance(answer, kind), answer
    return answer


def drive_fleet(nobody: Client) -> None:
    """Sign in, take an order once although it is sent twice, and put it into a trip."""
    signed_in = must(auth_login_create.sync(client=nobody, body=models.LoginRequest("nadia", PASSWORD)), models.FleetSignedIn)
    fleet = AuthenticatedClient(BASE, signed_in.token, prefix="Token")
    order = models.OrderRequest(
        customer_name="Leila Hamdi",
        goods_description="Vaccines, 12 boxes",
        goods_type=models.GoodsType.REFRIGERATED,
        pickup_stop=models.StopRequest("Port of Algiers", "Rue d'Angkor, Alger", latitude="36.766", longitude="3.066"),
        delivery_stop=models.StopRequest("Pharmacie Centrale", "27 Rue Didouche Mourad, Alger"),
    )
    taken = must(orders_create.sync(client=fleet, body=order, idempotency_key="python-order"), models.Order)
    again = must(orders_create.sync(client=fleet, body=order, idempotency_key="python-order"), models.Order)
    assert taken.id == again.id
    vehicle = must(
        vehicles_create.sync(client=fleet, body=models.VehicleRequest("PY-1", "Renault", "Master", 2023, "2.50")), models.Vehicle
    )
    body = models.TripRequest.from_dict(
        {"vehicle": vehicle.id, "name": "Morning round", "planned_start_date": "2026-12-01", "planned_start_time": "08:00"}
    )
    trip = must(trips_create.sync(client=fleet, body=body), models.Trip)
    must(trips_add_order_create.sync(trip.id, client=fleet, body=models.AddOrderRequest(order=taken.id)), models.AddOrderAnswer)
    change = models.PatchedTripRequest(status=models.TripStatus.PLANNED)
    planned = must(trips_update.sync(trip.id, client=fleet, body=change), models.Trip)
    assert (planned.status, planned.name, len(planned.trip_stops)) == (models.TripStatus.PLANNED, "Morning round", 2)
    listed = must(orders_list.sync(client=fleet, page_size=10), models.PaginatedOrderList)
    assert listed.results[0].status == models.OrderStatus.ASSIGNED
    order.customer_name = ""
    refused = must(orders_create.sync(client=fleet, body=order), models.Error)
    assert refused.code == "invalid_data" and refused.fields["customer_name"]


def drive_roadside(nobody: Client) -> None:
    """Register, sign in, ask for help and listen."""
    person = models.ClientRegistrationRequest(PASSWORD, "+213555900002", "Yasmine Haddad")
    must(auth_register_create.sync(client=nobody, body=person), models.SignedIn)
    phone = models.PhoneLoginRequest("+213555900002", PASSWORD)
    signed_in = must(auth_login_phone_create.sync(client=nobody, body=phone), models.SignedIn)
    motorist = AuthenticatedClient(BASE, signed_in.access)
    asked = models.CallRequest(models.PointRequest(36.7525, 3.042), assistance_type=models.ServiceType.TOWING)
    requested = must(assistance_request.sync(client=motorist, body=asked), models.Requested)
    help_ = must(requested.assistance, models.Assistance)
    with connect(f"{BASE.replace('http', 'ws')}/ws/assistance/{help_.id}/", subprotocols=["bearer", signed_in.access]) as socket:
        first = json.loads(socket.recv(timeout=10))
        assert (first["type"], first["seq"]) == ("connection_established", help_.seq)
        canceled = models.PatchedStatusRequest(status=models.AssistanceStatus.CANCELED)
        must(assistance_update_partial_update.sync(help_.id, client=motorist, body=canceled), models.Assistance)
        while (frame := json.loads(socket.recv(timeout=10)))["type"] != "status":
            pass
        assert frame["status"] == "canceled"
    listed = must(assistance_list.sync(client=motorist), models.PaginatedAssistanceList)
    assert listed.results[0].reason == "client_canceled"


if __name__ == "__main__":
    drive_fleet(Client(BASE))
    drive_roadside(Client(BASE))
