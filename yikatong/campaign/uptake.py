"""What came of invitations: counted by the worker, read by pages, and what is to be expected from it.

Counting millions of invitations takes the database a while; pages and plans read what was counted last. Before anybody was
invited the forecast is what rules/campaign.toml says; with every week it is more what happened (``forecast``).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from django.db import connection, transaction
from django.db.models import Q, Sum

from yikatong.campaign.calendar import DAYS, week_of
from yikatong.campaign.forecast import Prior, Uptake, estimate, uptake_words
from yikatong.campaign.models import Campaign, UptakeCell
from yikatong.city.capacity import campaign_limits_at
from yikatong.city.rules import CATEGORIES

EVERYBODY = -1
"""The ``lag_weeks`` of the cells that count all who were invited."""
LAG_PERCENT = (70.0, 15.0, 8.0, 4.0, 3.0)
"""Of those who apply, who does so within a week of the message, in the next, and so on. Source: assumption."""
LAG_WEIGHT_PEOPLE = 200.0


@dataclass(frozen=True, slots=True)
class Answered:
    """People invited, and how many of them have applied since."""

    invited: int
    applied: int

    @property
    def share(self) -> float:
        """Of those invited; 0 when nobody was."""
        return self.applied / self.invited if self.invited else 0.0


def count_uptake(campaign_id: str) -> int:
    """Count anew; how many cells there are. Whoever reads meanwhile sees the counts before."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select campaign_count_uptake_v1(%s)", [campaign_id])
        return int(cursor.fetchone()[0])


def count_published() -> int:
    """Count anew what came of every campaign that was published, replaced ones too: their people still answer."""
    published = Campaign.objects.filter(published_at__isnull=False).order_by("published_at")
    return sum(count_uptake(name) for name in published.values_list("campaign_id", flat=True))


def uptake_by_district(campaign_id: str) -> dict[str, Answered]:
    """As counted last, by district."""
    return _by("district_code", campaign_id)


def uptake_by_group(campaign_id: str) -> dict[str, Answered]:
    """As counted last, by group."""
    return _by("category", campaign_id)


def _by(field: str, campaign_id: str) -> dict[str, Answered]:
    everybody = Q(lag_weeks=EVERYBODY)
    rows = (
        UptakeCell.objects.filter(campaign_id=campaign_id)
        .values_list(field)
        .annotate(
            invited=Sum("people", filter=everybody, default=0), applied=Sum("people", filter=~everybody, default=0)
        )
    )
    return {name: Answered(invited, applied) for name, invited, applied in rows}


def forecast_uptake(today: date) -> Uptake:
    """What to expect of people invited now; groups in the order of ``CATEGORIES``, learned from all campaigns' counts."""
    cells = list(UptakeCell.objects.values_list("sent_week", "category", "lag_weeks").annotate(people=Sum("people")))
    limits = campaign_limits_at(today)
    prior = Prior(
        percent=np.array([limits.uptake_percent(category) for category in CATEGORIES], np.float64),
        weight=np.full(len(CATEGORIES), float(limits.uptake_weight_people)),
        lag_percent=np.array(LAG_PERCENT),
        lag_weight=LAG_WEIGHT_PEOPLE,
    )
    first = min((cell[0] for cell in cells), default=today)
    weeks = max((week_of(cell[0], first) for cell in cells), default=-1) + 1
    invited = np.zeros((len(CATEGORIES), weeks), np.int64)
    applied = np.zeros((len(CATEGORIES), weeks, len(LAG_PERCENT)), np.int64)
    for sent_week, category, lag, people in cells:
        group, week = CATEGORIES.index(category), week_of(sent_week, first)
        if lag == EVERYBODY:
            invited[group, week] += people
        else:
            applied[group, week, min(lag, len(LAG_PERCENT) - 1)] += people
    # who was told on the last day of a week has had the whole of it only when the next one is over
    return estimate(prior, invited, applied, weeks_over=max((today - first).days // DAYS - 1, 0))


def forecast_words(today: date) -> dict[str, str]:
    """Each group's forecast in a sentence."""
    uptake = forecast_uptake(today)
    return {category: uptake_words(uptake, group) for group, category in enumerate(CATEGORIES)}
