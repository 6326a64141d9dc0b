"""The audit trail: one row per event that someone may have to answer for."""

from typing import Any

from django.apps import apps
from django.db import connection, models

from depannini_dashmap.lib.ops import request_context


def record(event: str, *, actor: Any = None, target: models.Model | None = None, **detail: Any) -> None:
    """Write that `actor` (a user, or None for the system) did `event` to `target`, in the caller's transaction.

    `detail` holds plain JSON values and never a secret. Address and request id come from the request being served.
    """
    here = request_context.current()
    apps.get_model("depannini_dashmap", "AuditEvent").objects.create(
        event=event,
        actor_id=getattr(actor, "pk", None),
        target_type=target._meta.label_lower if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        address=here.address,
        request_id=here.request_id,
        detail=detail,
    )


def forget_addresses(person: models.Model) -> None:
    """Empty the network addresses from which a person, or somebody unknown in their name, came; the events themselves stay.

    By a function of the tables' owner, as the server's role may lack the right to change events.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT audit_forget_addresses(%s)", [person.pk])
        else:
            cursor.execute(
                "UPDATE depannini_dashmap_auditevent SET address = '' WHERE address <> ''"
                " AND (actor_id = %s OR actor_id IS NULL AND target_type = 'accounts.user' AND target_id = %s)",
                [person.pk, str(person.pk)],
            )
