"""Made-up employers and schools. Employers' sizes have a heavy tail; every name begins with 虚构."""

from dataclasses import dataclass

import numpy as np

from yikatong.registry.synth import assumptions
from yikatong.registry.synth.numbers import credit_code
from yikatong.registry.synth.sources import CityPeople, Draw, Integers

_FIRST_WORDS = tuple("云海晨星禾木青石白川长风明月远山东湖新叶")
_SECOND_WORDS = tuple("帆达安和信源泰盛嘉朗衡旭启拓恒宁颐博润景")
_TRADES = ("科技", "商贸", "餐饮", "物业", "文化", "建筑", "物流", "医药", "教育咨询", "机械")
_EMPLOYER_SHARE = 0.55  # of all people; only for how many employers there are


@dataclass(frozen=True, slots=True)
class Organisations:
    """``employers`` to draw an employee's from; ``schools_by_district`` the positions of each district's schools."""

    rows: list[tuple[str, str, str, str]]
    employers: Draw
    schools: list[str]
    school_district: Integers


def make_organisations(people: CityPeople, persons: int, random: np.random.Generator) -> Organisations:
    """As many units as ``persons`` people need, in the order of ``ORGANISATION_COLUMNS``."""
    district_share = np.bincount(people.community_district, np.diff(people.communities.cumulative, prepend=0.0))
    count = max(20, int(persons * _EMPLOYER_SHARE / assumptions.EMPLOYEES_PER_EMPLOYER))
    districts = random.choice(len(people.district_codes), count, p=district_share)
    sizes = random.pareto(assumptions.EMPLOYER_SIZE_TAIL, count) + 1
    words = random.integers(len(_FIRST_WORDS), size=(count, 2))
    trades = random.integers(len(_TRADES), size=count)
    rows = []
    for serial, (district, (one, two), trade) in enumerate(
        zip(districts.tolist(), words.tolist(), trades.tolist(), strict=True), 1
    ):
        name = f"虚构{_FIRST_WORDS[one]}{_SECOND_WORDS[two]}{_TRADES[trade]}有限公司（{serial:06d}）"
        rows.append((credit_code("employer", district, serial), "employer", name, people.district_codes[district]))
    employers = Draw.of([row[0] for row in rows], sizes.tolist())
    schools, school_district = [], []
    per_district = np.maximum(1, np.rint(district_share * persons / assumptions.PUPILS_PER_SCHOOL)).astype(int)
    serial = 0
    for district, number in enumerate(per_district.tolist()):
        for _ in range(number):
            serial += 1
            code = credit_code("school", district, serial)
            rows.append((code, "school", f"虚构第{serial}学校", people.district_codes[district]))
            schools.append(code)
            school_district.append(district)
    return Organisations(rows, employers, schools, np.array(school_district, dtype=np.int64))
