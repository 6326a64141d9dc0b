"""Make room for who owns a company; what releases of before write and read stays as it is."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_notice_of_guesses")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="is_owner",
            field=models.BooleanField(db_default=False, default=False),
        ),
        AddCheckForNewRows(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_owner", False), ("role", "member"), _connector="OR"),
                name="membership_owner_edits",
            ),
        ),
    ]
