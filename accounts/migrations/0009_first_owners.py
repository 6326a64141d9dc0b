"""Make the oldest member of each company its owner, and prove what 0008 promised of new rows only."""

from django.db import migrations
from django.db.models import F, OuterRef, Subquery

from depannini_dashmap.lib.db.migration_operations import ProveCheck, in_batches


def name_owners(apps, schema_editor):
    """Prefer who may sign in; a company of viewers alone gets none."""
    memberships = apps.get_model("accounts", "Membership").objects
    oldest = memberships.filter(company=OuterRef("company"), role="member").order_by(
        "-user__is_active", "created_at", "pk"
    )
    owned = memberships.filter(is_owner=True).values("company")
    first = memberships.exclude(company__in=owned).annotate(first=Subquery(oldest.values("pk")[:1])).filter(pk=F("first"))
    in_batches(memberships.filter(pk__in=list(first.values_list("pk", flat=True))), is_owner=True)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0008_companies_have_owners")]

    operations = [
        migrations.RunPython(name_owners, migrations.RunPython.noop),
        ProveCheck(model_name="membership", name="membership_owner_edits"),
    ]
