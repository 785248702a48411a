"""What the worker does for credentials: forget what is past use."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.credentials.forgetting import forget_past
from yikatong.foundation.clock import utc_now


@app.periodic(cron="* * * * *")
@app.task(name="credentials.forget_past", queueing_lock="credentials.forget_past")
def forget_past_task(timestamp: int) -> None:
    """Delete answers, offers and nonces whose minutes are over."""
    close_old_connections()
    forget_past(at=utc_now())
