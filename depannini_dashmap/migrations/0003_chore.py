"""When the chores of the whole deployment were last taken up."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("depannini_dashmap", "0002_audit_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="Chore",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("taken_on", models.DateField()),
            ],
        ),
    ]
