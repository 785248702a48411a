"""Two plans side by side: every figure with its difference in words, and who moves.

What is compared: ``campaign.comparing``. The worker counts who moves between large plans, and the page shows the rest meanwhile.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from yikatong.campaign.comparing import Row, compare_figures
from yikatong.campaign.moving import movement_known, request_movement
from yikatong.city.models import Division
from yikatong.workbench.campaign_asking import supposed_words
from yikatong.workbench.campaign_figures import bank_names
from yikatong.workbench.campaign_plan import with_figures_or_404
from yikatong.workbench.campaign_words import STATE_COLOURS, STATES
from yikatong.workbench.templatetags.campaign_format import km, percent, tenths, thousands


@dataclass(frozen=True, slots=True)
class Told:
    """One figure of both plans, ready to be shown. ``turn``: ``better``, ``worse``, ``same``, or ``other`` of what is neither."""

    label: str
    first: str
    second: str
    difference: str
    turn: str


@dataclass(frozen=True, slots=True)
class _Figure:
    """How a figure is called and written; ``less_is_better`` is nothing where more is as good as less."""

    label: Promise
    text: Callable[[float], str]
    less_is_better: bool | None = True


_FIGURES: Mapping[str, _Figure] = {
    "people": _Figure(gettext_lazy("列入计划的人数"), thousands, None),
    "left_out": _Figure(gettext_lazy("未排上的人数"), thousands),
    "mean_distance_m": _Figure(gettext_lazy("平均距离（公里）"), km),
    "mean_wait_weeks": _Figure(gettext_lazy("平均等待（周）"), tenths),
    "load_p95": _Figure(gettext_lazy("网点负荷 p95"), percent),
    "without_guardian": _Figure(gettext_lazy("监护人不明的未成年人"), thousands, None),
    "families_split": _Figure(gettext_lazy("未能与监护人同去的未成年人"), thousands),
}
_CARDS = _Figure(gettext_lazy("卡"), thousands, None)
_LEFT_OUT = _Figure(gettext_lazy("未排上"), thousands)
_WEEKS = _Figure(gettext_lazy("周"), tenths)
_PEAK = _Figure(gettext_lazy("最忙周"), lambda value: percent(value / 100))


@require_safe
def choose(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """From the form on a plan's page to the comparison with the plan chosen there."""
    other = with_figures_or_404(request.GET.get("other", ""))
    return redirect("work:campaigns:versus", with_figures_or_404(campaign_id).campaign_id, other.campaign_id)


@require_safe
def versus(request: HttpRequest, campaign_id: str, other_id: str) -> HttpResponse:
    """The first plan beside the second."""
    first, second = with_figures_or_404(campaign_id), with_figures_or_404(other_id)
    banks = bank_names(get_language() or "")
    districts = dict(Division.objects.filter(level="district").values_list("code", "name"))
    found = compare_figures(first, second)
    movement = movement_known(first, second)
    if movement is None:
        request_movement(first, second)
    context = {
        "plans": [
            {
                "plan": plan,
                "letter": letter,
                "state": STATES[plan.state],
                "colour": STATE_COLOURS[plan.state],
                "changes": supposed_words(plan.changes, banks),
            }
            for letter, plan in (("A", first), ("B", second))
        ],
        "first": first,
        "second": second,
        "figures": [told(row, _FIGURES[row.name]) for row in found.figures if row.name in _FIGURES],
        "movement": movement,
        "banks": _pairs(found.banks, _CARDS, found.bank_peaks, _PEAK, banks),
        "districts": _pairs(found.districts_left_out, _LEFT_OUT, found.districts_wait, _WEEKS, districts),
        "verdict": _verdict(found.figures),
    }
    return render(request, "workbench/campaign_versus.html", context)


@require_safe
def status(request: HttpRequest, campaign_id: str, other_id: str) -> HttpResponse:
    """Whether the worker is still counting who moves, as JSON, for the page that waits for it."""
    movement = movement_known(with_figures_or_404(campaign_id), with_figures_or_404(other_id))
    return JsonResponse({"is_unfinished": movement is None}, headers={"Cache-Control": "no-store"})


def told(row: Row, figure: _Figure, label: str = "") -> Told:
    """A row in words: what is equal when written so is the same."""
    first, second = figure.text(row.first), figure.text(row.second)
    if first == second:
        return Told(label or str(figure.label), first, second, _("相同"), "same")
    amount = figure.text(abs(row.difference))
    difference = (_("多 %(amount)s") if row.difference > 0 else _("少 %(amount)s")) % {"amount": amount}
    turn = "other" if figure.less_is_better is None else "better" if row.difference < 0 else "worse"
    return Told(label or str(figure.label), first, second, difference, turn)


def _pairs(
    ones: Sequence[Row], one: _Figure, others: Sequence[Row], other: _Figure, names: Mapping[str, str]
) -> list[tuple[str, Told, Told]]:
    """Two figures of each bank or district, side by side."""
    by_name = {row.name: row for row in others}
    return [
        (names.get(row.name, row.name), told(row, one), told(by_name[row.name], other))
        for row in ones
        if row.name in by_name
    ]


def _verdict(rows: Sequence[Row]) -> str:
    """The difference in a few sentences, as one would say it in a meeting."""
    figures = {row.name: row for row in rows}
    left_out, wait, way = figures["left_out"], figures["mean_wait_weeks"], figures["mean_distance_m"]
    sentences = []
    if round(left_out.difference):
        words = _("B 比 A 多 %(n)s 人排不上。") if left_out.difference > 0 else _("B 比 A 少 %(n)s 人排不上。")
        sentences.append(words % {"n": thousands(abs(left_out.difference))})
    else:
        sentences.append(_("两个计划排不上的人一样多。"))
    if tenths(wait.first) != tenths(wait.second):
        words = _("人均多等 %(n)s 周。") if wait.difference > 0 else _("人均少等 %(n)s 周。")
        sentences.append(words % {"n": tenths(abs(wait.difference))})
    if km(way.first) != km(way.second):
        words = _("人均多走 %(n)s 公里。") if way.difference > 0 else _("人均少走 %(n)s 公里。")
        sentences.append(words % {"n": km(abs(way.difference))})
    return (" " if (get_language() or "").startswith("en") else "").join(sentences)
