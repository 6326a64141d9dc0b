"""Objects that one try of the authorization matrix is about: each context manager makes one and yields the values of its request."""

import secrets
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from adversarial.matrix_users import AT, STOP, MatrixUsers, call_body, photo_file, vehicle_body
from testing.samples import created_id, invite, new_trip, order_body
from testing.users import PASSWORD, Caller, fresh_phone
from testing.waiting import wait_until


def double(*names: str):
    """Let somebody of the same role try, who may lose their account, or gain a company or an open request.

    `names` are those for whom it matters, because they are let in.
    """

    @contextmanager
    def held(matrix: MatrixUsers, name: str):
        yield {"actor": matrix.double(name)} if name in names else {}

    return held


@contextmanager
def session(matrix: MatrixUsers, name: str):
    """Let the actor try from a session that may end."""
    yield {"actor": matrix.session(name)}


@contextmanager
def refresh_token(matrix: MatrixUsers, name: str):
    """Return a refresh token that may end: it is the only credential needed."""
    yield {"refresh": matrix.session("client").known["refresh"]}


@contextmanager
def scheduled(matrix: MatrixUsers, name: str):
    """Return a request for a caller that is not due yet."""
    due = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    answer = matrix.roadside.post("/api/assistance/request/", {**call_body({}), "scheduled_for": due})
    assert answer.status_code == 201, answer.text
    yield {"assistance_id": answer.json()["scheduled"]["id"]}


def job(*steps: str):
    """Return a request of the first client in the state that an attack needs; it ends with the attack."""

    @contextmanager
    def held(matrix: MatrixUsers, name: str):
        client, assistant = matrix.client, matrix.assistant
        assert assistant.post("/api/profile/update-location/", AT).status_code == 200  # fresh, so that it is offered
        answer = client.post("/api/assistance/request/", {"pickup": AT})
        assert answer.status_code == 201, answer.text
        number = answer.json()["assistance"]["id"]
        try:
            for step in steps:
                if step == "accepted":
                    moved = assistant.patch(f"/api/assistance/accept/{number}/")
                elif step == "adjusted":
                    agreed = {"price": 900, "reason": "agreed by phone"}
                    moved = matrix.actors["staff"].patch(f"/api/assistance/update/price/{number}/", agreed)
                else:
                    moved = assistant.patch(f"/api/assistance/update/{number}/", {"status": step})
                assert moved.status_code == 200, moved.text
            yield {"assistance_id": number, "helper": assistant.id}
        finally:
            client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"})

    return held


def of_a(kind: str):
    """Put something lasting of company A into the path."""

    @contextmanager
    def held(matrix: MatrixUsers, name: str):
        yield {"id": matrix.of_a[kind], "company_id": matrix.of_a["company"]}

    return held


@contextmanager
def new_company(matrix: MatrixUsers, name: str):
    """Return an empty company; it is deleted after the attack, so that A stays its dispatcher's current one."""
    number = created_id(matrix.a.post("/api/companies/", {"name": "Empty"}))
    try:
        yield {"id": number}
    finally:
        matrix.a.delete(f"/api/companies/{number}/")


@contextmanager
def outsider(matrix: MatrixUsers, name: str):
    """Name a dispatcher whom company A does not have."""
    yield {"company_id": matrix.of_a["company"], "username": matrix.newcomer.known["username"]}


@contextmanager
def invitation(matrix: MatrixUsers, name: str):
    """Return an open invitation of company A to somebody else."""
    yield {"company_id": matrix.of_a["company"], "invitation_id": invite(matrix.of_a["company"], matrix.a, matrix.newcomer)}


@contextmanager
def invitation_of_b(matrix: MatrixUsers, name: str):
    """Return an open invitation to the dispatcher of company B, of a company that is deleted after the attack."""
    company = created_id(matrix.a.post("/api/companies/", {"name": "Asks"}))
    try:
        yield {"invitation_id": invite(company, matrix.a, matrix.b)}
    finally:
        assert matrix.a.delete(f"/api/companies/{company}/").status_code == 204
        matrix.b.put("/api/auth/profile/", {"company_id": matrix.own["dispatcher_b"]["company"]})


