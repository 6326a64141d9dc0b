"""Give callers without an account of their own a column for their number, which opens nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_one_spelling"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="caller_phone",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="E.164; of a caller without an account of their own",
                max_length=16,
                null=True,
            ),
        ),
    ]
