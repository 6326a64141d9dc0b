"""Who may do what: one row for every operation, each of its nine cells an expected status; those of pages are in authorization_of_pages.py.

Every row is written out: nothing gets one because of how its path begins.
"""

from base64 import b64encode

from adversarial.authorization_of_pages import PAGES
from adversarial.matrix_objects import (
    cash,
    deleted_vehicle,
    double,
    hand_in,
    invitation,
    invitation_of_b,
    job,
    linked_order,
    linked_trip,
    metrics_server,
    new_company,
    new_device,
    new_forwarder,
    new_member,
    new_order,
    new_stop,
    new_vehicle,
    of_a,
    outsider,
    own_order,
    payment,
    photo,
    photographed_job,
    plan,
    priced_order,
    proven_stop,
    refresh_token,
    scheduled,
    session,
    trip_and_order,
    unknown_tile,
)
from adversarial.matrix_rows import (
    Case,
    assistants,
    clients,
    everyone,
    fleet,
    of_company_a,
    of_request,
    roadside,
    signed_in,
)
from adversarial.matrix_users import AWAY, STOP, call_body, photo_file, trip_body, vehicle_body
from testing.samples import order_body, position_body
from testing.users import PASSWORD, fresh_phone

WRONG_CODE = "000000"
FAKE_DATA_OFF = fleet(
    (403, "fake_data_off"),
    **dict.fromkeys(("client", "other_client", "assistant", "other_assistant"), (403, "forbidden")),
)
NEW_PASSWORDS = {
    "old_password": PASSWORD,
    "new_password": "another-horse-battery",
    "new_password_confirm": "another-horse-battery",
}

