"""Indexes for the orders in which lists are read and what they are searched for; nobody is kept from writing meanwhile."""

from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import AddIndexWhileWritten
from depannini_dashmap.lib.db.search import AddSearchIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0007_planning")]

    operations = [
        AddIndexWhileWritten("order", models.Index(fields=["company", "status", "-created_at", "-id"], name="order_by_status")),
        AddIndexWhileWritten(
            "order",
            models.Index(
                fields=["company", "status"],
                condition=models.Q(("status__in", ("pending", "assigned", "in_transit"))),
                name="order_open",
            ),
        ),
        AddIndexWhileWritten("order", models.Index(fields=["company", "customer_name", "id"], name="order_by_customer")),
        AddIndexWhileWritten("order", models.Index(fields=["customer_name", "id"], name="order_customers")),
        AddIndexWhileWritten("order", models.Index(fields=["company", "-updated_at", "-id"], name="order_changed")),
        AddSearchIndex(
            "order",
            "order_words",
            ["order_number", "customer_name", "customer_company", "customer_phone", "goods_description"],
        ),
    ]