@contextmanager
def new_member(matrix: MatrixUsers, name: str):
    """Name a member of company A whom it can spare."""
    company, person = matrix.of_a["company"], matrix.newcomer
    number = invite(company, matrix.a, person)
    assert person.post(f"/api/invitations/{number}/accept/").status_code == 200
    yield {"company_id": company, "user_id": person.id}
    matrix.a.delete(f"/api/companies/{company}/members/{person.id}/")


@contextmanager
def new_vehicle(matrix: MatrixUsers, name: str):
    """Return a vehicle of company A that nothing uses."""
    yield {"id": created_id(matrix.a.post("/api/vehicles/", vehicle_body(matrix.values("dispatcher_a"))))}


@contextmanager
def deleted_vehicle(matrix: MatrixUsers, name: str):
    """Return a vehicle that company A has deleted."""
    with new_vehicle(matrix, name) as values:
        assert matrix.a.delete(f"/api/vehicles/{values['id']}/").status_code == 204
        yield values


@contextmanager
def new_order(matrix: MatrixUsers, name: str):
    """Return an order of company A that is in no trip."""
    yield {"id": created_id(matrix.a.post("/api/orders/", order_body()))}


@contextmanager
def linked_order(matrix: MatrixUsers, name: str):
    """Give an order of company A that has a customer's link."""
    with new_order(matrix, name) as values:
        answer = matrix.a.post(f"/api/orders/{values['id']}/link/", {})
        assert answer.status_code == 201
        yield {**values, "token": answer.json()["url"].rstrip("/").rpartition("/")[2]}


@contextmanager
def trip_and_order(matrix: MatrixUsers, name: str):
    """Return a trip of company A without stops, and an order for it."""
    with new_order(matrix, name) as values:
        yield {"id": new_trip(matrix.a, matrix.of_a["vehicle"]), "order": values["id"]}


@contextmanager
def linked_trip(matrix: MatrixUsers, name: str):
    """Return a trip of company A that has a driver's link."""
    with trip_and_order(matrix, name) as values:
        assert matrix.a.post(f"/api/trips/{values['id']}/driver-link/", {}).status_code == 201
        yield values


@contextmanager
def own_order(matrix: MatrixUsers, name: str):
    """Return an order that waits for a trip, of the company that an actor may name in a body."""
    maker = matrix.actors[name] if name in matrix.own else matrix.a
    yield {"waiting": created_id(maker.post("/api/orders/", order_body(company=matrix.values(name)["own_company"])))}


def plan(*, applied: bool = False):
    """Put a plan of company A that is ready, or applied, into the path."""

    @contextmanager
    def made_ready(matrix: MatrixUsers, name: str):
        if name not in ("dispatcher_a", "staff") and hasattr(matrix, "any_plan"):
            yield matrix.any_plan
            return
        order = created_id(matrix.a.post("/api/orders/", order_body()))
        asked = {"orders": [order], "vehicles": [matrix.of_a["vehicle"]], "date": "2026-12-01", "time_limit": 2}
        number = matrix.a.post("/api/trips/plans/", asked).json()["id"]
        wait_until(lambda: matrix.a.get(f"/api/trips/plans/{number}/").json()["status"] == "ready", seconds=60)
        if applied:
            assert matrix.a.post(f"/api/trips/plans/{number}/apply/").status_code == 200
        matrix.any_plan = {"id": number, "planned": order}
        yield matrix.any_plan

    return made_ready


@contextmanager
def priced_order(matrix: MatrixUsers, name: str):
    """Give an order of company A that costs something."""
    yield {"order": created_id(matrix.a.post("/api/orders/", {**order_body(), "price": "1500"}))}


@contextmanager
def payment(matrix: MatrixUsers, name: str):
    """Give a payment of company A."""
    with priced_order(matrix, name) as values:
        yield {"payment_id": created_id(matrix.a.post("/api/payments/", {**values, "method": "cash"}))}


