from django.conf import settings
from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_kiosk'),
        ('sessions', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='session_generation',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='a change ends all sessions'),
        ),
        migrations.CreateModel(
            name='SignedInSession',
            fields=[
                ('session_id', models.BigAutoField(primary_key=True, serialize=False)),
                ('key_digest', models.BinaryField(help_text="SHA-256 of the session's key", unique=True)),
                ('device', models.CharField(blank=True, help_text='kind of system and browser', max_length=40)),
                ('begun_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'accounts_session',
            },
        ),
        # Django's sessions are found by the digest of their key: what accounts_session holds, and all that it holds.
        migrations.RunSQL(
            "create index accounts_session_by_digest on django_session (sha256(session_key::bytea))",
            "drop index accounts_session_by_digest",
        ),
    ]
