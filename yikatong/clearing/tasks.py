"""The nightly clearing: a quarter past midnight in Beijing, so that late gates have uploaded."""

from datetime import timedelta

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.audit.actors import Actor
from yikatong.clearing.services import clear_day
from yikatong.foundation.clock import beijing_day, utc_now


@app.periodic(cron="15 16 * * *")
@app.task(name="clearing.clear_yesterday", queueing_lock="clearing.clear_yesterday", retry=5)
def clear_yesterday(timestamp: int) -> None:
    """Clear to the end of yesterday. The worker's clock is UTC: 16:15 is 00:15 in Beijing."""
    close_old_connections()
    at = utc_now()
    clear_day(beijing_day(at) - timedelta(days=1), by=Actor.system("worker"), at=at)
