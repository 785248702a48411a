"""What the worker does for comparisons of plans. Named to the worker in ``settings.PROCRASTINATE_IMPORT_PATHS``."""

from django.db import InterfaceError, OperationalError, close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yikatong.campaign.moving import count_movement
from yikatong.foundation.clock import utc_now


@app.task(
    name="campaign.compare",
    retry=RetryStrategy(max_attempts=5, exponential_wait=2, retry_exceptions={OperationalError, InterfaceError}),
)
def compare_task(first: str, second: str) -> None:
    """Count who moves between two large plans."""
    close_old_connections()
    count_movement(first, second, at=utc_now())
