"""What the worker does for accounts."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.accounts.cache import forget_expired


@app.periodic(cron="35 * * * *")
@app.task(name="accounts.forget_expired", queueing_lock="accounts.forget_expired")
def forget_expired_task(timestamp: int) -> None:
    """Remove counts and other short-lived values that have expired."""
    close_old_connections()
    forget_expired()
