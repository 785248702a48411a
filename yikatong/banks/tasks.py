"""What the worker does for the fair order of the banks."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.banks.services import keep_seeds
from yikatong.foundation.clock import utc_now


@app.periodic(cron="5 * * * *")
@app.task(name="banks.keep_seeds", queueing_lock="banks.keep_seeds", retry=5)
def keep_seeds_task(timestamp: int) -> None:
    """Every hour, so that a worker that stood still over midnight makes up for it soon; days done before are left alone."""
    close_old_connections()
    keep_seeds(at=utc_now())
