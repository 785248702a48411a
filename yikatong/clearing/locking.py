"""One clearing at a time."""

import hashlib

from django.db import connection

CLEARING_LOCK = int.from_bytes(hashlib.sha256(b"yikatong clearing").digest()[:8], signed=True)


def lock_clearing() -> None:
    """Until the transaction ends; waits for the other to commit."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [CLEARING_LOCK])
