"""When an assistant may be there, and how long the drive of who was asked was: columns without a value for what is there already."""

from django.db import migrations, models
from django.utils.translation import gettext_lazy as _


class Migration(migrations.Migration):
    dependencies = [("assistance", "0012_translated_labels")]
    operations = [
        migrations.AddField("offer", "eta_s", models.PositiveIntegerField(_("driving time"), null=True, blank=True, help_text=_("seconds by road, when it was offered"))),
        migrations.AddField("assistance", "eta_at", models.DateTimeField("expected at", null=True, blank=True, editable=False)),
        migrations.AddField("assistance", "eta_source", models.CharField("expected by", max_length=13, blank=True, default="", db_default="", editable=False)),
        migrations.AddField("assistance", "eta_reckoned_at", models.DateTimeField(null=True, blank=True, editable=False)),
    ]
