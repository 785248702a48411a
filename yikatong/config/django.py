"""Setting Django up once, for commands."""

import os


def set_up_django() -> None:
    """Load settings and models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yikatong.config.settings")
    import django

    django.setup()


def migrate() -> None:
    """Bring the database's tables up to date. Safe to repeat; two at once take turns."""
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [_MIGRATION_LOCK])


_MIGRATION_LOCK = 0x594B_4D49
