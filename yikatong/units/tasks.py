"""What the worker does for units. Jobs are queued in the transaction that makes them necessary; each may run twice."""

from uuid import UUID

from django.db import close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yikatong.foundation.clock import utc_now
from yikatong.units import applying, collecting
from yikatong.units.checking import check_roster
from yikatong.units.rosters import remove_expired, take

_RETRY = RetryStrategy(max_attempts=6, exponential_wait=2)


@app.task(name="units.check_roster", retry=_RETRY)
def check_roster_task(roster_id: str) -> None:
    """Check an uploaded roster."""
    close_old_connections()  # the database may have restarted since this thread last used it
    check_roster(UUID(roster_id), at=utc_now())


@app.task(name="units.take_roster", retry=_RETRY)
def take_roster_task(roster_id: str) -> None:
    """Take a confirmed roster."""
    close_old_connections()
    take(UUID(roster_id), at=utc_now())


@app.task(name="units.work_off_run", retry=_RETRY)
def work_off_run_task(run_id: str) -> None:
    """Apply for everybody, or remind everybody."""
    close_old_connections()
    applying.work_off(UUID(run_id))


@app.task(name="units.prepare_packet", retry=_RETRY)
def prepare_packet_task(packet_id: str) -> None:
    """Make a packet's cards ready."""
    close_old_connections()
    collecting.work_off(UUID(packet_id))


@app.periodic(cron="20 3 * * *")
@app.task(name="units.remove_expired", queueing_lock="units.remove_expired")
def remove_expired_task(timestamp: int) -> None:
    """Remove uploads whose time is over."""
    close_old_connections()
    remove_expired(at=utc_now())