@contextmanager
def cash(matrix: MatrixUsers, name: str):
    """Have the first assistant take the price of a job in cash."""
    with job("accepted")(matrix, name) as values:
        taken = {"assistance": values["assistance_id"], "method": "cash", "taken_by": values["helper"]}
        created_id(matrix.actors["staff"].post("/api/payments/", taken))
        yield values


@contextmanager
def hand_in(matrix: MatrixUsers, name: str):
    """Give cash that the first assistant handed in."""
    with cash(matrix, name) as values:
        yield {"payment_id": created_id(matrix.actors["staff"].post("/api/payments/cash/", {"assistant": values["helper"]}))}


@contextmanager
def unknown_link(matrix: MatrixUsers, name: str):
    """Put a link that nobody has into the path."""
    yield {"token": "x" * 32, "kind": "photo", "photo_id": 1}


@contextmanager
def help_link(matrix: MatrixUsers, name: str):
    """Ask for help by the page, once for all users, and put the link of the request into the path."""
    if not hasattr(matrix, "link_token"):
        asked = {"key": secrets.token_urlsafe(24), "pickup": "-50.0, -50.0", "assistance_type": "towing", "vehicle_type": "light", "phone": fresh_phone(), "step": "ask"}
        http = matrix.actors["anon"].http
        answer = http.request("POST", matrix.environment.urls[0] + "/help/", data=asked, follow_redirects=False)
        assert answer.status_code == 303, answer.text[:500]
        matrix.link_token = answer.headers["Location"].split("/")[2]
        matrix.environment.secrets.add(matrix.link_token)
    yield {"token": matrix.link_token}


def _request_photo(matrix: MatrixUsers, request: str) -> int:
    """Give a request, named by an expression, a photo of its client, and return its id."""
    code = (
        "import io; from django.core.files.base import ContentFile; from django.utils import timezone; from PIL import Image;"
        "from accounts import image_reencoding; from assistance.models import Assistance, RequestLink, RequestPhoto; out = io.BytesIO();"
        "Image.new('RGB', (9, 9)).save(out, 'PNG'); name = image_reencoding.save_photo(ContentFile(out.getvalue(), name='a.png'), 'requests');"
        f"job = Assistance.objects.get(pk={request});"
        "row = RequestPhoto.objects.create(assistance=job, sender_id=job.client_id, role='client', number=1, photo=name, at=timezone.now()); print('photo', row.pk)"
    )
    return int(matrix.environment.python(code).rpartition("photo ")[2])


def photographed_job(*steps: str, in_the_duty_page: bool = False):
    """Return a request of the first client with a photo of theirs; the actor may sign in on the duty page first."""

    @contextmanager
    def held(matrix: MatrixUsers, name: str):
        with job(*steps)(matrix, name) as values:
            values["photo_id"] = _request_photo(matrix, str(values["assistance_id"]))
            if not in_the_duty_page:
                yield values
                return
            with duty_session(matrix, name) as signed_in:
                yield {**values, **signed_in}

    return held


@contextmanager
def linked_photo(matrix: MatrixUsers, name: str):
    """Put the link of a request and a photo of it into the path."""
    with help_link(matrix, name) as values:
        if not hasattr(matrix, "linked_photo"):
            matrix.linked_photo = _request_photo(matrix, f"RequestLink.objects.get(token_hash=RequestLink.hash_of('{values['token']}')).assistance_id")
        yield {**values, "photo_id": matrix.linked_photo}


@contextmanager
def photo_of_another_link(matrix: MatrixUsers, name: str):
    """Put the link of a request and a photo of another into the path."""
    with help_link(matrix, name) as values, photographed_job()(matrix, name) as other:
        yield {**values, "photo_id": other["photo_id"]}


@contextmanager
def as_motorist(matrix: MatrixUsers, name: str):
    """Use the token of a request's link as a credential."""
    with help_link(matrix, name) as values:
        yield {"actor": Caller(matrix.environment, header=f"Bearer {values['token']}")}


@contextmanager
def unknown_tile(matrix: MatrixUsers, name: str):
    """Put a tile of a build that is not there into the path."""
    yield {"build": "2020-01-01", "z": 1, "x": 1, "y": 1}


