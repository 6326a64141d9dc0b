from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("trips", "0011_proofs_of_delivery"),
    ]

    operations = [
        migrations.AddField(
            model_name="triplink",
            name="known_arrival",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
