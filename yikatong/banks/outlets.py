"""Which outlets there are: those that a public list names, completed by example outlets that do not exist.

Pure: takes the city's content, returns plans; the same content gives the same plans everywhere. Example outlets are spread
over the districts by population (largest remainder) and over the banks by weight, stand in a real street, and carry 虚构
and 示例 in their very name, so that nobody takes one for real. The number of windows and instant issue are assumptions for
every outlet.
Source of weights, total and seed: rules/banks.toml (assumption).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from yikatong.city.content import CityContent
from yikatong.city.schemas import BankRow, BranchRow, CommunityRow, DistrictPopulationRow, DistrictRow, StreetRow


@dataclass(frozen=True, slots=True)
class PlannedOutlet:
    """An outlet as it will stand in the table. ``district_code`` is empty where the list does not tell."""

    outlet_id: str
    bank_code: str
    name: str
    district_code: str
    street_code: str
    cnaps_code: str
    windows: int
    issues_instantly: bool
    is_synthetic: bool
    source: str


def plan_outlets(content: CityContent) -> list[PlannedOutlet]:
    """All outlets, the listed ones first, sorted by id within each kind."""
    listed = sorted(_listed(content), key=lambda outlet: outlet.outlet_id)
    examples = sorted(_examples(content, listed), key=lambda outlet: outlet.outlet_id)
    return listed + examples


def largest_remainder(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Share ``total`` out in whole numbers by weight; the parts sum to it. Ties go to the key that sorts first.

    Raises ``ValueError`` when nothing weighs anything but there is something to share.
    """
    whole = sum(weights.values())
    if whole == 0 and total:
        raise ValueError("cannot share out by weights that are all 0")
    shares = {key: total * weight // whole if whole else 0 for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: (-(total * weights[key] % whole) if whole else 0, key))
    for key in by_remainder[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


def outlets_to_add(total: int, weights: Mapping[str, int], listed: Mapping[str, int]) -> dict[str, int]:
    """How many outlets each bank lacks for its share of ``total``. A bank with more than its share keeps what it has."""
    missing = dict.fromkeys(weights, 0)
    sharing = dict(weights)
    left = total - sum(count for bank, count in listed.items() if bank not in weights)
    while sharing and left > 0:
        shares = largest_remainder(left, sharing)
        full = [bank for bank in sharing if listed.get(bank, 0) > shares[bank]]
        if not full:
            return missing | {bank: shares[bank] - listed.get(bank, 0) for bank in sharing}
        for bank in full:
            left -= listed[bank]
            del sharing[bank]
    return missing


def _listed(content: CityContent) -> Iterator[PlannedOutlet]:
    districts = {row.name: row.code6 for row in content.rows("districts", DistrictRow)}
    for row in content.rows("bank_branches", BranchRow):
        if row.status == "removed":
            continue
        number = row.cnaps_code or "N" + hashlib.sha256(row.branch_name.encode()).hexdigest()[:10]
        outlet_id = f"{row.bank}-{number}"
        windows, issues_instantly = _equipment(content, outlet_id)
        dated = f"截至 {row.as_of}" if row.as_of else "未注日期"
        yield PlannedOutlet(
            outlet_id=outlet_id,
            bank_code=row.bank,
            name=row.branch_name,
            district_code=districts.get(row.district_in_name, ""),
            street_code="",
            cnaps_code=row.cnaps_code,
            windows=windows,
            issues_instantly=issues_instantly,
            is_synthetic=False,
            source=f"{row.source}（{dated}）；窗口数和即时制卡 assumption",
        )


def _examples(content: CityContent, listed: list[PlannedOutlet]) -> Iterator[PlannedOutlet]:
    plan = content.outlet_plan
    bank_names = {row.short_code: row.name for row in content.rows("banks", BankRow)}
    bank_names |= {bank.code: bank.name_zh for bank in content.banks if bank.name_zh}
    to_add = outlets_to_add(
        plan.total,
        {bank.code: bank.outlet_weight for bank in content.banks},
        Counter(outlet.bank_code for outlet in listed),
    )
    districts = _dealt_districts(content, sum(to_add.values()))
    streets = _streets_by_community(content)
    street_names = {row.code9: row.district + row.name for row in content.rows("streets", StreetRow)}
    of_bank_in_district: Counter[tuple[str, str]] = Counter()
    of_bank_in_street: Counter[tuple[str, str]] = Counter()
    for bank in sorted(to_add):
        for _ in range(to_add[bank]):
            district = next(districts)
            of_bank_in_district[bank, district] += 1
            outlet_id = f"S-{bank}-{district}-{of_bank_in_district[bank, district]:03d}"
            choices = streets[district]
            street = choices[_number(plan.seed, "street", outlet_id) % len(choices)]
            of_bank_in_street[bank, street] += 1
            nth = of_bank_in_street[bank, street]
            windows, issues_instantly = _equipment(content, outlet_id)
            yield PlannedOutlet(
                outlet_id=outlet_id,
                bank_code=bank,
                name=f"（虚构）{bank_names[bank]}{street_names[street]}{f'第{nth}' if nth > 1 else ''}示例支行",
                district_code=district,
                street_code=street,
                cnaps_code="",
                windows=windows,
                issues_instantly=issues_instantly,
                is_synthetic=True,
                source=f"synthetic, seed {plan.seed}",
            )


def _dealt_districts(content: CityContent, count: int) -> Iterator[str]:
    """A district for each example outlet: as many of each as its population earns, in an order the seed decides."""
    people = {
        row.district_code: row.resident_population for row in content.rows("district_population", DistrictPopulationRow)
    }
    shares = largest_remainder(count, people)
    slots = [(district, nth) for district in sorted(shares) for nth in range(shares[district])]
    seed = content.outlet_plan.seed
    return iter([district for district, nth in sorted(slots, key=lambda slot: _number(seed, "slot", *map(str, slot)))])


def _streets_by_community(content: CityContent) -> dict[str, list[str]]:
    """The streets of each district, each as often as it has communities: the nearest figure to its population there is."""
    streets: dict[str, list[str]] = defaultdict(list)
    for row in content.rows("communities", CommunityRow):
        streets[row.district_code].append(row.street_code)
    for street in content.rows("streets", StreetRow):
        if not streets[street.district_code]:
            streets[street.district_code].append(street.code9)
    return dict(streets)


def _equipment(content: CityContent, outlet_id: str) -> tuple[int, bool]:
    """Windows for the card and whether it is made on the spot. Source: assumption (rules/banks.toml)."""
    plan = content.outlet_plan
    windows = 2 if _number(plan.seed, "windows", outlet_id) % 100 < plan.two_window_percent else 1
    return windows, _number(plan.seed, "instant", outlet_id) % 100 < plan.instant_issue_percent


def _number(*parts: str) -> int:
    """A number that only the parts decide, on every machine and in every version of Python."""
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest())