@contextmanager
def new_stop(matrix: MatrixUsers, name: str):
    """Return a stop of no order in a trip of company A."""
    trip = new_trip(matrix.a, matrix.of_a["vehicle"])
    yield {"id": created_id(matrix.a.post("/api/trip-stops/", {"trip": trip, "stop": STOP}))}


@contextmanager
def proven_stop(matrix: MatrixUsers, name: str):
    """Give a stop of company A that its driver has proven by a signature, as on their page."""
    with new_stop(matrix, name) as values:
        matrix.environment.python(
            "import io; from django.core.files.base import ContentFile; from django.utils import timezone; from PIL import Image;"
            "from accounts import image_reencoding; from trips.models import StopProof; out = io.BytesIO(); Image.new('RGB', (9, 9)).save(out, 'PNG');"
            "name = image_reencoding.save_photo(ContentFile(out.getvalue(), name='a.png'), 'proofs');"
            f"StopProof.objects.create(trip_stop_id={values['id']}, signature=name, at=timezone.now())"
        )
        yield {**values, "kind": "signature"}


@contextmanager
def new_device(matrix: MatrixUsers, name: str):
    """Return a device of company A's vehicle."""
    answer = matrix.a.post("/api/devices/", {"vehicle_id": matrix.of_a["vehicle"]})
    matrix.environment.secrets.add(answer.json()["key"])
    yield {"id": created_id(answer)}


@contextmanager
def new_forwarder(matrix: MatrixUsers, name: str):
    """Return a forwarder of company A."""
    answer = matrix.a.post("/api/forwarders/", {"name": "Traccar"})
    matrix.environment.secrets.add(answer.json()["secret"])
    yield {"id": created_id(answer)}


@contextmanager
def photo(matrix: MatrixUsers, name: str):
    """Return the name of a photo that is served: anybody who knows its random name may fetch it."""
    answer = matrix.client.call("POST", "/api/profile/photo/", files=photo_file())
    assert answer.status_code == 200, answer.text
    yield {"path": answer.json()["profile_photo"].partition("/media/")[2]}


@contextmanager
def admin_session(matrix: MatrixUsers, name: str):
    """Let the actor sign in by the admin's form first, which lets in whom the site is open to."""
    browser, actor = Caller(matrix.environment), matrix.actors[name]
    login = matrix.environment.urls[0] + "/admin/login/"
    browser.http.get(login)
    form = {
        "username": actor.known.get("username") or actor.known.get("phone", "nobody"), "password": PASSWORD,
        "csrfmiddlewaretoken": browser.http.cookies.get("csrftoken", ""),
    }  # fmt: skip
    browser.http.post(f"{login}?next=/admin/", data=form, headers={"Referer": login})
    yield {"actor": browser}


@contextmanager
def duty_form(matrix: MatrixUsers, name: str):
    """Give the actor a browser with the token of the duty page's forms."""
    browser, known = Caller(matrix.environment), matrix.actors[name].known
    browser.get("/duty/")
    phone = known.get("phone") or known.get("username", "nobody")
    yield {"actor": browser, "csrf": browser.http.cookies["csrftoken"], "own_phone": phone}


@contextmanager
def duty_session(matrix: MatrixUsers, name: str):
    """Let the actor sign in by the duty page's form first, which lets assistants in."""
    with duty_form(matrix, name) as form:
        browser = form["actor"]
        fields = {"phone": form["own_phone"], "password": PASSWORD, "csrfmiddlewaretoken": form["csrf"]}
        browser.call("POST", "/duty/sign-in/", data=fields)
        yield {"actor": browser, "csrf": browser.http.cookies["csrftoken"]}


@contextmanager
def metrics_server(matrix: MatrixUsers, name: str):
    """Ask a server that has a METRICS_TOKEN."""
    if not hasattr(matrix, "measured"):
        matrix.measured = matrix.environment.start_server(METRICS_TOKEN="metrics-token-of-the-matrix", TASK_WORKER="off")
    yield {"base": matrix.measured}
