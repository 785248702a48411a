"""What the worker does for cards. Jobs are queued in the transaction that makes them necessary."""

from datetime import timedelta
from uuid import UUID

from django.db import close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yikatong.foundation.clock import utc_now
from yikatong.issuance.lifecycle import lapse_pre_reports
from yikatong.issuance.portraits import drop_used_portraits
from yikatong.issuance.production import produce_card, resume_orders

ORDER_OVERDUE_AFTER = timedelta(hours=1)
"""Longer than the worker's own ten attempts take together: 2 + 4 + … + 512 seconds."""


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


@app.periodic(cron="*/10 * * * *")
@app.task(name="issuance.resume_orders", queueing_lock="issuance.resume_orders")
def resume_orders_task(timestamp: int) -> None:
    """Take up orders whose job the worker gave up."""
    close_old_connections()
    resume_orders(ordered_before=utc_now() - ORDER_OVERDUE_AFTER)


@app.periodic(cron="50 3 * * *")
@app.task(name="issuance.drop_used_portraits", queueing_lock="issuance.drop_used_portraits")
def drop_used_portraits_task(timestamp: int) -> None:
    """Every night: photographs that residents gave go when their card is there."""
    close_old_connections()
    while drop_used_portraits(at=utc_now()):
        pass
