"""For which company somebody makes a new vehicle or order."""

from accounts.models import Company, User
from accounts.permissions import require_editor
from depannini_dashmap.lib.errors import InvalidData


def company_for(actor: User, company: Company | None) -> int:
    """Return the id of the company named, else of the actor's current one.

    Raises: InvalidData (neither named nor current), Forbidden (the actor only views it).
    """
    company_id = company.pk if company is not None else actor.current_company_id
    if company_id is None or not Company.objects.visible_to(actor).filter(pk=company_id).exists():
        raise InvalidData(fields={"company": ["This field is required."]})
    require_editor(actor, company_id)
    return company_id
