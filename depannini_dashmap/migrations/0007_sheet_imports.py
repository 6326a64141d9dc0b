"""Sheets on their way in, their refused rows, and the headings that a company uses: three tables that nothing wrote to before."""
import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0016_company_depot_is_proven'),
        ('depannini_dashmap', '0006_translated_labels'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SheetImport',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(help_text='label of the model that the rows become', max_length=64)),
                ('file_name', models.CharField(max_length=255)),
                ('is_large', models.BooleanField(default=False, help_text='checked and imported by the task worker')),
                ('as_new', models.BooleanField(default=False)),
                ('language', models.CharField(default='en', max_length=8)),
                ('columns', models.JSONField(default=dict, help_text='column of each folded heading that was chosen on the page')),
                ('mended', models.JSONField(default=dict, help_text='cells that were mended on the page, by line and column')),
                ('only', models.JSONField(default=list, help_text='the lines to take, of an import that is mended; empty: all')),
                ('state', models.CharField(choices=[('checking', 'Checking'), ('open', 'Open'), ('importing', 'Importing'), ('done', 'Done'), ('cancelled', 'Cancelled'), ('failed', 'Failed')], default='open', max_length=10)),
                ('total', models.PositiveIntegerField(default=0)),
                ('done', models.PositiveIntegerField(default=0)),
                ('new', models.PositiveIntegerField(default=0)),
                ('updated', models.PositiveIntegerField(default=0)),
                ('skipped', models.PositiveIntegerField(default=0)),
                ('refused', models.PositiveIntegerField(default=0)),
                ('off_map', models.PositiveIntegerField(default=0)),
                ('failures', models.PositiveSmallIntegerField(default=0, help_text='of the worker, one after the other')),
                ('error', models.CharField(blank=True, default='', max_length=500)),
                ('report', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='SheetFile',
            fields=[
                ('sheet', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='file', serialize=False, to='depannini_dashmap.sheetimport')),
                ('content', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='SheetRefusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.PositiveIntegerField()),
                ('place', models.CharField(max_length=100)),
                ('faults', models.JSONField(help_text='list of place, column, what stands there, what is wrong')),
                ('written', models.JSONField(help_text='what stands in the row, by column')),
                ('sheet', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refusals', to='depannini_dashmap.sheetimport')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='SheetHeading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=64)),
                ('heading', models.CharField(help_text='folded: without case, accents and marks', max_length=200)),
                ('column', models.CharField(blank=True, max_length=64)),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.company')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('company', 'kind', 'heading'), name='sheet_heading_once')],
            },
        ),
        migrations.AddConstraint(
            model_name='sheetimport',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['checking', 'open', 'importing', 'done', 'cancelled', 'failed'])), name='sheet_import_state_known'),
        ),
    ]
