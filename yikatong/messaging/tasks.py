"""What the worker does for messages to many."""

from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yikatong.accounts.messages import remove_old
from yikatong.foundation.clock import utc_now
from yikatong.messaging import dispatching
from yikatong.messaging.models import Dispatch, DispatchState
from yikatong.messaging.sending import send_some

_AFTER_A_RESTART = RetryStrategy(
    max_attempts=10, exponential_wait=2, retry_exceptions={OperationalError, InterfaceError}
)
_LOCK = "messaging.send"  # one run at a time is half of the throttle; the other half is the time since the last batch


@app.task(name="messaging.count", retry=_AFTER_A_RESTART)
def count_task(dispatch_id: str) -> None:
    """Count one audience."""
    close_old_connections()
    dispatching.count(UUID(dispatch_id), at=utc_now())


@app.task(name="messaging.send_now", lock=_LOCK, retry=_AFTER_A_RESTART)
def send_now_task(dispatch_id: str) -> None:
    """The first batch of a dispatch, at once."""
    close_old_connections()
    for dispatch in Dispatch.objects.filter(dispatch_id=UUID(dispatch_id), state=DispatchState.SENDING):
        send_some(dispatch, at=utc_now())


@app.periodic(cron="* * * * *")
@app.task(name="messaging.send", queueing_lock="messaging.send", lock=_LOCK, retry=_AFTER_A_RESTART)
def send_task(timestamp: int) -> None:
    """Every minute: the next batch of every dispatch."""
    close_old_connections()
    for dispatch in Dispatch.objects.filter(state=DispatchState.SENDING).order_by("dispatch_id"):
        send_some(dispatch, at=utc_now())


@app.periodic(cron="40 3 * * *")
@app.task(name="messaging.remove_old", queueing_lock="messaging.remove_old")
def remove_old_task(timestamp: int) -> None:
    """Every night: residents' messages whose year is over."""
    close_old_connections()
    remove_old(at=utc_now())
