from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("trips", "0012_known_arrivals"),
    ]

    operations = [
        migrations.AddField(
            model_name="tripstop",
            name="failed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="failed at"),
        ),
    ]
