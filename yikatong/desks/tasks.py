"""What the worker does for desks."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.desks.limits import forget_over
from yikatong.foundation.clock import utc_now


@app.periodic(cron="55 * * * *")
@app.task(name="desks.forget_tallies", queueing_lock="desks.forget_tallies")
def forget_tallies_task(timestamp: int) -> None:
    """Remove counts of tries whose window is over."""
    close_old_connections()
    forget_over(at=utc_now())