# A remark in brackets distinguishes several requests of one operation.
EXPECTED: dict[str, Case] = {
    # The process, the documents, files
    "GET /": Case(everyone(200)),
    "GET /api/": Case(everyone(200)),
    "GET /api/schema/": Case(everyone(200)),
    "GET /api/docs/": Case(everyone(200)),
    "GET /api/docs/sockets/": Case(everyone(200)),
    "GET /healthz/": Case(everyone(200)),
    "GET /readyz/": Case(everyone(200)),
    "GET /metrics/ (without METRICS_TOKEN)": Case(everyone(404)),
    "GET /metrics/ (with METRICS_TOKEN, which is nobody's)": Case(everyone(401), on=metrics_server),
    "GET /media/{path}": Case(everyone(200), on=photo),
    "GET /streets/{build}/{z}/{x}/{y}.mvt": Case(everyone(404), on=unknown_tile),
    **PAGES,
    # Signing in
    "POST /api/auth/register/": Case(
        everyone(201), lambda values: {"phone_number": fresh_phone(), "name": "Amina", "password": PASSWORD}
    ),
    "POST /api/auth/login/": Case(everyone(200), lambda values: {"username": values["username"], "password": PASSWORD}),
    "POST /api/auth/login/email/": Case(everyone(200), lambda values: {"email": values["email"], "password": PASSWORD}),
    "POST /api/auth/login/phone/": Case(
        everyone(200), lambda values: {"phone_number": values["phone"], "password": PASSWORD}
    ),
    "POST /api/auth/login/google/": Case(everyone(400), {}),
    "POST /api/auth/logout/": Case(signed_in(200), {}, session),
    "POST /api/auth/token/refresh/": Case(everyone(200), lambda values: {"refresh": values["lasting"]}),
    "POST /api/auth/token/revoke/": Case(everyone(200), lambda values: {"refresh": values["refresh"]}, refresh_token),
    # Codes and passwords: a wrong code is a 400 for callers who may enter one
    "POST /api/auth/verify-email/ (with a code)": Case(
        everyone(400), {"email": "nobody@example.com", "code": WRONG_CODE}
    ),
    "POST /api/auth/verify-email/ (without a body)": Case(signed_in(200), {}),
    "POST /api/auth/verify-email/confirm/": Case(signed_in(400), {"code": WRONG_CODE}),
    "POST /api/auth/verify-phone/ (with a code)": Case(
        everyone(400), {"phone_number": "+213660000000", "code": WRONG_CODE}
    ),
    "POST /api/auth/verify-phone/ (without a body)": Case(signed_in(200), {}),
    "POST /api/auth/verify-phone/confirm/": Case(signed_in(400), {"code": WRONG_CODE}),
    "POST /api/auth/resend-verification/ (with an address)": Case(everyone(200), {"phone_number": "+213660000000"}),
    "POST /api/auth/resend-verification/ (without a body)": Case({**signed_in(200), "anon": 400}, {}),
    "POST /api/auth/password-reset/": Case(everyone(200), {"phone_number": "+213660000000"}),
    "POST /api/auth/password-reset/confirm/": Case(
        everyone(400),
        {
            "phone_number": "+213660000000",
            "code": WRONG_CODE,
            **{key: NEW_PASSWORDS[key] for key in ("new_password", "new_password_confirm")},
        },
    ),
    "POST /api/auth/password-change/": Case(signed_in(200), NEW_PASSWORDS, double(*signed_in(200))),
    # One's own account
    "GET /api/auth/profile/": Case(signed_in(200)),
    "PUT /api/auth/profile/": Case(signed_in(200), {"first_name": "Nadia"}),
    "PATCH /api/auth/profile/": Case(signed_in(200), {"first_name": "Nadia"}),
    # This operator belongs to no company, so has no current one.
    "GET /api/auth/company/": Case(fleet(200, staff=404)),
    "PUT /api/auth/company/": Case(fleet(200, staff=404), {"company_phone": "555-9999"}),
    "PATCH /api/auth/company/": Case(fleet(200, staff=404), {"company_phone": "555-9999"}),
    "GET /api/devices/push/": Case(signed_in(200)),
    "POST /api/devices/push/": Case(signed_in(201), lambda values: {"kind": "fcm", "token": fresh_phone()}),
    "PUT /api/devices/push/": Case(signed_in(200), {"quiet_from": None, "quiet_until": None}),
    "PATCH /api/devices/push/": Case(signed_in(200), {"quiet_from": None, "quiet_until": None}),
    "DELETE /api/devices/push/": Case(signed_in(204), {"token": "nobody's"}),
    "GET /api/profile/user/": Case(signed_in(200)),
    "PUT /api/profile/user/": Case(signed_in(200), {"address": "Alger"}),
    "PATCH /api/profile/user/": Case(signed_in(200), {"address": "Alger"}),
    "DELETE /api/profile/user/": Case(signed_in(204), None, double(*signed_in(204))),
    "GET /api/profile/assistant/": Case(assistants(200)),
    "PUT /api/profile/assistant/": Case(assistants(200), {"address": "Alger"}),
    "PATCH /api/profile/assistant/": Case(assistants(200), {"address": "Alger"}),
    "POST /api/profile/photo/": Case(signed_in(200), options=lambda values: {"files": photo_file()}),
    "DELETE /api/profile/photo/": Case(signed_in(204)),
    "POST /api/profile/update-location/": Case(signed_in(200), AWAY),
    "PUT /api/profile/update-location/": Case(signed_in(200), AWAY),
    "POST /api/profile/assistant-status/": Case(assistants(200), {"is_active": True}),
    "PUT /api/profile/assistant-status/": Case(assistants(200), {"is_active": True}),
    "POST /api/profile/update-status/": Case(assistants(200), {"is_active": True}),
    "PUT /api/profile/update-status/": Case(assistants(200), {"is_active": True}),
    "GET /api/assistants/": Case(signed_in(200)),
    # Roadside help; each try has a request of its own, in the state in which most is allowed
    "POST /api/assistance/request/": Case(clients(201), {"pickup": AWAY}, double("client", "other_client")),
    # Clients ask for themselves, whomever they name.
    "POST /api/assistance/request/ (for a caller)": Case(
        {**roadside(201), **dict.fromkeys(("client", "other_client"), 201)}, call_body, double("client", "other_client")
    ),
    "POST /api/assistance/assign/{assistance_id}/": Case(
        roadside(200), lambda values: {"assistant": values["helper"]}, job()
    ),
    "GET /api/assistance/scheduled/": Case(roadside(200)),
    "DELETE /api/assistance/scheduled/{assistance_id}/": Case(roadside(204), None, scheduled),
    "GET /api/assistance/view/": Case(signed_in(200)),
    "GET /api/assistance/view/{assistance_id}/ (waiting)": Case(
        of_request(client=200, assistant=200, staff=200), None, job()
    ),
    "GET /api/assistance/view/{assistance_id}/ (accepted)": Case(
        of_request(client=200, assistant=200, staff=200), None, job("accepted")
    ),
    # Any assistant on duty may take a request, offered or not.
    "PATCH /api/assistance/accept/{assistance_id}/": Case(assistants(200), {}, job()),
    # Only the first assistant was near enough to be asked.
    "POST /api/assistance/decline/{assistance_id}/": Case({**assistants(200), "other_assistant": 404}, {}, job()),
    "POST /api/assistance/release/{assistance_id}/": Case(
        of_request(client=(409, "not_stalled"), assistant=200, staff=200), {}, job("accepted")
    ),
    "POST /api/assistance/release/{assistance_id}/ (ongoing)": Case(
        of_request(client=409, assistant=409, staff=200), {}, job("accepted", "ongoing")
    ),
    "PATCH /api/assistance/update/{assistance_id}/ (canceled)": Case(
        of_request(client=200, assistant=200, staff=200), {"status": "canceled"}, job("accepted")
    ),
    "PATCH /api/assistance/update/{assistance_id}/ (ongoing)": Case(
        of_request(client=403, assistant=200, staff=200), {"status": "ongoing"}, job("accepted")
    ),
    "PATCH /api/assistance/update/{assistance_id}/ (completed)": Case(
        of_request(client=403, assistant=200, staff=200), {"status": "completed"}, job("accepted", "ongoing")
    ),
    "PATCH /api/assistance/update/status/{assistance_id}/ (canceled)": Case(
        of_request(client=200, assistant=200, staff=200), {"status": "canceled"}, job("accepted")
    ),
    "PATCH /api/assistance/update/status/{assistance_id}/ (ongoing)": Case(
        of_request(client=403, assistant=200, staff=200), {"status": "ongoing"}, job("accepted")
    ),
    "PATCH /api/assistance/update/end/{assistance_id}/": Case(
        of_request(client=403, assistant=200, staff=200), {}, job("accepted")
    ),
    "PATCH /api/assistance/update/price/{assistance_id}/": Case(
        of_request(client=403, assistant=200, staff=200), {"price": 1500, "reason": "agreed"}, job("accepted")
    ),
    "POST /api/assistance/price/{assistance_id}/ (a tariff's)": Case(
        of_request(client=409, assistant=403, staff=403), {"accept": True}, job("accepted")
    ),
    "POST /api/assistance/price/{assistance_id}/ (an adjusted one)": Case(
        of_request(client=200, assistant=403, staff=403), {"accept": True}, job("accepted", "adjusted")
    ),
    "PATCH /api/assistance/update/rating/{assistance_id}/": Case(
        of_request(client=200, assistant=403, staff=403), {"rating": 5}, job("accepted", "completed")
    ),
    "PATCH /api/assistance/rate/{assistance_id}/": Case(
        of_request(client=200, assistant=403, staff=403), {"rating": 5}, job("accepted", "completed")
    ),
    # Being offered a request is not yet being a party of its conversation.
    "GET /api/assistance/{assistance_id}/messages/ (waiting)": Case(
        of_request(client=200, assistant=404, staff=200), None, job()
    ),
    "GET /api/assistance/{assistance_id}/messages/ (accepted)": Case(
        of_request(client=200, assistant=200, staff=200), None, job("accepted")
    ),
    "POST /api/assistance/{assistance_id}/messages/ (waiting)": Case(
        of_request(client=201, assistant=404, staff=201), {"message": "I am here"}, job()
    ),
    "POST /api/assistance/{assistance_id}/messages/ (accepted)": Case(
        of_request(client=201, assistant=201, staff=201), {"message": "I am here"}, job("accepted")
    ),
    # An offer shows no photos: they may show plates and people.
    "GET /api/assistance/{assistance_id}/photos/ (waiting)": Case(
        of_request(client=200, assistant=404, staff=200), None, photographed_job()
    ),
    "GET /api/assistance/{assistance_id}/photos/ (accepted)": Case(
        of_request(client=200, assistant=200, staff=200), None, photographed_job("accepted")
    ),
    "GET /api/assistance/{assistance_id}/photos/{photo_id}/ (waiting)": Case(
        of_request(client=200, assistant=404, staff=200), None, photographed_job()
    ),
    "GET /api/assistance/{assistance_id}/photos/{photo_id}/ (accepted)": Case(
        of_request(client=200, assistant=200, staff=200), None, photographed_job("accepted")
    ),
    # Companies
    "GET /api/companies/": Case(fleet(200)),
    "POST /api/companies/": Case(fleet(201), {"name": "Another"}, double("dispatcher_a", "dispatcher_b", "staff")),
    "GET /api/companies/{id}/": Case(of_company_a(200), None, of_a("company")),
    "PUT /api/companies/{id}/": Case(of_company_a(200), {"phone": "555-9999"}, of_a("company")),
    "PATCH /api/companies/{id}/": Case(of_company_a(200), {"phone": "555-9999"}, of_a("company")),
    "DELETE /api/companies/{id}/": Case(of_company_a(204), None, new_company),
    "GET /api/companies/{company_id}/members/": Case(of_company_a(200), None, of_a("company")),
    "POST /api/companies/{company_id}/members/": Case(
        of_company_a(202), lambda values: {"username": values["username"]}, outsider
    ),
    "PATCH /api/companies/{company_id}/members/{user_id}/": Case(of_company_a(200), {"role": "viewer"}, new_member),
    "DELETE /api/companies/{company_id}/members/{user_id}/": Case(of_company_a(204), None, new_member),
    "GET /api/companies/{company_id}/invitations/": Case(of_company_a(200), None, of_a("company")),
    "DELETE /api/companies/{company_id}/invitations/{invitation_id}/": Case(of_company_a(204), None, invitation),
    # Invitations: visible to the invited user only, not to operators
    "GET /api/invitations/": Case(fleet(200)),
    "POST /api/invitations/{invitation_id}/accept/ (another's)": Case(fleet(404), {}, invitation),
    "POST /api/invitations/{invitation_id}/decline/ (another's)": Case(fleet(404), {}, invitation),
    "POST /api/invitations/{invitation_id}/accept/ (one's own)": Case(
        fleet(404, dispatcher_b=200), {}, invitation_of_b
    ),
    "POST /api/invitations/{invitation_id}/decline/ (one's own)": Case(
        fleet(404, dispatcher_b=200), {}, invitation_of_b
    ),
    # Vehicles
    "GET /api/vehicles/": Case(fleet(200)),
    "POST /api/vehicles/": Case(fleet(201), vehicle_body),
    "GET /api/vehicles/{id}/": Case(of_company_a(200), None, of_a("vehicle")),
    "PUT /api/vehicles/{id}/": Case(of_company_a(200), {"make": "Iveco"}, of_a("vehicle")),
    "PATCH /api/vehicles/{id}/": Case(of_company_a(200), {"make": "Iveco"}, of_a("vehicle")),
    "DELETE /api/vehicles/{id}/": Case(of_company_a(204), None, new_vehicle),
    "POST /api/vehicles/{id}/restore/": Case(of_company_a(200), {}, deleted_vehicle),
    # Orders
    "GET /api/orders/": Case(fleet(200)),
    "POST /api/orders/": Case(fleet(201), lambda values: order_body(company=values["own_company"])),
    "POST /api/orders/generate-fake/": Case(FAKE_DATA_OFF, {"count": 1}),
    "GET /api/orders/{id}/": Case(of_company_a(200), None, of_a("order")),
    "PUT /api/orders/{id}/": Case(of_company_a(200), {"customer_name": "Jane"}, of_a("order")),
    "PATCH /api/orders/{id}/": Case(of_company_a(200), {"customer_name": "Jane"}, of_a("order")),
    "DELETE /api/orders/{id}/": Case(of_company_a(204), None, new_order),
    "GET /api/orders/{id}/link/": Case(of_company_a(200), None, linked_order),
    "POST /api/orders/{id}/link/": Case(of_company_a(201), {}, new_order),
    "DELETE /api/orders/{id}/link/": Case(of_company_a(204), None, linked_order),
    # Trips and their stops
    "GET /api/trips/": Case(fleet(200)),
    "POST /api/trips/": Case(fleet(201), trip_body),
    "GET /api/trips/{id}/": Case(of_company_a(200), None, of_a("trip")),
    "PUT /api/trips/{id}/": Case(of_company_a(200), {"notes": "x"}, of_a("trip")),
    "PATCH /api/trips/{id}/": Case(of_company_a(200), {"notes": "x"}, of_a("trip")),
    "DELETE /api/trips/{id}/": Case(of_company_a(204), None, trip_and_order),
    "POST /api/trips/{id}/add-order/": Case(
        of_company_a(201), lambda values: {"order": values["order"]}, trip_and_order
    ),
    "POST /api/trips/{id}/notify-driver/": Case(of_company_a(200), {}, trip_and_order),
    "POST /api/trips/{id}/driver-link/": Case(of_company_a(201), {}, trip_and_order),
    "DELETE /api/trips/{id}/driver-link/": Case(of_company_a(204), None, linked_trip),
    "POST /api/trips/{id}/reorder-stops/": Case(
        of_company_a(200),
        lambda values: {"orders": [{"id": stop, "sequence": place} for place, stop in enumerate(values["stops"], 1)]},
        of_a("trip"),
    ),
    "GET /api/trips/{id}/route.geojson/": Case(of_company_a(200), None, of_a("trip")),
    "POST /api/trips/{id}/evaluate/": Case(of_company_a(200), {}, of_a("trip")),
    "POST /api/trips/{id}/resequence/": Case(of_company_a(200), {"dry_run": True}, of_a("trip")),
    "GET /api/trips/plans/": Case(fleet(200)),
    "POST /api/trips/plans/": Case(
        fleet(202),
        lambda values: {"orders": [values["waiting"]], "vehicles": [values["own_vehicle"]], "date": "2026-12-01", "time_limit": 2},
        own_order,
    ),
    "GET /api/trips/plans/{id}/": Case(of_company_a(200), None, plan()),
    "POST /api/trips/plans/{id}/apply/": Case(of_company_a(200), {}, plan()),
    "POST /api/trips/plans/{id}/cancel/": Case(of_company_a(200), {}, plan()),
    "POST /api/trips/plans/{id}/undo/": Case(of_company_a(200), {}, plan(applied=True)),
    "GET /api/trips/plans/{id}/why/": Case(
        of_company_a(200), None, plan(), options=lambda values: {"params": {"order": values["planned"]}}
    ),
    "GET /api/trip-stops/": Case(fleet(200)),
    "POST /api/trip-stops/": Case(fleet(201), lambda values: {"trip": values["own_trip"], "stop": STOP}),
    "GET /api/trip-stops/{id}/": Case(of_company_a(200), None, of_a("stop")),
    "PUT /api/trip-stops/{id}/": Case(of_company_a(200), {"notes": "x"}, of_a("stop")),
    "PATCH /api/trip-stops/{id}/": Case(of_company_a(200), {"notes": "x"}, of_a("stop")),
    "DELETE /api/trip-stops/{id}/": Case(of_company_a(204), None, new_stop),
    "GET /api/trip-stops/{id}/proof/{kind}/": Case(of_company_a(200), None, proven_stop),
    # Payments: of orders by company, of jobs by who works the roadside
    "GET /api/payments/": Case(fleet(200)),
    "POST /api/payments/ (an order)": Case(
        fleet(201, dispatcher_b=400, roadside=400), lambda values: {"order": values["order"], "method": "cash"}, priced_order
    ),
    "POST /api/payments/ (a job)": Case(
        {**roadside(201), "dispatcher_a": 400, "dispatcher_b": 400},
        lambda values: {"assistance": values["assistance_id"], "method": "cash"},
        job("accepted"),
    ),
    "GET /api/payments/{payment_id}/": Case(of_company_a(200), None, payment),
    "POST /api/payments/{payment_id}/reverse/": Case(of_company_a(201), {"reason": "wrong order"}, payment),
    "GET /api/payments/balance/": Case(
        of_company_a(200), None, priced_order, options=lambda values: {"params": {"order": values["order"]}}
    ),
    "GET /api/payments/unpaid/": Case(fleet(200)),
    "GET /api/payments/cash/": Case(roadside(200)),
    "POST /api/payments/cash/": Case(roadside(201), lambda values: {"assistant": values["helper"]}, cash),
    "POST /api/payments/cash/{payment_id}/reverse/": Case(roadside(201), {"reason": "miscounted"}, hand_in),
    # Places
    "GET /api/places/": Case(signed_in(200), options=lambda values: {"params": {"q": "port"}}),
    "GET /api/places/at/": Case(signed_in(200), options=lambda values: {"params": {"lat": 36.75, "lng": 3.05}}),
    # Positions
    "GET /api/positions/": Case(fleet(200)),
    "POST /api/positions/": Case(fleet(201), lambda values: position_body(values["own_vehicle"])),
    "POST /api/positions/bulk/": Case(fleet(200), lambda values: {"positions": [position_body(values["own_vehicle"])]}),
    "POST /api/positions/generate-fake/": Case(
        FAKE_DATA_OFF, lambda values: {"vehicle_id": values["own_vehicle"], "count": 1}
    ),
    "GET /api/positions/latest/": Case(fleet(200)),
    "GET /api/positions/track/": Case(
        fleet(200), options=lambda values: {"params": {"vehicle": values["own_vehicle"]}}
    ),
    "GET /api/positions/{id}/": Case(of_company_a(200), None, of_a("position")),
    # Devices: people make and end them; at the endpoints of devices the key is the only credential
    "GET /api/devices/": Case(fleet(200)),
    "POST /api/devices/": Case(fleet(201), lambda values: {"vehicle_id": values["own_vehicle"]}),
    "DELETE /api/devices/{id}/": Case(of_company_a(204), None, new_device),
    "GET /api/forwarders/": Case(fleet(200)),
    "POST /api/forwarders/": Case(fleet(201), lambda values: {"name": "Traccar", "company": values["own_company"]}),
    "DELETE /api/forwarders/{id}/": Case(of_company_a(204), None, new_forwarder),
    "GET /api/devices/osmand/ (with a key)": Case(
        everyone(200), options=lambda values: {"params": {"id": values["key"], "lat": 1, "lon": 1}}
    ),
    "GET /api/devices/osmand/ (without)": Case(everyone(401), options=lambda values: {"params": {"lat": 1, "lon": 1}}),
    "POST /api/devices/osmand/ (with a key)": Case(
        everyone(200), options=lambda values: {"data": {"id": values["key"], "lat": "1", "lon": "1"}}
    ),
    "POST /api/devices/osmand/ (without)": Case(
        everyone(401), options=lambda values: {"data": {"lat": "1", "lon": "1"}}
    ),
    "POST /api/devices/traccar/ (with a key)": Case(
        everyone(200), lambda values: {"device_id": values["key"], "location": {"event": "heartbeat"}}
    ),
    "POST /api/devices/traccar/ (without)": Case(everyone(401), {}),
    "POST /api/devices/owntracks/ (with a key)": Case(
        everyone(200), {}, options=lambda values: {"headers": {"Authorization": _basic(values["key"])}}
    ),
    "POST /api/devices/owntracks/ (without)": Case(everyone(401), {}),
}


def _basic(key: str) -> str:
    return "Basic " + b64encode(f"tracker:{key}".encode()).decode()
