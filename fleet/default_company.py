"""For which company somebody makes a new vehicle or order."""

from typing import Any

from django.db.models import QuerySet

from accounts.models import Company, Membership, User
from depannini_dashmap.lib.db.prepared import PreparedRows
from depannini_dashmap.lib.errors import Forbidden, InvalidData


def _role_rows(reader: Any, company_id: int) -> QuerySet:
    if reader.is_operator:
        return Company.objects.filter(pk=company_id).values_list("id")
    return Membership.objects.filter(user_id=reader.pk, company_id=company_id).order_by().values_list("role")


# One row for who sees the company: a member's role, an operator's sight of it.
_roles_in = PreparedRows(_role_rows)


def company_for(actor: User, company: Company | None) -> int:
    """Return the id of the company named, else of the actor's current one.

    Raises: InvalidData (neither named nor current), Forbidden (the actor only views it).
    """
    company_id = company.pk if company is not None else actor.current_company_id
    roles = [] if company_id is None else _roles_in(actor, company_id)
    if not roles:
        raise InvalidData(fields={"company": ["This field is required."]})
    if not actor.is_operator and (Membership.Role.MEMBER,) not in roles:
        raise Forbidden()
    return company_id
