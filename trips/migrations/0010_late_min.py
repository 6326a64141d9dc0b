from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("trips", "0009_running_late"),
    ]

    operations = [
        migrations.AddField(
            model_name="tripstop",
            name="late_min",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, editable=False, help_text="the threshold of RUNNING_LATE_AFTER by which it was late at the last look"
            ),
        ),
    ]
