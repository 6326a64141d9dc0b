"""A company's depot: the pickup of sheets' rows that give only a delivery."""

import django.core.validators
from django.db import migrations, models
from django.db.models import Q

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows


def degrees(most):
    return models.DecimalField(
        blank=True,
        decimal_places=6,
        max_digits=9,
        null=True,
        validators=[django.core.validators.MinValueValidator(-most), django.core.validators.MaxValueValidator(most)],
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_one_account_per_caller")]

    operations = [
        migrations.AddField(
            "company",
            "depot_name",
            models.CharField(
                blank=True, db_default="", default="", help_text="empty: the name of the company", max_length=200
            ),
        ),
        migrations.AddField(
            "company",
            "depot_address",
            models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="the pickup of sheets' rows that give only a delivery",
                max_length=500,
            ),
        ),
        migrations.AddField("company", "depot_latitude", degrees(90)),
        migrations.AddField("company", "depot_longitude", degrees(180)),
        AddCheckForNewRows(
            "company",
            models.CheckConstraint(
                condition=Q(depot_latitude__isnull=True, depot_longitude__isnull=True)
                | Q(
                    depot_latitude__isnull=False,
                    depot_latitude__range=(-90, 90),
                    depot_longitude__isnull=False,
                    depot_longitude__range=(-180, 180),
                ),
                name="company_depot_location",
            ),
        ),
        AddCheckForNewRows(
            "company",
            models.CheckConstraint(
                condition=~Q(depot_address="") | Q(depot_latitude__isnull=True, depot_name=""),
                name="company_depot_has_address",
            ),
        ),
    ]
