"""What messages may cost, and wrong tries, counted in the database: two tables that nothing wrote to before."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('depannini_dashmap', '0003_chore'),
    ]

    operations = [
        migrations.CreateModel(
            name='BudgetedMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=12)),
                ('address_key', models.CharField(max_length=64)),
                ('asker_id', models.BigIntegerField(null=True)),
                ('network_key', models.CharField(blank=True, max_length=64)),
                ('company_id', models.BigIntegerField(null=True)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'indexes': [models.Index(fields=['address_key', 'at'], name='message_by_address'), models.Index(fields=['network_key', 'at'], name='message_by_network'), models.Index(condition=models.Q(('asker_id__isnull', False)), fields=['asker_id', 'at'], name='message_by_asker'), models.Index(condition=models.Q(('company_id__isnull', False)), fields=['company_id', 'at'], name='message_by_company'), models.Index(fields=['at'], name='message_by_age')],
            },
        ),
        migrations.CreateModel(
            name='FailedTry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('network_key', models.CharField(max_length=64)),
                ('account_key', models.CharField(blank=True, help_text='keyed hash of the name, of a sign-in alone', max_length=64)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name_plural': 'failed tries',
                'indexes': [models.Index(fields=['network_key', 'at'], name='failed_try_by_network'), models.Index(condition=models.Q(('account_key', ''), _negated=True), fields=['account_key', 'at'], name='failed_try_by_account'), models.Index(fields=['at'], name='failed_try_by_age')],
            },
        ),
    ]
