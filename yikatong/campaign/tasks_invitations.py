"""What the worker does for invitations and appointments. Named to the worker in ``settings.PROCRASTINATE_IMPORT_PATHS``."""

from datetime import timedelta

from django.db import InterfaceError, OperationalError, close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yikatong.audit.actors import Actor
from yikatong.campaign.appointments import OPEN_AHEAD_DAYS, open_all_half_days
from yikatong.campaign.following import announce_due
from yikatong.campaign.invitations import send_due
from yikatong.campaign.keeping import give_back_withdrawn
from yikatong.campaign.reminders import mark_no_shows, remind_due
from yikatong.foundation.clock import beijing_day, utc_now

MESSAGES_A_MINUTE = 600
"""Invitations, and as many reminders. Source: assumption (what a provider takes from one customer)."""
_AFTER_A_RESTART = RetryStrategy(
    max_attempts=10, exponential_wait=2, retry_exceptions={OperationalError, InterfaceError}
)


@app.periodic(cron="* * * * *")
@app.task(
    name="campaign.send_invitations",
    queueing_lock="campaign.send_invitations",
    lock="campaign.send_invitations",
    retry=_AFTER_A_RESTART,
)
def send_invitations_task(timestamp: int) -> None:
    """Every minute; nothing goes out outside the hours. One run at a time is the throttle."""
    close_old_connections()
    send_due(at=utc_now(), most=MESSAGES_A_MINUTE)


@app.periodic(cron="* * * * *")
@app.task(
    name="campaign.remind",
    queueing_lock="campaign.remind",
    lock="campaign.remind",
    retry=_AFTER_A_RESTART,
)
def remind_task(timestamp: int) -> None:
    """Every minute: whoever has an appointment tomorrow."""
    close_old_connections()
    remind_due(at=utc_now(), most=MESSAGES_A_MINUTE)


@app.task(
    name="campaign.give_back_half_days",
    retry=RetryStrategy(max_attempts=10, wait=60),
)
def give_back_half_days_task() -> None:
    """After a plan was published: half-days that were kept for invitations which it withdrew."""
    close_old_connections()
    give_back_withdrawn(by=Actor.system("invitations"), at=utc_now())


@app.periodic(cron="0 5,10 * * *")
@app.task(name="campaign.mark_no_shows", queueing_lock="campaign.mark_no_shows", retry=3)
def mark_no_shows_task(timestamp: int) -> None:
    """One hour after each half-day, 13:00 and 18:00 in Beijing: a desk may still have to note who was served."""
    close_old_connections()
    mark_no_shows(at=utc_now())


@app.periodic(cron="30 * * * *")
@app.task(name="campaign.open_half_days", queueing_lock="campaign.open_half_days", retry=3)
def open_half_days_task(timestamp: int) -> None:
    """Every hour, so that a new outlet can be booked soon; what is open stays as it is."""
    close_old_connections()
    at = utc_now()
    today = beijing_day(at)
    open_all_half_days(today, today + timedelta(days=OPEN_AHEAD_DAYS), by=Actor.system("worker"), at=at)


@app.task(name="campaign.tell_ready", retry=RetryStrategy(max_attempts=5, linear_wait=600))
def tell_ready_task(card_id: int) -> None:
    """Tell whose card has come to its outlet, in the hours."""
    close_old_connections()
    announce_due(card_id, at=utc_now())
