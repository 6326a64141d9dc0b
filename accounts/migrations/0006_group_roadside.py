"""The group of dispatchers who also work the roadside side; nobody is in it before an operator says so."""

from typing import Any

from django.db import migrations

NAME = "Roadside"


def add_group(apps: Any, schema_editor: Any) -> None:
    apps.get_model("auth", "Group").objects.get_or_create(name=NAME)


def remove_empty_group(apps: Any, schema_editor: Any) -> None:
    """Remove the group again, unless people are in it: the release before makes nothing of it."""
    apps.get_model("auth", "Group").objects.filter(name=NAME, user__isnull=True).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_company_phone_is_a_phone"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(add_group, remove_empty_group)]
