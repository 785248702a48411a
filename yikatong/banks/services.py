"""The day's public seed and the orders drawn from it.

The seed's digest is published before the day, the seed itself after it: during the day nobody outside can predict an order, and
afterwards nobody inside can change one. See ``rules`` for the order itself and docs/algorithms/bank-order.md for the whole.
"""

import secrets
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet

from yikatong.audit import services as audit
from yikatong.audit.actors import Actor
from yikatong.banks.known import known_banks
from yikatong.banks.models import BankOrderDraw, FairSeed
from yikatong.banks.rules import SEED_LENGTH, Reason, commitment_of, order_for
from yikatong.foundation.clock import beijing_day, beijing_day_bounds
from yikatong.foundation.errors import Refused
from yikatong.queries.prepared import prepared
from yikatong.registry.sealing import field_cipher

SEED_FIELD = "seed"
PERSON_KEY_FIELD = "bank_order"
COMMITTED_DAYS_AHEAD = 7
"""For how many days the digests stand published in advance. Source: assumption."""
_FAIRNESS = Actor.system("fairness")
_DRAW = """
insert into banks_order_draw (person_id, day, bank_codes, drawn_at) values (%(person)s, %(day)s, %(codes)s, %(at)s)
on conflict do nothing
"""


def commit_seed(day: date, *, at: datetime, by: Actor = _FAIRNESS) -> str:
    """Make the seed of a day and return its commitment (SM3, hex), to be published at once.

    Repeating it returns the first commitment. Today is allowed, so that a first start can serve applicants, and is audited
    as not in advance. Raises ``Refused(DAY_IS_PAST)``.
    """
    known = FairSeed.objects.filter(day=day).first()
    if known is not None:
        return known.commitment_hex
    if day < beijing_day(at):
        raise Refused(Reason.DAY_IS_PAST, f"{day} 已经过去，不能再为它生成种子")
    seed = secrets.token_bytes(SEED_LENGTH)
    with transaction.atomic():
        fair_seed, is_new = FairSeed.objects.get_or_create(
            day=day,
            defaults={
                "seed_sealed": field_cipher().seal(SEED_FIELD, seed.hex()),
                "commitment_hex": commitment_of(seed),
                "committed_at": at,
            },
        )
        if is_new:
            audit.record(
                "bank_order.seed_committed",
                subject=f"fair_seed:{day}",
                by=by,
                at=at,
                commitment=fair_seed.commitment_hex,
                in_advance=day > beijing_day(at),
            )
    return fair_seed.commitment_hex


def reveal_seed(day: date, *, at: datetime, by: Actor = _FAIRNESS) -> bytes:
    """The seed of a day that is over in Beijing, from now on public. Repeating it returns the same.

    Raises ``Refused``: ``DAY_NOT_OVER``, or ``SEED_NOT_COMMITTED`` when the day never had a seed.
    """
    over_at = beijing_day_bounds(day)[1]
    if at < over_at:
        raise Refused(Reason.DAY_NOT_OVER, f"{day} 还没有结束，种子要到次日零时（北京时间）以后才能公布")
    with transaction.atomic():
        fair_seed = FairSeed.objects.select_for_update().filter(day=day).first()
        if fair_seed is None:
            raise Refused(Reason.SEED_NOT_COMMITTED, f"{day} 没有种子")
        if fair_seed.revealed_at is None:
            fair_seed.revealed_at = at
            fair_seed.save(update_fields=["revealed_at"])
            audit.record("bank_order.seed_revealed", subject=f"fair_seed:{day}", by=by, at=at)
    return seed_of(fair_seed)


def keep_seeds(*, at: datetime, by: Actor = _FAIRNESS) -> tuple[list[date], list[date]]:
    """Commit the coming days' seeds and reveal those of days that are over; the days of each that were new.

    Run often: repeating it changes nothing. Each day is a transaction of its own, and one that fails does not keep the
    others; all failures are raised together at the end (``ExceptionGroup``).
    """
    today = beijing_day(at)
    coming = [today + timedelta(days=ahead) for ahead in range(COMMITTED_DAYS_AHEAD + 1)]
    known = set(FairSeed.objects.filter(day__in=coming).values_list("day", flat=True))
    missing = [day for day in coming if day not in known]
    hidden = list(
        FairSeed.objects.filter(day__lt=today, revealed_at=None).order_by("day").values_list("day", flat=True)
    )
    failures: list[Exception] = []
    for act, days in ((commit_seed, missing), (reveal_seed, hidden)):
        for day in days:
            try:
                act(day, at=at, by=by)
            except Exception as error:
                error.add_note(f"{act.__name__} {day}")
                failures.append(error)
    if failures:
        raise ExceptionGroup("seeds of some days were not kept", failures)
    return missing, hidden


def draw_bank_order(person_id: int, *, day: date, at: datetime) -> tuple[str, ...]:
    """The order in which this person sees the banks on this day: all banks that had joined by then, every one once.

    The first draw is stored and audited; later ones return it. A new one can be drawn only for today, since a past day's
    seed may be known. Raises ``Refused``: ``DAY_IS_NOT_TODAY``, ``NO_BANKS``.
    """
    drawn = _drawn(person_id, day)
    if drawn:
        return tuple(drawn[0])
    order = order_of_today(person_key(person_id, day), day=day, at=at)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_DRAW, {"person": person_id, "day": day, "codes": list(order), "at": at})
            is_new = cursor.rowcount == 1
        if is_new:
            audit.record(
                "bank_order.drawn",
                subject=f"fair_seed:{day}",
                by=_FAIRNESS,
                at=at,
                person_id=person_id,
                bank_codes=list(order),
            )
    return order if is_new else tuple(_drawn(person_id, day)[0])


@prepared
def _drawn(person_id: int, day: date) -> QuerySet[BankOrderDraw, list[str]]:
    return BankOrderDraw.objects.filter(person_id=person_id, day=day).values_list("bank_codes", flat=True)


def order_of_today(key: bytes, *, day: date, at: datetime) -> tuple[str, ...]:
    """The order for a pseudonym on a day that must be today, of the banks that have joined; nothing of it is stored.

    Raises ``Refused``: ``DAY_IS_NOT_TODAY``, ``NO_BANKS``.
    """
    if day != beijing_day(at):
        raise Refused(Reason.DAY_IS_NOT_TODAY, f"只能为当天抽取银行次序；{day} 不是今天")
    codes = [bank.code for bank in known_banks().values() if bank.joined_on <= day]
    if not codes:
        raise Refused(Reason.NO_BANKS, "还没有导入合作银行；请先运行 yikatong city load")
    sealed = _sealed_seeds(day)
    if not sealed:
        commit_seed(day, at=at)
        sealed = _sealed_seeds(day)
    return order_for(_opened(bytes(sealed[0])), key, codes)


@prepared
def _sealed_seeds(day: date) -> QuerySet[FairSeed, bytes | memoryview]:
    return FairSeed.objects.filter(day=day).values_list("seed_sealed", flat=True)


def person_key(person_id: int, day: date) -> bytes:
    """A person's pseudonym for one day: 16 bytes that only this installation can link to the person or to another day."""
    return field_cipher().blind_index(PERSON_KEY_FIELD, f"{day.isoformat()}:{person_id}")


def seed_of(fair_seed: FairSeed) -> bytes:
    """The seed in clear. Nothing shows it to anybody before the day is over: see ``reveal_seed``."""
    return _opened(bytes(fair_seed.seed_sealed))


def _opened(sealed: bytes) -> bytes:
    return bytes.fromhex(field_cipher().open(SEED_FIELD, sealed))
