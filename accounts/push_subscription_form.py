"""What a page sends of a browser that is to be notified."""

from __future__ import annotations

from django.http import QueryDict

from depannini_dashmap.lib.errors import InvalidData
from depannini_dashmap.lib.outbound import web_push
from depannini_dashmap.lib.outbound.push_messages import WEB_PUSH, PushAddress


def read_subscription(form: QueryDict) -> PushAddress:
    """Return the address that a browser gave (endpoint, p256dh, auth). Raises: InvalidData, also for a service that is not known."""
    endpoint = form.get("endpoint", "")
    p256dh, auth = (form.get(name, "").rstrip("=") for name in ("p256dh", "auth"))
    try:
        web_push.check_endpoint(endpoint)
        web_push.check_keys(p256dh, auth)
    except web_push.NotASubscription as error:
        raise InvalidData(fields={str(error): ["Not valid"]}) from None
    return PushAddress(WEB_PUSH, endpoint, p256dh, auth)
