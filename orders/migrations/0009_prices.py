"""What an order costs and what was paid of it: columns without a value for what is there already."""

from django.core.validators import MinValueValidator
from django.db import migrations, models
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows


def _price():
    return models.DecimalField(
        _("price"), max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)],
        help_text=_("what the customer pays, VAT included; empty: not agreed"),
    )  # fmt: skip


def _paid():
    return models.DecimalField(_("paid"), max_digits=12, decimal_places=2, default=0, db_default=0, editable=False)


class Migration(migrations.Migration):
    dependencies = [("orders", "0008_indexes_of_long_lists")]

    operations = [
        *(migrations.AddField(model, "price", _price()) for model in ("order", "historicalorder")),
        *(migrations.AddField(model, "paid", _paid()) for model in ("order", "historicalorder")),
        AddCheckForNewRows(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("price__isnull", True), ("price__gte", 0), _connector="OR"), name="order_price_not_negative"
            ),
        ),
    ]
