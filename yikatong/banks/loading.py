"""Banks and outlets from the city's data folder, written by the city's loader in its own transaction."""

from yikatong.banks.models import Bank, Outlet
from yikatong.banks.outlets import plan_outlets
from yikatong.city.banking import BANKS
from yikatong.city.content import CityContent
from yikatong.city.schemas import BankRow
from yikatong.city.writing import Part, replace_rows


def write_banks(content: CityContent) -> int:
    """Banks of the public list and the one not named yet, with all their outlets; how many rows.

    An outlet that the folder no longer holds is removed; an application that named it keeps the name of it.
    """
    Outlet.objects.exclude(bank__in=[bank.code for bank in content.banks]).delete()
    banks = replace_rows(Bank.objects.all(), _banks(content))
    outlets = [
        Outlet(
            outlet_id=plan.outlet_id,
            bank_id=plan.bank_code,
            name=plan.name,
            district_code=plan.district_code,
            street_code=plan.street_code,
            cnaps_code=plan.cnaps_code,
            windows=plan.windows,
            issues_instantly=plan.issues_instantly,
            is_synthetic=plan.is_synthetic,
            source=plan.source,
        )
        for plan in plan_outlets(content)
    ]
    return banks + replace_rows(Outlet.objects.all(), outlets)


def _banks(content: CityContent) -> list[Bank]:
    listed = {row.short_code: row for row in content.rows("banks", BankRow)}
    banks = []
    for entry in content.banks:
        row = listed.get(entry.code)
        banks.append(
            Bank(
                code=entry.code,
                name_zh=row.name if row else entry.name_zh,
                name_en=entry.name_en,
                cnaps_prefix=row.cnaps_bank_prefix if row else "",
                joined_on=entry.joined_on,
                is_assumption=entry.is_assumption,
                source=row.source if row else entry.source,
            )
        )
    return banks


BANKS_PART = Part(
    "banks",
    ("banks", "bank_branches", "district_population", "districts", "streets", "communities"),
    Outlet.objects.exists,
    write_banks,
    rule_files=(BANKS,),
)
