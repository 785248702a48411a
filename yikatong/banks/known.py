"""The banks and what they have in each district, in memory: every applicant's page shows them, and only the city's loader
changes them."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Q

from yikatong.banks.models import Bank, Outlet
from yikatong.city.stamp import LOOKED_EVERY_S, loaded_stamp
from yikatong.queries.kept import Kept


@dataclass(frozen=True, slots=True)
class OutletCount:
    """Outlets of one bank in one district, and how many of them make cards while one waits."""

    outlets: int = 0
    instant: int = 0


def _read_banks() -> Mapping[str, Bank]:
    return {bank.code: bank for bank in Bank.objects.order_by("code")}


def _count_outlets() -> Mapping[tuple[str, str], OutletCount]:
    counted = Outlet.objects.values("district_code", "bank_id").annotate(
        outlets=Count("pk"), instant=Count("pk", filter=Q(issues_instantly=True))
    )
    return {(row["district_code"], row["bank_id"]): OutletCount(row["outlets"], row["instant"]) for row in counted}


_banks = Kept(loaded_stamp, _read_banks, every_s=LOOKED_EVERY_S)
_outlets = Kept(loaded_stamp, _count_outlets, every_s=LOOKED_EVERY_S)


def known_banks() -> Mapping[str, Bank]:
    """All cooperating banks by code, in the order of codes. Shared: never change one."""
    return _banks.get()


def outlets_in(district_code: str, bank_code: str) -> OutletCount:
    """What a bank has in a district."""
    return _outlets.get().get((district_code, bank_code), OutletCount())
