"""Devices that get notifications, what they show, and the hours in which people want quiet."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from depannini_dashmap.lib.db.migration_operations import AddCheckForNewRows


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0018_help_codes'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='PushDevice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('fcm', 'Firebase Cloud Messaging'), ('webpush', 'Web Push')], max_length=7)),
                ('token', models.TextField(help_text="FCM's token, or the endpoint of the browser's push service")),
                ('token_key', models.CharField(help_text='keyed hash of kind and token', max_length=64, unique=True)),
                ('p256dh', models.CharField(blank=True, default='', max_length=100)),
                ('auth', models.CharField(blank=True, default='', max_length=32)),
                ('session', models.CharField(help_text='the sign-in that registered it', max_length=64)),
                ('language', models.CharField(choices=[('en', 'English'), ('fr', 'Français'), ('ar', 'العربية')], max_length=2)),
                ('registered_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['-registered_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='PushNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tag', models.CharField(max_length=40)),
                ('content', models.CharField(help_text='which sentence, in words of the program', max_length=60)),
                ('shown_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('withdrawn_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='user',
            name='quiet_from',
            field=models.TimeField(blank=True, editable=False, help_text='in DISPLAY_TIME_ZONE; until quiet_until no notification tells of chat', null=True),
        ),
        migrations.AddField(
            model_name='user',
            name='quiet_until',
            field=models.TimeField(blank=True, editable=False, null=True),
        ),
        AddCheckForNewRows(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_until__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_until__isnull', False)), _connector='OR'), name='user_quiet_hours_whole'),
        ),
        migrations.AddField(
            model_name='pushdevice',
            name='user',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='push_devices', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='pushnotice',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='push_notices', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='pushdevice',
            index=models.Index(fields=['user', 'registered_at'], name='push_device_by_user'),
        ),
        migrations.AddConstraint(
            model_name='pushdevice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('auth', ''), ('kind', 'fcm'), ('p256dh', '')), models.Q(('kind', 'webpush'), models.Q(('p256dh', ''), _negated=True), models.Q(('auth', ''), _negated=True)), _connector='OR'), name='push_device_keys_of_browsers'),
        ),
        migrations.AddConstraint(
            model_name='pushnotice',
            constraint=models.UniqueConstraint(fields=('user', 'tag'), name='push_notice_once'),
        ),
    ]
