"""What the worker does for applications."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.applications.drafts import forget_old
from yikatong.foundation.clock import utc_now


@app.periodic(cron="45 3 * * *")
@app.task(name="applications.forget_old_drafts", queueing_lock="applications.forget_old_drafts")
def forget_old_drafts_task(timestamp: int) -> None:
    """Every night."""
    close_old_connections()
    forget_old(at=utc_now())
