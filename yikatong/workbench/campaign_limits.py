"""The limits that bind a plan, in sentences, from the prices that planning stored: one sentence for each outlet or bank.

What one more unit of a limit saves: docs/algorithms/campaign.md. ``campaign.explain`` tells the same week by week.
"""

from collections.abc import Iterable
from datetime import date

from django.db import connection
from django.utils.translation import gettext as _

from yikatong.banks.models import Outlet
from yikatong.campaign.models import Campaign
from yikatong.campaign.problem import Weights
from yikatong.city.models import Division
from yikatong.workbench.campaign_words import WAYS

LIMITS_SHOWN = 12
_DEAREST = """
select 'place', place, bank_code, way, max(price_m), array_agg(week_starts_on order by week_starts_on)
from campaign_place_week where campaign_id = %(plan)s and price_m > 0 group by 2, 3, 4
union all
select 'bank', bank_code, bank_code, '', max(price_m), array_agg(week_starts_on order by week_starts_on)
from campaign_bank_week where campaign_id = %(plan)s and price_m > 0 group by 2
order by 5 desc, 1, 2 limit %(most)s
"""


def limits_of(plan: Campaign, banks: dict[str, str]) -> list[str]:
    """The dearest limits, dearest first."""
    with connection.cursor() as cursor:
        cursor.execute(_DEAREST, {"plan": plan.campaign_id, "most": LIMITS_SHOWN})
        rows = cursor.fetchall()
    outlets = dict(Outlet.objects.filter(outlet_id__in=[row[1] for row in rows]).values_list("outlet_id", "name"))
    sentences = []
    for kind, place, bank_code, way, price_m, weeks in rows:
        bank = banks.get(bank_code, bank_code)
        name = bank if kind == "bank" else outlets.get(place) or f"{bank} {WAYS[way]} {_street(place)}".strip()
        words = {"name": name, "weeks": spans([_number(plan, week) for week in weeks]), "saving": _saving(price_m)}
        if kind == "bank":
            sentences.append(_("%(name)s第 %(weeks)s 周制卡能力已用完：每多制 1 张卡，%(saving)s。") % words)
        else:
            sentences.append(_("%(name)s第 %(weeks)s 周已排满：每多接待 1 人，%(saving)s。") % words)
    return sentences


def spans(numbers: Iterable[int]) -> str:
    """``1–3, 5``: numbers in order, neighbours drawn together."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _number(plan: Campaign, week: date) -> int:
    return (week - plan.starts_on).days // 7 + 1


def _street(place: str) -> str:
    """The street of ``visit:BANK:STREET``."""
    code = place.rpartition(":")[2]
    found = Division.objects.filter(code=code, level="street").first()
    return found.name if found else ""


def _saving(price_m: int) -> str:
    weights = Weights()
    if price_m >= weights.unplaced_m // 2:
        return _("就少 1 人领不到卡")
    words = {"km": f"{price_m / 1000:.1f}", "weeks": f"{price_m / weights.week_m:.1f}"}
    return _("最多可少走 %(km)s 公里，或少等 %(weeks)s 周") % words
