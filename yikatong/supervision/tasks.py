"""What the worker does for supervision."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.foundation.clock import utc_now
from yikatong.supervision.daily import compute_due


@app.periodic(cron="20 * * * *")
@app.task(name="supervision.compute_figures", queueing_lock="supervision.compute_figures", retry=3)
def compute_figures_task(timestamp: int) -> None:
    """Every hour: today, yesterday, days never computed; once a day also every day with open applications."""
    close_old_connections()
    compute_due(at=utc_now())
