"""Hold the companies of before to what a depot is."""

from django.db import migrations

from depannini_dashmap.lib.db.migration_operations import ProveCheck


class Migration(migrations.Migration):
    dependencies = [("accounts", "0015_company_depot")]

    operations = [
        ProveCheck(model_name="company", name="company_depot_location"),
        ProveCheck(model_name="company", name="company_depot_has_address"),
    ]
