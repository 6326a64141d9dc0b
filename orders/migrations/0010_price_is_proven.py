"""Prove the check of prices, and index what is unpaid, while people write."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import AddIndexWhileWritten, ProveCheck


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0009_prices")]

    operations = [
        ProveCheck(model_name="order", name="order_price_not_negative"),
        AddIndexWhileWritten(
            "order",
            models.Index(
                fields=["company", "customer_name"],
                condition=models.Q(("price__gt", models.F("paid")), ("status", "delivered")),
                name="order_unpaid",
            ),
        ),
    ]
