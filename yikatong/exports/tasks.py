"""What the worker does for exports."""

from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yikatong.exports.services import remove_expired, write
from yikatong.foundation.clock import utc_now


@app.task(
    name="exports.write",
    lock="exports.write",  # one at a time: a long file must not keep the worker from everything else
    retry=RetryStrategy(max_attempts=6, exponential_wait=2, retry_exceptions={OperationalError, InterfaceError}),
)
def write_export_task(export_id: str) -> None:
    """Write one file."""
    close_old_connections()
    write(UUID(export_id))


@app.periodic(cron="*/15 * * * *")
@app.task(name="exports.remove_expired", queueing_lock="exports.remove_expired")
def remove_expired_task(timestamp: int) -> None:
    """Every quarter of an hour: remove files whose day is over."""
    close_old_connections()
    remove_expired(at=utc_now())
