"""What the map of a plan shows: four measures by district, each in five classes, and every street as a point.

Classes of shares are fixed, so that two plans are coloured alike, unless all shares are small; a load of more than 100 % is a
sixth class. All other classes follow the largest value.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from yikatong.workbench.campaign_figures import OVER, Area
from yikatong.workbench.templatetags.campaign_format import km, percent, tenths

CLASSES = 5


@dataclass(frozen=True, slots=True)
class Measure:
    """``breaks``: where classes begin, after the first; they follow the values where there are none, or none is reached."""

    code: str
    label: Promise
    hint: Promise
    value: Callable[[Area], float | None]
    text: Callable[[float | None], str]
    breaks: tuple[float, ...] = ()


MEASURES: Mapping[str, Measure] = {
    measure.code: measure
    for measure in (
        Measure(
            "load",
            gettext_lazy("负荷"),
            gettext_lazy("全区网点最忙一周的计划人数占可接待人数的比例"),
            lambda area: area.load,
            percent,
            (0.5, 0.7, 0.85, 0.95),
        ),
        Measure(
            "wait",
            gettext_lazy("等待（周）"),
            gettext_lazy("从可以申领到被安排，平均等多少周"),
            lambda area: area.wait,
            tenths,
        ),
        Measure(
            "distance",
            gettext_lazy("距离（公里）"),
            gettext_lazy("到所安排网点的平均直线距离"),
            lambda area: area.distance,
            km,
        ),
        Measure(
            "uptake",
            gettext_lazy("响应率"),
            gettext_lazy("邀请已发出的人中，已经申请的比例；每小时统计一次，不分街道"),
            lambda area: area.uptake,
            percent,
            (0.2, 0.4, 0.6, 0.8),
        ),
    )
}


def map_figures(areas: Sequence[Area], points: Sequence[tuple[str, float, float, int, float | None]]) -> dict[str, Any]:
    """What the map's script draws: every text is ready to be shown."""
    breaks = {code: breaks_of(measure, areas) for code, measure in MEASURES.items()}
    return {
        "measures": {
            code: {"label": str(measure.label), "legend": legend_of(measure, breaks[code])}
            for code, measure in MEASURES.items()
        },
        "districts": {
            area.code: {
                "name": area.name,
                "people": _("%(people)s 人") % {"people": f"{area.people:,}"},
                "values": {
                    code: [measure.text(measure.value(area)), class_of(measure.value(area), breaks[code])]
                    for code, measure in MEASURES.items()
                },
            }
            for area in areas
        },
        "streets": [
            [
                name,
                lng,
                lat,
                people,
                _("%(people)s 人，平均等待 %(weeks)s 周") % {"people": f"{people:,}", "weeks": tenths(wait)},
            ]
            for name, lng, lat, people, wait in points
        ],
    }


def breaks_of(measure: Measure, areas: Sequence[Area]) -> tuple[float, ...]:
    """Where the classes after the first begin."""
    largest = max((measure.value(area) or 0.0 for area in areas), default=0.0)
    if measure.breaks and largest >= measure.breaks[0]:
        return (*measure.breaks, OVER) if largest >= OVER else measure.breaks
    step = nice_step(largest / CLASSES)
    return tuple(step * each for each in range(1, CLASSES))


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not smaller."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= least * (1 - 1e-9))


def class_of(value: float | None, breaks: Sequence[float]) -> int | None:
    """Which class a value falls into, from 0; none without a value."""
    return None if value is None else sum(value >= each for each in breaks)


def legend_of(measure: Measure, breaks: Sequence[float]) -> list[str]:
    """The classes in words."""
    texts = [measure.text(each) for each in breaks]
    between = [f"{low} – {high}" for low, high in itertools.pairwise(texts)]
    last = "> 100%" if breaks[-1] == OVER else f"≥ {texts[-1]}"
    return [f"< {texts[0]}", *between, last]
