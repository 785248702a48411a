"""What the worker does for approvals."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.approvals.services import expire_due
from yikatong.foundation.clock import utc_now


@app.periodic(cron="*/10 * * * *")
@app.task(name="approvals.expire", queueing_lock="approvals.expire")
def expire_task(timestamp: int) -> None:
    """Every ten minutes: close what nobody decided in time."""
    close_old_connections()
    expire_due(at=utc_now())
