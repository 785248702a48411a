"""A plan's figures as the card centre looks at them: by district and street, by bank and week, by outlet, by unit.

It reads the sums that planning stored and the worker's hourly count of uptake, never a person's row; only how invitations
stand is counted over them, and kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.db.models import Sum

from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.models import BankWeek, Campaign, PlaceWeek, StreetFigures, UnitSlot
from yikatong.campaign.moving import SMALL_PEOPLE
from yikatong.campaign.uptake import uptake_by_district
from yikatong.city.models import Division
from yikatong.registry.models import Organisation
from yikatong.workbench.campaign_counts import counted

SENDING_KEPT_S = 10
SENDING_OF_SMALL_KEPT_S = 2
OVER = 1.005
"""What is shown as more than 100 %: a plan for those expected to come may invite more than can be served."""
HEAT_BREAKS = (0.5, 0.7, 0.85, 0.999, OVER)


@dataclass(slots=True)
class Area:
    """A district or a street in one plan. ``load``: of its outlets in their busiest week, a share; it may exceed 1."""

    code: str
    name: str
    people: int = 0
    left_out: int = 0
    waited_weeks: int = 0
    distance_m: int = 0
    to_outlets: int = 0
    load: float | None = None
    invited: int = 0
    applied: int = 0

    @property
    def wait(self) -> float | None:
        """Mean weeks of waiting of those placed."""
        placed = self.people - self.left_out
        return self.waited_weeks / placed if placed > 0 else None

    @property
    def distance(self) -> float | None:
        """Mean metres of those who go to an outlet."""
        return self.distance_m / self.to_outlets if self.to_outlets else None

    @property
    def uptake(self) -> float | None:
        """Of those whose invitation was sent, who applied."""
        return self.applied / self.invited if self.invited else None

    def add(self, street: StreetFigures) -> None:
        """Take in one street's sums."""
        self.people += street.people
        self.left_out += street.left_out
        self.waited_weeks += street.waited_weeks
        self.distance_m += street.distance_m
        self.to_outlets += street.to_outlets


@dataclass(frozen=True, slots=True)
class CurveWeek:
    """One week of one bank's cards, or of all banks'. ``number`` counts from 1."""

    number: int
    starts_on: date
    production: int
    planned: int
    units: int
    expected: int

    @property
    def share(self) -> float | None:
        """Of the production."""
        return self.planned / self.production if self.production else None


@dataclass(frozen=True, slots=True)
class Heat:
    """How much of its production one bank uses in one week; nothing when it makes none."""

    number: int
    starts_on: date
    share: float | None

    @property
    def percent(self) -> str:
        """Without the sign, for a narrow cell."""
        return "" if self.share is None else f"{self.share * 100:.0f}"

    @property
    def step(self) -> str:
        """Its shade: of five, as on the map, and a sixth for more than there is."""
        if self.share is None:
            return "none"
        return str(sum(self.share >= least for least in HEAT_BREAKS))


@dataclass(frozen=True, slots=True)
class BusyOutlet:
    """An outlet in its busiest week."""

    outlet: Outlet | None
    place: str
    bank: str
    starts_on: date
    capacity: int
    planned: int
    wait_p50_min: float | None
    wait_p95_min: float | None

    @property
    def load(self) -> float:
        """Share of its capacity."""
        return self.planned / self.capacity if self.capacity else 0.0


def bank_names(language: str) -> dict[str, str]:
    """Banks by code, in the page's language, sorted by code."""
    field = "name_en" if language.startswith("en") else "name_zh"
    return dict(Bank.objects.order_by("code").values_list("code", field))


def districts_of(campaign: Campaign) -> list[Area]:
    """Every district of the plan, by code."""
    areas: dict[str, Area] = {}
    for street in StreetFigures.objects.filter(campaign_id=campaign.campaign_id):
        areas.setdefault(street.district_code, Area(street.district_code, street.district_code)).add(street)
    _name(areas)
    _add_load(areas, campaign, "district_code")
    for code, answered in uptake_by_district(campaign.campaign_id).items():
        if code in areas:
            areas[code].invited, areas[code].applied = answered.invited, answered.applied
    return [areas[code] for code in sorted(areas)]


def streets_of(campaign: Campaign, district_code: str) -> list[Area]:
    """The streets of one district, by code; without uptake, which is counted by district."""
    areas: dict[str, Area] = {}
    for street in StreetFigures.objects.filter(campaign_id=campaign.campaign_id, district_code=district_code):
        areas.setdefault(street.street_code, Area(street.street_code, street.street_code)).add(street)
    _name(areas)
    _add_load(areas, campaign, "street_code", district_code=district_code)
    return [areas[code] for code in sorted(areas)]


