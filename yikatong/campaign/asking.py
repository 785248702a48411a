"""What is settled before a plan is made: which weeks can be planned, the steps that are told, and the state it is in.

Apart from ``drafting``, which carries plans out and loads what columns of millions of people take; whoever only asks for a
plan, as every web process may, does without.
"""

from datetime import date, timedelta

from yikatong.campaign.models import CampaignState
from yikatong.campaign.problem import ProblemWrong

WEEKS_MAX = 104
AHEAD_DAYS_MAX = 3 * 366
"""Further ahead nobody knows rules or people. Source: assumption."""
PROGRAMME_BEGAN = date(2024, 10, 30)
"""Source: 京人社数据字〔2024〕133号: before it there are no rules to plan by."""
UNDER_WAY = frozenset({CampaignState.QUEUED, CampaignState.PLANNING})
STEPS = ("读取登记簿", "预测选行和领卡方式", "计算各领卡点能力", "安排单位", "计划", "抽签", "模拟排队", "保存")


class Abandoned(Exception):
    """The plan was thrown away, or finished by another worker, while it was being made; nothing was stored."""


def check_span(starts_on: date, weeks: int, today: date) -> None:
    """Raise ``ProblemWrong`` for weeks that cannot be planned."""
    if not PROGRAMME_BEGAN <= starts_on <= today + timedelta(AHEAD_DAYS_MAX):
        raise ProblemWrong(f"起始日期应在 {PROGRAMME_BEGAN} 到 {today + timedelta(AHEAD_DAYS_MAX)} 之间")
    if starts_on.weekday() != 0 or not 1 <= weeks <= WEEKS_MAX:
        raise ProblemWrong(f"计划须从周一开始，1 至 {WEEKS_MAX} 周")
