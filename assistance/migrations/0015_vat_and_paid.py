"""The VAT that is in a price, and what was paid of it.

Nobody knows what was paid of jobs that ended before this: they have no value, so that they do not count as unpaid.
"""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models
from django.utils.translation import gettext_lazy as _


def _tariff_rate():
    return models.DecimalField(
        _("VAT rate"), max_digits=5, decimal_places=2, default=0, db_default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("per cent; the figures above have it in them already"),
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("assistance", "0014_request_links")]

    operations = [
        *(migrations.AddField(model, "vat_rate", _tariff_rate()) for model in ("tariff", "historicaltariff")),
        migrations.AddConstraint(
            "tariff", models.CheckConstraint(condition=models.Q(("vat_rate__range", (0, 100))), name="tariff_vat_rate_range")
        ),
        migrations.AddField(
            "assistance", "vat_rate",
            models.DecimalField(_("VAT rate"), max_digits=5, decimal_places=2, default=0, db_default=0, editable=False),
        ),
        migrations.AddField(
            "assistance", "paid",
            models.DecimalField(_("paid"), max_digits=12, decimal_places=2, null=True, editable=False),
        ),
        # New jobs begin at 0, which the column itself need not know; SQLite would copy the table.
        migrations.SeparateDatabaseAndState(state_operations=[
            migrations.AlterField(
                "assistance", "paid",
                models.DecimalField(_("paid"), max_digits=12, decimal_places=2, null=True, default=0, editable=False),
            ),
        ]),
    ]  # fmt: skip
