"""What an import file holds: its columns, and a row in normal form once it has passed the rules.

Pure: no I/O, no framework. The checks are in ``rules``; what each column means is in docs/import-format.md.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from yikatong.registry.reasons import RowReason

PERSON_COLUMNS = (
    "identity_number",
    "name",
    "phone",
    "sex",
    "ethnicity_code",
    "birth_date",
    "community_code",
    "category",
    "organisation_code",
    "pension_bank_code",
    "needs_large_print",
    "needs_home_visit",
    "older_card_generation",
    "older_card_number",
    "guardian1_identity_number",
    "guardian1_relation",
    "guardian2_identity_number",
    "guardian2_relation",
)
REQUIRED_PERSON_COLUMNS = frozenset({"identity_number", "name", "sex", "ethnicity_code", "community_code", "category"})
ORGANISATION_COLUMNS = ("credit_code", "kind", "name", "district_code")


class Category(StrEnum):
    """How a person takes part in social insurance; the same values as ``models.InsuredCategory``."""

    EMPLOYEE = "employee"
    FLEXIBLE = "flexible"
    RESIDENT = "resident"
    STUDENT = "student"
    MINOR = "minor"
    RETIREE = "retiree"


CATEGORY_NAMES = {
    Category.EMPLOYEE: "职工",
    Category.FLEXIBLE: "灵活就业人员",
    Category.RESIDENT: "城乡居民",
    Category.STUDENT: "十八岁以上学生",
    Category.MINOR: "未成年人",
    Category.RETIREE: "退休人员",
}


class Known(NamedTuple):
    """What rows may refer to. ``organisation_kinds`` maps a credit code to ``employer`` or ``school``."""

    community_codes: frozenset[str]
    bank_codes: frozenset[str]
    organisation_kinds: Mapping[str, str]


class Problem(NamedTuple):
    """One mistake: its reason, and what is wrong and right in words. The words carry no identity number and no name."""

    reason: RowReason
    text: str


class PersonRow(NamedTuple):
    """A row that passed, in its normal form. ``guardians`` are (identity number, relation)."""

    identity_number: str
    name: str
    phone: str
    sex: str
    ethnicity_code: str
    birth_date: date
    community_code: str
    category: str
    organisation_code: str
    pension_bank_code: str
    needs_large_print: bool
    needs_home_visit: bool
    older_card_generation: int | None
    older_card_number: str
    guardians: tuple[tuple[str, str], ...]

    def canonical_text(self) -> str:
        """The row as one text, equal for rows that mean the same; its keyed digest tells a changed row."""
        guardians = "".join([f"\x1f{number}\x1f{relation}" for number, relation in self.guardians])
        return (
            f"{self.identity_number}\x1f{self.name}\x1f{self.phone}\x1f{self.ethnicity_code}\x1f{self.community_code}"
            f"\x1f{self.category}\x1f{self.organisation_code}\x1f{self.pension_bank_code}"
            f"\x1f{int(self.needs_large_print)}{int(self.needs_home_visit)}"
            f"\x1f{self.older_card_generation or 0}{self.older_card_number}{guardians}"
        )


class OrganisationRow(NamedTuple):
    """A row of the organisations file that passed."""

    credit_code: str
    kind: str
    name: str
    district_code: str


def row_error_text(line: int, problems: Sequence[Problem]) -> str:
    """``第 1204 行：身份证号码校验位不对（末位应为 X，文件中为 5）。``; several problems stand behind each other."""
    return f"第 {line} 行：" + "；".join(problem.text for problem in problems) + "。"
