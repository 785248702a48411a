"""What the worker does for campaigns: one plan at a time, published one at a time."""

from django.db import InterfaceError, OperationalError, close_old_connections
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yikatong.audit.actors import Actor, ActorKind
from yikatong.campaign.publishing import publish_requested
from yikatong.campaign.services import clear_discarded, plan_requested
from yikatong.campaign.uptake import count_published
from yikatong.foundation.clock import utc_now

_AFTER_A_RESTART = RetryStrategy(
    max_attempts=10, exponential_wait=2, retry_exceptions={OperationalError, InterfaceError}
)


@app.task(name="campaign.plan", retry=_AFTER_A_RESTART)
def plan_task(campaign_id: str) -> None:
    """Carry out one requested plan."""
    close_old_connections()
    plan_requested(campaign_id, at=utc_now())


@app.task(name="campaign.clear", retry=_AFTER_A_RESTART)
def clear_task(campaign_id: str) -> None:
    """Remove what a plan thrown away left."""
    close_old_connections()
    clear_discarded(campaign_id)


@app.task(name="campaign.publish", retry=_AFTER_A_RESTART)
def publish_task(campaign_id: str, kind: ActorKind, name: str) -> None:
    """Publish one plan; who asked for it is who published it."""
    close_old_connections()
    publish_requested(campaign_id, by=Actor(kind, name), at=utc_now())


@app.periodic(cron="20 * * * *")
@app.task(name="campaign.count_uptake", queueing_lock="campaign.count_uptake")
def count_uptake_task(timestamp: int) -> None:
    """Every hour: how many of those invited have applied."""
    close_old_connections()
    count_published()
