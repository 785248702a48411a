"""What the worker does for accounts."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.accounts import own_sessions
from yikatong.accounts.cache import forget_expired
from yikatong.foundation.clock import utc_now


@app.periodic(cron="35 * * * *")
@app.task(name="accounts.forget_expired", queueing_lock="accounts.forget_expired")
def forget_expired_task(timestamp: int) -> None:
    """Remove counts and other short-lived values that have expired."""
    close_old_connections()
    forget_expired()


@app.periodic(cron="50 * * * *")
@app.task(name="accounts.forget_sessions", queueing_lock="accounts.forget_sessions")
def forget_sessions_task(timestamp: int) -> None:
    """Remove sessions that are over, and their rows in the owners' lists."""
    close_old_connections()
    own_sessions.forget_ended(at=utc_now())
