"""What the worker does for delegations."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.delegation.services import forget_old
from yikatong.foundation.clock import utc_now


@app.periodic(cron="40 3 * * *")
@app.task(name="delegation.forget_old", queueing_lock="delegation.forget_old")
def forget_old_task(timestamp: int) -> None:
    """Every night."""
    close_old_connections()
    forget_old(at=utc_now())
