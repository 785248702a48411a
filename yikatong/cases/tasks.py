"""What the worker does for cases."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.cases.services import look_for_cases
from yikatong.foundation.clock import utc_now


@app.periodic(cron="*/5 * * * *")
@app.task(name="cases.look", queueing_lock="cases.look", lock="cases.look")
def look_for_cases_task(timestamp: int) -> None:
    """Every five minutes: what needs a person now, and what does not any more."""
    close_old_connections()
    look_for_cases(at=utc_now())
