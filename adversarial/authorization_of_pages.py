"""Who may open which page: rows of the matrix for links, the page for motorists, the console's front door and the assistants' page."""

from adversarial.matrix_objects import (
    admin_session,
    as_motorist,
    duty_form,
    duty_session,
    help_link,
    linked_order,
    linked_photo,
    photo_of_another_link,
    photographed_job,
    unknown_link,
)
from adversarial.matrix_rows import Case, everyone
from adversarial.matrix_users import AWAY
from testing.users import PASSWORD

IN_THE_DUTY_PAGE = {**everyone(401), **dict.fromkeys(("assistant", "other_assistant"), 200)}


def duty_fields(**fields):
    """Return what makes a form of the duty page out of the fields, as its outbox sends it."""
    return lambda values: {
        "data": {**fields, "csrfmiddlewaretoken": values["csrf"]}, "headers": {"Accept": "application/json"},
    }  # fmt: skip


PAGES: dict[str, Case] = {
    "GET /t/worker.js": Case(everyone(200)),
    "GET /t/{token}/": Case(everyone(404), on=unknown_link),
    "POST /t/{token}/ticket/": Case(everyone(404), {}, unknown_link),
    # Asking for help needs no account; a link opens its one request to anybody who has it, signed in or not, as the same motorist.
    "GET /help/": Case(everyone(200)),
    "GET /help/places/": Case(everyone(200)),
    "GET /h/worker.js": Case(everyone(200)),
    "GET /h/{token}/ (unknown)": Case(everyone(404), on=unknown_link),
    "GET /h/{token}/ (of a request)": Case(everyone(200), on=help_link),
    "GET /h/{token}/state/ (unknown)": Case(everyone(404), on=unknown_link),
    "GET /h/{token}/state/ (of a request)": Case(everyone(200), on=help_link),
    "POST /h/{token}/ticket/ (unknown)": Case(everyone(404), {}, unknown_link),
    "POST /h/{token}/ticket/ (of a request)": Case(everyone(200), {}, help_link),
    "GET /h/{token}/push/ (unknown)": Case(everyone(405), on=unknown_link),
    "GET /h/{token}/push/ (of a request)": Case(everyone(405), on=help_link),
    "GET /h/{token}/receipt/ (unknown)": Case(everyone(404), on=unknown_link),
    "GET /h/{token}/receipt/ (of a request under way)": Case(everyone(404), on=help_link),
    "GET /h/{token}/receipt.pdf (unknown)": Case(everyone(404), on=unknown_link),
    "GET /h/{token}/receipt.pdf (of a request under way)": Case(everyone(404), on=help_link),
    "GET /h/{token}/photos/{photo_id}/ (unknown)": Case(everyone(404), on=unknown_link),
    "GET /h/{token}/photos/{photo_id}/ (of the link's request)": Case(everyone(200), on=linked_photo),
    "GET /h/{token}/photos/{photo_id}/ (of another request)": Case(everyone(404), on=photo_of_another_link),
    # The link's token is no credential: with it one is as nobody.
    "GET /api/assistance/view/ (with a link's token)": Case(everyone((401, "invalid_token")), on=as_motorist),
    "GET /api/profile/user/ (with a link's token)": Case(everyone((401, "invalid_token")), on=as_motorist),
    "POST /api/assistance/request/ (with a link's token)": Case(everyone((401, "invalid_token")), {"pickup": AWAY}, as_motorist),
    "GET /api/trips/ (with a link's token)": Case(everyone((401, "invalid_token")), on=as_motorist),
    "GET /i/{token}/": Case(everyone(404), on=unknown_link),
    "GET /o/{token}/": Case(everyone(404), on=unknown_link),
    "GET /o/{token}/state/": Case(everyone(404), on=unknown_link),
    "GET /o/worker.js": Case(everyone(200)),
    "GET /o/{token}/push/": Case(everyone(405), on=unknown_link),
    "POST /o/{token}/ticket/": Case(everyone(404), {}, unknown_link),
    "GET /o/{token}/state/ (of an order)": Case(everyone(200), on=linked_order),
    "POST /o/{token}/ticket/ (of an order)": Case(everyone(200), {}, linked_order),
    "GET /o/{token}/proof/{kind}/": Case(everyone(404), on=unknown_link),
    "GET /admin/ (by header)": Case(everyone(302)),
    "GET /admin/ (after its form)": Case(
        {**everyone(302), **dict.fromkeys(("dispatcher_a", "dispatcher_b", "roadside", "staff"), 200)}, on=admin_session
    ),
    # The assistants' page: its own session alone counts there, and its forms carry a token
    "GET /duty/": Case(everyone(200)),
    "GET /duty/manifest.webmanifest": Case(everyone(200)),
    "GET /duty/worker.js": Case(everyone(200)),
    "POST /duty/ (by header)": Case(everyone(403), {"action": "on"}),
    "POST /duty/ (after its form)": Case(IN_THE_DUTY_PAGE, on=duty_session, options=duty_fields(action="on")),
    "GET /duty/sign-in/": Case(everyone(302)),
    "POST /duty/sign-in/": Case(
        {**everyone(401), **dict.fromkeys(("client", "other_client"), 403), **dict.fromkeys(("assistant", "other_assistant"), 303)},
        on=duty_form,
        options=lambda values: duty_fields(phone=values["own_phone"], password=PASSWORD)(values),
    ),
    "GET /duty/sign-in/code/": Case(everyone(200)),
    "POST /duty/sign-in/code/": Case(everyone(200), on=duty_form, options=duty_fields(phone="+213660000000", key="k")),
    "GET /duty/code/": Case(everyone(200)),
    "POST /duty/code/": Case(everyone(200), on=duty_form, options=duty_fields(phone="+213660000000")),
    "GET /duty/photos/{photo_id}/ (by header)": Case(everyone(401), on=photographed_job()),
    "GET /duty/photos/{photo_id}/ (of a request that is offered)": Case({**IN_THE_DUTY_PAGE, "assistant": 404, "other_assistant": 404}, on=photographed_job(in_the_duty_page=True)),
    "GET /duty/photos/{photo_id}/ (of an accepted request)": Case(
        {**IN_THE_DUTY_PAGE, "other_assistant": 404}, on=photographed_job("accepted", in_the_duty_page=True)
    ),
    "POST /duty/sign-out/": Case(everyone(303), on=duty_session, options=duty_fields()),
    "POST /duty/language/": Case(everyone(302), on=duty_form, options=duty_fields(language="en", next="/duty/")),
    "POST /duty/socket-token/": Case(IN_THE_DUTY_PAGE, on=duty_session, options=duty_fields()),
    "POST /duty/push/": Case(
        {**IN_THE_DUTY_PAGE, **{role: 400 for role, status in IN_THE_DUTY_PAGE.items() if status == 200}}, on=duty_session, options=duty_fields(endpoint="https://localhost/")
    ),
    "POST /duty/place/": Case(IN_THE_DUTY_PAGE, on=duty_session, options=duty_fields(lat="36.755", lng="3.06")),
}
