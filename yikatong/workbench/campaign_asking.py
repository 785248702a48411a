"""What somebody filled in to ask for a plan: kept as typed, checked field by field, faults told in words.

The form works without a script: what-if changes are added and removed by buttons, and travel in hidden fields as
``kind|of|first day|last day`` or ``more_demand|district|percent``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.http import QueryDict
from django.utils.translation import gettext as _

from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.asking import WEEKS_MAX
from yikatong.campaign.models import Campaign
from yikatong.city.models import Division
from yikatong.workbench.campaign_words import WITH_FIGURES

NUL = "\0"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,19}")
RESERVED = {"new", "capacity"}
SEED_MAX = 2**62
YEARS = (2024, 2100)
"""Days outside these years are slips of the keyboard. Source: assumption."""
PERCENT_MAX = 1000
CHANGES_MAX = 20
FIELDS = ("name", "starts_on", "weeks", "seed", "based_on")
TICKS = ("by_forecast", "keeps_invited", "again")
CHANGE_FIELDS = (
    *("outlet_q", "close_outlet", "close_first", "close_last"),
    *("lose_bank", "lose_first", "lose_last", "demand_district", "demand_percent"),
)


@dataclass(frozen=True, slots=True)
class Supposed:
    """One what-if change. ``first``, ``last``: days, empty for more demand; ``percent`` 0 for the others."""

    kind: str
    of: str
    first: date | None = None
    last: date | None = None
    percent: int = 0

    @property
    def packed(self) -> str:
        """For a hidden field."""
        if self.kind == "more_demand":
            return f"{self.kind}|{self.of}|{self.percent}"
        return f"{self.kind}|{self.of}|{self.first}|{self.last}"

    @property
    def stored(self) -> dict[str, object]:
        """As ``Campaign.changes`` holds it."""
        if self.kind == "more_demand":
            return {"kind": self.kind, "district_code": self.of, "percent": self.percent}
        of = "outlet_id" if self.kind == "close_outlet" else "bank_code"
        return {"kind": self.kind, of: self.of, "first_day": str(self.first), "last_day": str(self.last)}


@dataclass(slots=True)
class Asked:
    """A filled-in form. ``values``: as typed; ``faults``: by field, in words."""

    values: dict[str, str]
    ticks: set[str]
    changes: list[Supposed]
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def starts_on(self) -> date:
        """Of a form without faults."""
        return date.fromisoformat(self.values["starts_on"])

    @property
    def weeks(self) -> int:
        """Of a form without faults."""
        return int(self.values["weeks"])

    def check(self) -> bool:
        """Look for faults in what a plan needs; whether there is none."""
        self.faults |= {name: fault for name, fault in self._faults().items() if fault}
        return not self.faults

    def _faults(self) -> dict[str, str]:
        return {
            "name": name_fault(self.values["name"]),
            "starts_on": monday_fault(self.values["starts_on"]),
            "weeks": number_fault(self.values["weeks"], 1, WEEKS_MAX, _("周数")),
            "seed": number_fault(self.values["seed"], 0, SEED_MAX, _("抽签种子")),
            "based_on": self._base_fault(),
        }

    def _base_fault(self) -> str:
        base = self.values["based_on"]
        if base and not Campaign.objects.filter(campaign_id=base, state__in=WITH_FIGURES).exists():
            return _("没有名为“%(name)s”的计划，或者它还没有完成；请另选一个。") % {"name": base}
        if not base and "keeps_invited" in self.ticks:
            return _("要保留已邀请的人，须选择依据哪个计划。")
        return ""


def as_typed(given: QueryDict, name: str) -> str:
    """A field of a form or of an address, without spaces around it and without what no text in the database can hold."""
    return given.get(name, "").replace(NUL, "").strip()


def asked_from(post: QueryDict) -> Asked:
    """The form as posted."""
    values = {name: as_typed(post, name) for name in (*FIELDS, *CHANGE_FIELDS)}
    ticks = {name for name in TICKS if post.get(name)}
    packed = post.getlist("change")[:CHANGES_MAX]
    return Asked(values, ticks, [each for text in packed if (each := unpacked(text.replace(NUL, "")))])


def fresh(today: date, base: Campaign | None) -> Asked:
    """An empty form, or one for a what-if of ``base``: the same weeks and the same seed, so that both can be compared."""
    values = dict.fromkeys((*FIELDS, *CHANGE_FIELDS), "")
    monday = today + timedelta(days=7 - today.weekday())
    values |= {"starts_on": str(monday), "weeks": "26", "seed": f"{today:%Y%m%d}"}
    if base is None:
        return Asked(values, set(), [])
    values |= {
        "starts_on": str(base.starts_on),
        "weeks": str(base.weeks),
        "seed": str(base.seed),
        "based_on": base.campaign_id,
    }
    return Asked(values, {"by_forecast"} if base.by_forecast else set(), [])


def unpacked(text: str) -> Supposed | None:
    """A change from its hidden field; none when somebody tampered with it."""
    parts = text.split("|")
    try:
        if parts[0] == "more_demand" and len(parts) == 3:
            return Supposed(parts[0], parts[1], percent=int(parts[2]))
        if parts[0] in ("close_outlet", "lose_production") and len(parts) == 4:
            first, last = day_of(parts[2]), day_of(parts[3])
            return Supposed(parts[0], parts[1], first, last) if first and last else None
    except ValueError:
        return None
    return None


def add_change(asked: Asked, kind: str) -> None:
    """Take the change whose fields are filled in into the list, or say what is wrong with it."""
    values = asked.values
    if len(asked.changes) >= CHANGES_MAX:
        asked.faults["change"] = _("一个计划最多假设 %(most)s 项变化。") % {"most": CHANGES_MAX}
    elif kind == "more_demand":
        _add_demand(asked)
    else:
        prefix, of = ("close", "close_outlet") if kind == "close_outlet" else ("lose", "lose_bank")
        found = (
            Outlet.objects.filter(outlet_id=values[of]) if prefix == "close" else Bank.objects.filter(code=values[of])
        )
        if not found.exists():
            asked.faults[of] = _("请选择一个网点。") if prefix == "close" else _("请选择一家银行。")
            return
        first, last = day_of(values[f"{prefix}_first"]), day_of(values[f"{prefix}_last"])
        if first is None or last is None or last < first:
            outside = next((fault for end in ("first", "last") if (fault := year_fault(values[f"{prefix}_{end}"]))), "")
            asked.faults[f"{prefix}_first"] = outside or _("请填写起止日期，止日不早于起日。")
            return
        asked.changes.append(Supposed(kind, values[of], first, last))
        values |= dict.fromkeys((of, f"{prefix}_first", f"{prefix}_last", "outlet_q"), "")


def _add_demand(asked: Asked) -> None:
    values = asked.values
    if not Division.objects.filter(code=values["demand_district"], level="district").exists():
        asked.faults["demand_district"] = _("请选择一个区。")
    elif fault := number_fault(values["demand_percent"], 0, PERCENT_MAX, _("比例")):
        asked.faults["demand_percent"] = fault
    else:
        asked.changes.append(Supposed("more_demand", values["demand_district"], percent=int(values["demand_percent"])))
        values |= {"demand_district": "", "demand_percent": ""}


def name_fault(name: str) -> str:
    """What is wrong with a plan's name; empty when nothing is."""
    if not name:
        return _("请给计划取一个名字。")
    if not NAME.fullmatch(name):
        return _("名字用 1 至 20 个英文字母、数字或连字符，不以连字符开头，例如 winter-2026。")
    if name.lower() in RESERVED:
        return _("“%(name)s”是本系统保留的名字，请另取一个。") % {"name": name}
    return ""


