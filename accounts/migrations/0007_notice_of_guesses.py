"""A notice that somebody guesses at a password: a choice, no change of the table."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_group_roadside'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('address_changed', 'Address Changed'), ('address_taken', 'Address Taken'), ('guessed_at', 'Guessed At'), ('password_changed', 'Password Changed')], max_length=20),
        ),
    ]
