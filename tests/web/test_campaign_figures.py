"""How a plan's figures are classed, ordered and written, without a database."""

from datetime import date

import pytest
from django.utils import translation

from yikatong.workbench.campaign_figures import Area, Heat
from yikatong.workbench.campaign_limits import spans
from yikatong.workbench.campaign_map import MEASURES, breaks_of, class_of, legend_of, nice_step
from yikatong.workbench.campaign_plan import sorted_areas
from yikatong.workbench.campaign_words import step_words
from yikatong.workbench.templatetags.campaign_format import km, percent, tenths, thousands


@pytest.mark.parametrize(
    ("written", "value", "text"),
    [
        (thousands, 1234567, "1,234,567"),
        (thousands, None, "—"),
        (percent, 0.874, "87%"),
        (percent, 0.0421, "4.2%"),
        (percent, 0.0015, "0.15%"),
        (percent, 0, "0%"),
        (percent, 1.25, "125%"),
        (km, 2649, "2.6"),
        (tenths, 6.449, "6.4"),
    ],
)
def test_figures_are_written_for_people(written: object, value: float | None, text: str) -> None:
    assert callable(written)
    assert written(value) == text


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([3], "3"), ([1, 2, 3, 5], "1–3, 5"), ([1, 3, 4], "1, 3–4"), ([9, 10], "9–10")]
)
def test_weeks_are_drawn_together(numbers: list[int], text: str) -> None:
    assert spans(numbers) == text


@pytest.mark.parametrize(
    ("least", "step"),
    [(0, 1), (0.9, 1), (1, 1), (1.2, 2), (2.2, 2.5), (3, 5), (7, 10), (0.00041, 0.0005), (1300, 2000)],
)
def test_classes_begin_at_round_numbers(least: float, step: float) -> None:
    assert nice_step(least) == pytest.approx(step)


def test_shares_have_fixed_classes_unless_all_are_small() -> None:
    load = MEASURES["load"]
    full, quiet = Area("1", "满", load=0.96), Area("2", "空", load=0.004)
    assert breaks_of(load, [full, quiet]) == (0.5, 0.7, 0.85, 0.95)
    assert [class_of(area.load, breaks_of(load, [full, quiet])) for area in (full, quiet)] == [4, 0]
    assert breaks_of(load, [quiet]) == pytest.approx((0.001, 0.002, 0.003, 0.004))
    assert legend_of(load, (0.5, 0.7, 0.85, 0.95)) == ["< 50%", "50% – 70%", "70% – 85%", "85% – 95%", "≥ 95%"]
    assert class_of(None, (1,)) is None


def test_more_than_there_is_room_for_is_a_class_of_its_own() -> None:
    load = MEASURES["load"]
    areas = [
        Area("1", "满", load=1.0),
        Area("2", "超", load=1.25),
        Area("3", "空", load=0.1),
        Area("4", "近", load=1.004),
    ]
    breaks = breaks_of(load, areas)
    assert [class_of(area.load, breaks) for area in areas] == [4, 5, 0, 4]
    assert [load.text(area.load) for area in areas] == ["100%", "125%", "10%", "100%"]
    legend = legend_of(load, breaks)
    assert legend == ["< 50%", "50% – 70%", "70% – 85%", "85% – 95%", "95% – 100%", "> 100%"]


@pytest.mark.parametrize(
    ("share", "step", "text"),
    [(None, "none", ""), (0.0, "0", "0"), (0.85, "3", "85"), (1.0, "4", "100"), (1.02, "5", "102"), (3.4, "5", "340")],
)
def test_a_banks_week_is_shaded_by_what_it_uses(share: float | None, step: str, text: str) -> None:
    heat = Heat(1, date(2026, 12, 7), share)
    assert (heat.step, heat.percent) == (step, text)


def test_areas_without_a_value_stand_last_whichever_way_they_are_sorted() -> None:
    areas = [Area("1", "甲", load=0.2), Area("2", "乙"), Area("3", "丙", load=0.7)]
    assert [area.code for area in sorted_areas(areas, "load", is_down=True)] == ["3", "1", "2"]
    assert [area.code for area in sorted_areas(areas, "load", is_down=False)] == ["1", "3", "2"]
    assert sorted_areas(areas, "'; drop", is_down=True) == areas


def test_a_step_is_told_in_english_with_its_number() -> None:
    with translation.override("zh-hans"):
        assert step_words("计划：12 个居民组，2 个领卡点") == "计划：12 个居民组，2 个领卡点"
    with translation.override("en"):
        assert step_words("计划：1,234 个居民组，2 个领卡点").endswith(" (1,234)")
        assert step_words("") == ""
