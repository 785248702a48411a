"""Who stays as told when a plan is made or published anew: one rule for the planner and for publishing.

Pure. Whose week began long ago and who has not come is planned and invited anew; whose week is near is not moved.
"""

from datetime import date, timedelta

UNMOVED_DAYS = 7
"""Whoever is invited for a week that begins so soon is not moved. Source: the card centre's rule for planning anew."""
PATIENCE_DAYS = 28
"""So long after the week they were told people stay without coming. Source: assumption (a card takes 30 days)."""
TOLD = ("sent", "unreachable", "failed")
"""States of invitations that may have reached somebody: whom no message reaches a helper may have called on."""


def weeks_that_stand(today: date) -> tuple[date, date]:
    """The first and the last day on which a week begins whose people stay as told."""
    return today - timedelta(days=PATIENCE_DAYS), last_unmoved(today)


def last_unmoved(today: date) -> date:
    """The last day on which a week begins that is near."""
    return today + timedelta(days=UNMOVED_DAYS)
