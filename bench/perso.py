"""Preparing cards for a bureau: records per second on all cores, against what the key pair and one signature alone take.

    python -m bench.perso

Ours is the whole record: key pair, certificate, keys derived from the city's, data groupings, sealed into the bureau's file. The
baseline is the least that any such record takes: generating an SM2 key pair and one SM2 signature, through the same library. Both
run in as many processes as there are cores, in turns of two seconds, so that whatever else the machine does meets both; the best
turn of each counts. There are five rounds; while the bar is not met, up to fifteen. The last line is JSON; the exit code is
0 exactly when the bar is met.
"""

import io
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from uuid import UUID

from yikatong.gm.sm2 import PrivateKey, generate_pair
from yikatong.gm.x509 import Profile, issue_ca, issue_root
from yikatong.gm.x509_bulk import BulkIssuer
from yikatong.smartcard.bureau_file import CardRecord, write_bureau_file
from yikatong.smartcard.making import IDENTIFICATION_DIGITS, CardMaker
from yikatong.smartcard.payment import BankReference
from yikatong.smartcard.ssse_layout import Key, historical_bytes, initialising_institution
from yikatong.smartcard.third_generation import PurseContents, SocialContents
from yikatong.smartcard.tunion_layout import ISSUER_BEIJING, IssuerFile, PurseKey

BAR = 0.8
TURN_S = 2.0
ROUNDS_MIN, ROUNDS_MAX = 5, 15
BATCH = 50
PLANNED_CARDS = 1_000_000
BEGIN, END = datetime(2026, 11, 23, tzinfo=UTC), datetime(2036, 11, 23, tzinfo=UTC)
MASTER_NUMBERS = (
    Key.PUK,
    Key.INTERNAL,
    Key.PIN_SERVICE,
    Key.READ,
    Key.BLOCK,
    Key.UPDATE,
    Key.PURCHASE,
    Key.LOAD,
    Key.TAC,
)

type Work = Callable[[], object]


def main() -> int:
    """Run the benchmark."""
    cores = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(cores, initializer=_prepare) as pool:
        ours: list[float] = []
        bare: list[float] = []
        while len(ours) < ROUNDS_MIN or (max(ours) < BAR * max(bare) and len(ours) < ROUNDS_MAX):
            bare.append(sum(pool.map(_rate, ["bare"] * cores, chunksize=1)))
            ours.append(sum(pool.map(_rate, ["ours"] * cores, chunksize=1)))
        octets = pool.apply(_octets_per_card)
    rate, baseline = max(ours), max(bare)
    print(f"records     best {rate:7,.0f}/s   median {statistics.median(ours):7,.0f}/s on {cores} cores")
    print(f"bare        best {baseline:7,.0f}/s   median {statistics.median(bare):7,.0f}/s: key pair and one signature")
    minutes, gigabytes = PLANNED_CARDS / rate / 60, PLANNED_CARDS * octets / 1e9
    print(f"{PLANNED_CARDS:,} cards: {minutes:.0f} minutes, {gigabytes:.2f} GB ({octets} bytes a card)")
    ok = rate >= BAR * baseline
    figures = {
        "name": "perso",
        "records_per_s": round(rate),
        "baseline": round(baseline),
        "ratio": round(rate / baseline, 3),
        "ratio_of_medians": round(statistics.median(ours) / statistics.median(bare), 3),
        "minutes_per_million_cards": round(minutes, 1),
        "bytes_per_card": octets,
        "rounds": len(ours),
        "cores": cores,
        "bar": BAR,
        "ok": ok,
    }
    print(json.dumps(figures))
    return 0 if ok else 1


_works: dict[str, Work] = {}


def _prepare() -> None:
    """What a process needs for its turns."""
    root = issue_root(PrivateKey.generate(), name="Bench Root", not_before=BEGIN, not_after=END)
    signer = PrivateKey.generate()
    authority = issue_ca(root, signer, profile=Profile.CARD_CA, name="Bench CA", not_before=BEGIN, not_after=END)
    issuer = BulkIssuer(
        authority, profile=Profile.CARD, name_length=IDENTIFICATION_DIGITS, not_before=BEGIN, not_after=END
    )
    purse_masters = {number: os.urandom(16) for number in (PurseKey.PURCHASE, PurseKey.LOAD, PurseKey.TAC)}
    maker = CardMaker(issuer, {number: os.urandom(16) for number in MASTER_NUMBERS}, "110000", purse_masters)
    message, bureau_key = os.urandom(400), os.urandom(16)

    def bare() -> None:
        for _ in range(BATCH):
            generate_pair()
            signer.sign_der(message)

    def ours() -> int:
        file = io.BytesIO()
        write_bureau_file(file, _records(maker), records=BATCH, job=UUID(int=1), part=1, key_id=1, key=bureau_key)
        return len(file.getvalue())

    _works.update(bare=bare, ours=ours)


def _records(maker: CardMaker) -> Iterator[CardRecord]:
    for sequence in range(BATCH):
        historical = historical_bytes(
            chip_maker=b"\x00\x81", chip=b"JDF", card_maker=b"\x86\x60", region_code="110000", serial=sequence
        )
        issuer = IssuerFile(ISSUER_BEIJING, f"0100100075{sequence:010d}", date(2026, 11, 23), date(2036, 11, 22))
        bank = BankReference("621234", f"{sequence:04d}", "ICBC")
        card = maker.prepare(_contents(sequence), historical, purse=PurseContents(issuer), bank=bank)
        yield CardRecord(sequence, card.identification, card.groupings)


def _contents(sequence: int) -> SocialContents:
    return SocialContents(
        identification_code=f"110000D156000005{sequence:08X}{os.urandom(4).hex().upper()}",
        institution=initialising_institution("110000", "110100", 2),
        issued_on=date(2026, 11, 23),
        expires_on=date(2036, 11, 22),
        card_number=f"J{sequence:07d}X",
        identity_number="119901199003078515",
        name="测试员",
        sex="1",
        ethnicity_code="01",
        birthplace_code="119901",
        birth_date=date(1990, 3, 7),
    )


def _rate(which: str) -> float:
    """Records per second of elapsed time in one turn of one process."""
    work, count, started = _works[which], 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < TURN_S:
        work()
        count += BATCH
    return count / elapsed


def _octets_per_card() -> int:
    octets = _works["ours"]()
    assert isinstance(octets, int)
    return octets // BATCH


if __name__ == "__main__":
    sys.exit(main())
