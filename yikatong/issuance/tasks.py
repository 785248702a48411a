"""What the worker does for cards. Jobs are queued in the transaction that makes them necessary."""

from uuid import UUID

from django.db import close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yikatong.foundation.clock import utc_now
from yikatong.issuance.lifecycle import lapse_pre_reports
from yikatong.issuance.production import produce_card


@app.task(name="issuance.produce_card", retry=RetryStrategy(max_attempts=10, exponential_wait=2))
def produce_card_task(person_id: int, order_id: str) -> None:
    """Make one ordered card."""
    close_old_connections()  # the database may have restarted since this thread last used it
    produce_card(person_id, UUID(order_id), at=utc_now())


@app.periodic(cron="*/10 * * * *")
@app.task(name="issuance.lapse_pre_reports", queueing_lock="issuance.lapse_pre_reports")
def lapse_pre_reports_task(timestamp: int) -> None:
    """Lift pre-reports of loss that were not followed by a formal report in time."""
    close_old_connections()
    lapse_pre_reports(at=utc_now())
