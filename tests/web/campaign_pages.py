"""What the tests of the campaign's pages share: where the pages are, a plan, a page's words."""

import re
from typing import Any

from tests.campaign.world import MONDAY
from tests.cast import CLERK, NOON
from yikatong.campaign.models import Campaign
from yikatong.campaign.services import plan_requested, request_plan

ROOT = "/work/campaigns/"


def planned(name: str = "winter", **changes: object) -> Campaign:
    options: dict[str, object] = {"starts_on": MONDAY, "weeks": 4, "seed": 1, "by": CLERK, "at": NOON}
    request_plan(name, **(options | changes))  # type: ignore[arg-type]
    plan_requested(name, at=NOON)
    return Campaign.objects.get(campaign_id=name)


def text_of(answer: Any) -> str:
    """The page's words in one line, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())
