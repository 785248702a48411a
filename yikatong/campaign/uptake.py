"""What came of a campaign's invitations: counted by the worker, read by pages and by the forecast.

Counting millions of invitations takes the database a while; pages read what was counted last.
"""

from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q, Sum

from yikatong.campaign.models import Campaign, CampaignState, UptakeCell

EVERYBODY = -1
"""The ``lag_weeks`` of the cells that count all who were invited."""


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
    """Count the published campaign anew, where there is one."""
    published = Campaign.objects.filter(state=CampaignState.PUBLISHED).first()
    return count_uptake(published.campaign_id) if published else 0


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
