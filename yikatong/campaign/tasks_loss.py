"""What the worker does about lost cards. Named to the worker in ``settings.PROCRASTINATE_IMPORT_PATHS``."""

from django.db import close_old_connections
from procrastinate.contrib.django import app

from yikatong.campaign.loss_reminders import remind_of_lapse
from yikatong.foundation.clock import utc_now

REMINDERS_AT_ONCE = 600
"""In ten minutes. Source: assumption."""


@app.periodic(cron="5-59/10 * * * *")
@app.task(
    name="campaign.remind_of_lapse", queueing_lock="campaign.remind_of_lapse", lock="campaign.remind_of_lapse", retry=3
)
def remind_of_lapse_task(timestamp: int) -> None:
    """Every ten minutes: whoever's pre-report of loss ends soon."""
    close_old_connections()
    remind_of_lapse(at=utc_now(), most=REMINDERS_AT_ONCE)
