"""Hold a company's phone to the characters of a phone; the column itself stays as it is."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_location_is_proven")]

    operations = [
        migrations.AlterField(
            model_name="company",
            name="phone",
            field=models.CharField(
                blank=True,
                default="",
                max_length=20,
                validators=[
                    django.core.validators.RegexValidator(
                        "\\A[0-9A-Za-z +\\-().]*\\Z",
                        "Use digits, spaces, + - ( ) . and letters for an extension.",
                        "invalid_phone",
                    )
                ],
            ),
        ),
    ]
