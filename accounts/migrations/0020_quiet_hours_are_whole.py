"""Hold the accounts of before to quiet hours that begin and end."""

from django.db import migrations

from depannini_dashmap.lib.db.migration_operations import ProveCheck


class Migration(migrations.Migration):
    dependencies = [("accounts", "0019_push_devices")]

    operations = [ProveCheck(model_name="user", name="user_quiet_hours_whole")]
