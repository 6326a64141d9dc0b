"""Give e-mails and usernames of before their one spelling, but where another account has it: those `doctor` names."""

from django.db import IntegrityError, migrations, transaction
from django.utils import timezone

from accounts.usernames import canonical_username
from depannini_dashmap.lib.db.migration_operations import ProveCheck
from depannini_dashmap.lib.text import NotAnEmail, canonical_email

PERHAPS_ANOTHER = {"email": r'[^ -~]|xn--|"', "username": r"[^ -~]|^ | $"}


def spell(apps, schema_editor):
    users = apps.get_model("accounts", "User").objects
    for field, pattern in PERHAPS_ANOTHER.items():
        rows = users.filter(**{f"{field}__regex": pattern}).order_by("pk").values_list("pk", "email", "username")
        for pk, email, username in list(rows):
            changes = _changes(email, username)
            try:
                with transaction.atomic():
                    if changes:
                        users.filter(pk=pk).update(**changes)
            except IntegrityError:
                pass  # somebody has it; nobody but an operator can say whose it is


def _changes(email, username):
    changes = {}
    if email:
        try:
            changes["email"] = canonical_email(email)
        except NotAnEmail:
            changes["email"] = email
    if username == email and email:
        changes["username"] = changes["email"]
    elif "@" not in username:
        changes["username"] = canonical_username(username) or username
    return {name: value for name, value in changes.items() if value != {"email": email, "username": username}[name]}


def back_to_one_code(apps, schema_editor):
    """Leave what the release before can hold: one open code of an address, five tries."""
    codes = apps.get_model("accounts", "VerificationCode").objects
    codes.filter(ended_at=None, purpose="claim").update(ended_at=timezone.now(), purpose="verify")
    codes.filter(purpose="claim").update(purpose="verify")
    newest = {}
    for pk, key, purpose in codes.filter(ended_at=None).order_by("pk").values_list("pk", "address_key", "purpose"):
        newest[key, purpose] = pk
    codes.filter(ended_at=None).exclude(pk__in=newest.values()).update(ended_at=timezone.now())
    codes.filter(tries__gt=5).update(tries=5)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0011_codes_beside_each_other")]

    operations = [
        migrations.RunPython(spell, back_to_one_code),
        ProveCheck(model_name="user", name="user_proven_is_not_suspended"),
        ProveCheck(model_name="verificationcode", name="code_tries_at_most_20"),
    ]