def monday_fault(text: str) -> str:
    """What is wrong with the first day."""
    day = day_of(text)
    if day is None:
        return year_fault(text) or _("请填写日期，例如 2026-12-07。")
    if day.weekday() != 0:
        monday = day + timedelta(days=7 - day.weekday())
        return _("计划须从周一开始；%(day)s 不是周一，下一个周一是 %(monday)s。") % {"day": day, "monday": monday}
    return ""


def number_fault(text: str, least: int, most: int, what: str) -> str:
    """What is wrong with a whole number."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    if not is_number or not least <= int(text) <= most:
        return _("%(what)s须是 %(least)s 至 %(most)s 之间的整数。") % {"what": what, "least": least, "most": most}
    return ""


def day_of(text: str) -> date | None:
    """A day from a date field; none of a year in which nothing can be planned."""
    day = _read_day(text)
    return day if day is not None and YEARS[0] <= day.year <= YEARS[1] else None


def year_fault(text: str) -> str:
    """What is wrong with a day's year; empty when nothing is, or when it is no day at all."""
    if _read_day(text) is None or day_of(text) is not None:
        return ""
    return _("日期须在 %(first)s 年至 %(last)s 年之间。") % {"first": YEARS[0], "last": YEARS[1]}


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def supposed_words(changes: list[Mapping[str, object]], bank_names: Mapping[str, str]) -> list[str]:
    """The changes of a stored plan in sentences."""
    outlets = dict(
        Outlet.objects.filter(outlet_id__in=[change.get("outlet_id") for change in changes]).values_list(
            "outlet_id", "name"
        )
    )
    districts = dict(Division.objects.filter(level="district").values_list("code", "name"))
    sentences = []
    for change in changes:
        days = {"first": change.get("first_day"), "last": change.get("last_day")}
        if change["kind"] == "close_outlet":
            of = str(change["outlet_id"])
            sentences.append(_("%(name)s 在 %(first)s 至 %(last)s 停办") % {"name": outlets.get(of, of), **days})
        elif change["kind"] == "lose_production":
            of = str(change["bank_code"])
            sentences.append(_("%(name)s 在 %(first)s 至 %(last)s 不能制卡") % {"name": bank_names.get(of, of), **days})
        else:
            of = str(change["district_code"])
            sentences.append(
                _("%(name)s 的人数为原来的 %(percent)s%%")
                % {"name": districts.get(of, of), "percent": change["percent"]}
            )
    return sentences