def street_points(campaign: Campaign) -> list[tuple[str, float, float, int, float | None]]:
    """Every street's name, longitude, latitude, people and mean weeks of waiting, for the map."""
    streets = list(StreetFigures.objects.filter(campaign_id=campaign.campaign_id).order_by("street_code"))
    names = _names(street.street_code for street in streets)
    points = []
    for street in streets:
        area = Area(street.street_code, names.get(street.street_code, street.street_code))
        area.add(street)
        points.append((area.name, street.lng, street.lat, street.people, area.wait))
    return points


def sending_of(campaign: Campaign) -> Mapping[str, int]:
    """How many invitations of a published plan stand in each state, as counted some seconds ago."""
    if campaign.published_at is None:
        return {}
    key = f"campaign-sending:{campaign.campaign_id}:{campaign.published_at.timestamp()}"
    keep_s = SENDING_OF_SMALL_KEPT_S if campaign.people < SMALL_PEOPLE else SENDING_KEPT_S
    found = counted(key, keep_s, lambda: _count_sending(campaign.campaign_id))
    return _count_sending(campaign.campaign_id) if found is None else found


def _count_sending(campaign_id: str) -> dict[str, int]:
    statement = "select state, count(*) from campaign_invitation where campaign_id = %s group by state"
    with connection.cursor() as cursor:
        cursor.execute(statement, [campaign_id])
        return dict(cursor.fetchall())


def curve_of(campaign: Campaign, bank_code: str = "") -> list[CurveWeek]:
    """Cards by week of one bank, or of all banks for an empty code."""
    weeks = BankWeek.objects.filter(campaign_id=campaign.campaign_id)
    if bank_code:
        weeks = weeks.filter(bank_code=bank_code)
    sums = (
        weeks.values("week_starts_on")
        .annotate(made=Sum("production"), cards=Sum("planned"), by_units=Sum("units"), likely=Sum("expected"))
        .order_by("week_starts_on")
    )
    return [
        CurveWeek(
            (row["week_starts_on"] - campaign.starts_on).days // 7 + 1,
            row["week_starts_on"],
            row["made"],
            row["cards"],
            row["by_units"],
            row["likely"],
        )
        for row in sums
    ]


def heat_of(campaign: Campaign, banks: Mapping[str, str]) -> list[tuple[str, str, list[Heat]]]:
    """Each bank's code, name and weeks, every bank with the same weeks."""
    rows: dict[str, list[Heat]] = {}
    for each in BankWeek.objects.filter(campaign_id=campaign.campaign_id).order_by("bank_code", "week_starts_on"):
        number = (each.week_starts_on - campaign.starts_on).days // 7 + 1
        share = each.planned / each.production if each.production else None
        rows.setdefault(each.bank_code, []).append(Heat(number, each.week_starts_on, share))
    return [(code, banks.get(code, code), weeks) for code, weeks in rows.items()]


def busiest_outlets(campaign: Campaign, language: str, *, most: int = 15) -> list[BusyOutlet]:
    """The outlets with the fullest week, each once, fullest first; of equals the longest queue first."""
    statement = """
        select * from (
            select distinct on (place) place, bank_code, week_starts_on, capacity, planned, wait_p50_min, wait_p95_min
            from campaign_place_week where campaign_id = %s and way = 'outlet' and capacity > 0 and planned > 0
            order by place, planned::float / capacity desc, wait_p95_min desc nulls last, week_starts_on
        ) fullest order by planned::float / capacity desc, wait_p95_min desc nulls last, place limit %s
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [campaign.campaign_id, most])
        rows = cursor.fetchall()
    outlets = {outlet.outlet_id: outlet for outlet in Outlet.objects.filter(outlet_id__in=[row[0] for row in rows])}
    names = bank_names(language)
    return [BusyOutlet(outlets.get(row[0]), row[0], names.get(row[1], row[1]), *row[2:]) for row in rows]


def units_of(campaign: Campaign, *, most: int = 200) -> list[tuple[UnitSlot, str]]:
    """Units with their names: those without a week first, then by week."""
    slots = list(
        UnitSlot.objects.filter(campaign_id=campaign.campaign_id).order_by("-refusal", "week_starts_on", "-people")[
            :most
        ]
    )
    codes = [slot.organisation_code for slot in slots]
    names = dict(Organisation.objects.filter(credit_code__in=codes).values_list("credit_code", "name"))
    return [(slot, names.get(slot.organisation_code, slot.organisation_code)) for slot in slots]


def _add_load(areas: dict[str, Area], campaign: Campaign, by: str, **where: str) -> None:
    weeks = PlaceWeek.objects.filter(campaign_id=campaign.campaign_id, way="outlet", capacity__gt=0, **where)
    for row in weeks.values(by, "week_starts_on").annotate(room=Sum("capacity"), come=Sum("planned")):
        area = areas.get(row[by])
        if area is not None:
            area.load = max(area.load or 0.0, row["come"] / row["room"])


def _name(areas: Mapping[str, Area]) -> None:
    for code, name in _names(areas).items():
        areas[code].name = name


def _names(codes: Iterable[str]) -> dict[str, str]:
    return dict(Division.objects.filter(code__in=list(codes)).values_list("code", "name"))
