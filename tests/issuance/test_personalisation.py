"""Jobs for a bank's bureau: every card once, with the key the register certified, whatever is interrupted or asked twice."""

import signal
import stat
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from tests.at_once import at_once
from tests.cast import CLERK, NOON, make_bank
from tests.dying import exit_code_of
from tests.issuance.bureaus import (
    BANK,
    LATER,
    WRITTEN,
    contents,
    made_cards,
    opened,
    receipt,
    row,
    take,
    write_all,
    written,
)
from tests.issuance.killed_writing import write_to
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import Refused
from yikatong.gm import x509
from yikatong.gm.sm2 import PrivateKey
from yikatong.issuance import services
from yikatong.issuance.authorities import card_authority, root
from yikatong.issuance.models import Card, ChipKey, JobCard, JobPart, RevokedCertificate
from yikatong.issuance.personalisation import bureau_key_name, open_job, rerequest, write_part
from yikatong.issuance.receipts import reconcile
from yikatong.issuance.selectors import revoked_chip_certificates
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher, key_store
from yikatong.smartcard.dgi import Group, decode_groupings

pytestmark = pytest.mark.django_db


def values_of(groupings: bytes) -> dict[int, bytes]:
    return {grouping.number: grouping.value for grouping in decode_groupings(groupings)}


def refused(command: object, *arguments: object, **named: object) -> str:
    with pytest.raises(Refused) as raised:
        command(*arguments, **named)  # type: ignore[operator]
    return str(raised.value.reason)


def test_a_record_carries_the_key_and_certificate_of_the_register(tmp_path: Path) -> None:
    (card,) = made_cards(1)
    job = opened()
    (part,) = write_all(job.job_id, tmp_path)
    header, (found,) = contents(part)
    values = values_of(found.groupings)
    assert card.certificate_der is not None
    assert values[Group.CERTIFICATE] == bytes(card.certificate_der)
    chip = PrivateKey.from_scalar(values[Group.IDENTITY_KEY])
    assert chip.public == x509.public_key_of(x509.parse(values[Group.CERTIFICATE]))
    assert (header.job, header.part, found.sequence) == (job.job_id, 1, 1)
    assert found.identification.hex().upper() == card.identification_code
    assert part.path is not None
    assert stat.S_IMODE(part.path.stat().st_mode) == 0o600


def test_a_job_takes_the_banks_cards_in_order_and_no_card_twice() -> None:
    cards, others = made_cards(3), made_cards(1, first=4, bank="CCB")
    first, second = opened(limit=2), opened()
    taken = [list(JobCard.objects.filter(job=job).values_list("sequence", "card_id")) for job in (first, second)]
    assert taken == [[(1, cards[0].card_id), (2, cards[1].card_id)], [(1, cards[2].card_id)]]
    assert open_job(BANK, limit=10, by=CLERK, at=NOON) is None
    assert not JobCard.objects.filter(card_id=others[0].card_id).exists()


def test_a_card_at_its_outlet_or_cancelled_is_not_taken() -> None:
    ready, cancelled = made_cards(2)
    services.mark_ready(ready.card_id, by=CLERK, at=NOON)
    Card.objects.filter(card_id=cancelled.card_id).update(state="cancelled")
    assert open_job(BANK, limit=10, by=CLERK, at=NOON) is None


def test_a_bank_that_does_not_exist_gets_neither_job_nor_key() -> None:
    assert refused(open_job, "NOBANK", limit=1, by=CLERK, at=NOON) == "bank_unknown"
    assert bureau_key_name("NOBANK") not in {key.name for key in key_store().describe()}


@pytest.mark.django_db(transaction=True)
def test_callers_at_once_take_every_card_once() -> None:
    made_cards(9)
    jobs = at_once(4, lambda: open_job(BANK, limit=3, by=CLERK, at=NOON))
    assert sorted(0 if job is None else JobCard.objects.filter(job=job).count() for job in jobs) == [0, 3, 3, 3]
    assert len(set(JobCard.objects.values_list("card_id", flat=True))) == 9


@pytest.mark.django_db(transaction=True)
def test_callers_at_once_write_every_card_into_one_part(tmp_path: Path) -> None:
    made_cards(5)
    job = opened()
    at_once(3, lambda: write_all(job.job_id, tmp_path, cards=2))
    assert list(JobPart.objects.order_by("part").values_list("part", "records")) == [(1, 2), (2, 2), (3, 1)]
    assert len(list(tmp_path.iterdir())) == 3
    assert AuditEvent.objects.filter(action="job.part_written").count() == 3, "no part was sealed twice"


def test_the_database_refuses_a_card_in_two_places() -> None:
    made_cards(1)
    blank = JobCard.objects.get(job=opened())
    with pytest.raises(IntegrityError), transaction.atomic():
        JobCard.objects.create(
            job_id=blank.job_id, sequence=2, card_id=blank.card_id, chip_serial=1, state="waiting", state_at=NOON
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("point", "nth"),
    [
        ("part planned", 1),
        ("part planned", 2),
        ("cards prepared", 2),
        ("file written, nothing committed", 1),
        ("file written, nothing committed", 3),
        ("all but the last word", 2),
        ("part written", 1),
        ("part written", 3),
    ],
)
@pytest.mark.slow
def test_after_a_kill_the_writing_goes_on_with_the_same_keys(tmp_path: Path, point: str, nth: int) -> None:
    cards = made_cards(5)
    job = opened()
    assert exit_code_of(write_to, job.job_id, tmp_path, point, nth) == -signal.SIGKILL
    write_all(job.job_id, tmp_path, cards=2)
    assert list(JobPart.objects.order_by("part").values_list("part", "records")) == [(1, 2), (2, 2), (3, 1)]
    found = [
        contents(part)[1]
        for number in (1, 2, 3)
        if (part := write_part(job.job_id, tmp_path, part=number, by=CLERK, at=WRITTEN))
    ]
    certificates = [values_of(each.groupings)[Group.CERTIFICATE] for records in found for each in records]
    assert certificates == [bytes(card.certificate_der or b"") for card in cards]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".perso"] * 3
    assert len(reconcile(job.job_id).missing) == 5


def test_a_part_written_again_has_the_same_keys_under_the_same_key_of_the_bureau(tmp_path: Path) -> None:
    job = written(2, tmp_path / "first")
    key_store().rotate(bureau_key_name(BANK))
    again = write_part(job.job_id, tmp_path / "again", part=1, by=CLERK, at=LATER)
    assert again is not None
    (path,) = (tmp_path / "first").iterdir()
    (before, old), (after, new) = contents(type(again)(1, path, 2, ())), contents(again)
    assert old == new
    assert before.key_id == after.key_id
    assert before.nonce != after.nonce


def test_a_part_that_was_answered_is_not_written_again(tmp_path: Path) -> None:
    job = written(2, tmp_path)
    take(receipt(row(job, 1, "made")))
    assert refused(write_part, job.job_id, tmp_path, part=1, by=CLERK, at=LATER) == "part_answered"


def test_a_part_with_a_card_cancelled_since_is_not_written_again_without_it(tmp_path: Path) -> None:
    job = written(2, tmp_path)
    Card.objects.filter(card_id=JobCard.objects.get(job=job, sequence=2).card_id).update(state="cancelled")
    assert refused(write_part, job.job_id, tmp_path, part=1, by=CLERK, at=LATER) == "part_answered"
    assert reconcile(job.job_id).missing == (1, 2)


@pytest.mark.parametrize(
    ("job_known", "part", "reason"),
    [(True, 7, "part_unknown"), (False, 1, "job_unknown"), (False, None, "job_unknown")],
)
def test_what_does_not_exist_is_not_written(tmp_path: Path, job_known: bool, part: int | None, reason: str) -> None:
    made_cards(1)
    job_id = opened().job_id if job_known else uuid4()
    assert refused(write_part, job_id, tmp_path, part=part, by=CLERK, at=NOON) == reason
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("ethnicity_code", "?", "民族"),
        ("name_sealed", None, "已损坏"),
    ],
)
def test_a_card_that_cannot_be_prepared_is_held_with_its_reason_and_tried_again(
    tmp_path: Path, column: str, value: str | None, words: str
) -> None:
    wrong, right = made_cards(2)
    person = Person.objects.get(person_id=wrong.person_id)
    sound = getattr(person, column)
    damaged: object = value
    if column == "name_sealed":
        damaged = field_cipher().seal("name", value) if value else bytes(sound)[:-1] + bytes([bytes(sound)[-1] ^ 1])
    Person.objects.filter(person_id=wrong.person_id).update(**{column: damaged})
    job = opened()
    (part,) = write_all(job.job_id, tmp_path)
    ((sequence, reason),) = part.held
    assert (sequence, words in reason) == (1, True)
    assert [card.sequence for card in contents(part)[1]] == [2]
    assert reconcile(job.job_id).held == ((1, reason),)
    assert reconcile(job.job_id).adds_up
    Person.objects.filter(person_id=wrong.person_id).update(**{column: sound})
    rerequest(wrong.card_id, "登记信息已改正", by=CLERK, at=LATER)
    assert AuditEvent.objects.filter(action="card.tried_again", person_id=wrong.person_id).count() == 1
    (part,) = write_all(job.job_id, tmp_path)
    assert (part.part, [card.sequence for card in contents(part)[1]]) == (2, [1])
    assert not RevokedCertificate.objects.exists()
    assert right.card_id != wrong.card_id


def test_a_part_in_which_no_card_can_be_prepared_has_no_file(tmp_path: Path) -> None:
    (card,) = made_cards(1)
    job = opened()
    ChipKey.objects.filter(card_id=card.card_id).delete()
    (part,) = write_all(job.job_id, tmp_path)
    assert (part.path, part.records, len(part.held)) == (None, 0, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_card_asked_for_again_gets_another_key_and_the_old_certificate_is_revoked(tmp_path: Path) -> None:
    job = written(2, tmp_path)
    blank = JobCard.objects.get(job=job, sequence=1)
    before = Card.objects.get(card_id=blank.card_id)
    again = rerequest(blank.card_id, "制卡方没有回执", by=CLERK, at=LATER)
    after = Card.objects.get(card_id=blank.card_id)
    assert again.sequence == 3
    assert RevokedCertificate.objects.get().serial_hex == before.certificate_serial_hex != after.certificate_serial_hex
    assert (before.card_number, before.identification_code) == (after.card_number, after.identification_code)
    (part,) = write_all(job.job_id, tmp_path)
    _, (found,) = contents(part)
    values = values_of(found.groupings)
    assert values[Group.CERTIFICATE] == bytes(after.certificate_der or b"") != bytes(before.certificate_der or b"")
    assert (part.part, again.chip_serial != blank.chip_serial) == (2, True)
    assert x509.parse(values[Group.CERTIFICATE]).not_valid_before == LATER
    assert AuditEvent.objects.filter(action="card.requested_again", person_id=after.person_id).count() == 1
    assert reconcile(job.job_id).missing == (2, 3)


def test_the_revoked_certificate_is_refused_with_the_citys_list_and_the_new_one_is_not(tmp_path: Path) -> None:
    job = written(1, tmp_path)
    card_id = JobCard.objects.get(job=job).card_id
    old = Card.objects.get(card_id=card_id)
    rerequest(card_id, "丢失", by=CLERK, at=LATER)
    new = Card.objects.get(card_id=card_id)
    authority, until = card_authority(), LATER + timedelta(days=7)
    listed = x509.issue_crl(authority, revoked_chip_certificates(), number=1, this_update=LATER, next_update=until)

    def verify(card: Card) -> None:
        chain = [x509.parse(bytes(card.certificate_der or b"")), authority.certificate]
        x509.verify_chain(chain, [root().certificate], at=LATER, profile=x509.Profile.CARD, crls=[listed])

    verify(new)
    assert refused(verify, old) == "revoked"


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        ("no job", "not_in_a_job"),
        ("not written", "not_written_yet"),
        ("shipped", "card_shipped"),
        ("no reason", "reason_missing"),
        ("no card", "card_unknown"),
    ],
)
def test_a_card_is_asked_for_again_only_when_its_blank_is_at_the_bureau(
    tmp_path: Path, prepare: str, reason: str
) -> None:
    (card,) = made_cards(1)
    if prepare != "no job":
        job = opened()
        if prepare != "not written":
            write_all(job.job_id, tmp_path)
        if prepare == "shipped":
            take(receipt(row(job, 1, "shipped")))
    serial = card.certificate_serial_hex
    card_id = 0 if prepare == "no card" else card.card_id
    why = " " if prepare == "no reason" else "再要一张"
    assert refused(rerequest, card_id, why, by=CLERK, at=LATER) == reason
    assert Card.objects.get(card_id=card.card_id).certificate_serial_hex == serial


@pytest.mark.django_db(transaction=True)
def test_asked_for_again_by_two_at_once_a_card_is_made_once_more(tmp_path: Path) -> None:
    job = written(1, tmp_path)
    card_id = JobCard.objects.get(job=job).card_id

    def ask() -> str:
        try:
            rerequest(card_id, "丢失", by=CLERK, at=LATER)
        except Refused as error:
            return str(error.reason)
        return "asked"

    assert sorted(at_once(3, ask)) == ["asked", "not_written_yet", "not_written_yet"]
    assert JobCard.objects.filter(job=job).count() == 2


def test_a_card_lives_on_in_the_register_whatever_its_job_does() -> None:
    (card,) = made_cards(1)
    make_bank()
    opened()
    services.mark_ready(card.card_id, by=CLERK, at=NOON + timedelta(days=1))
    assert Card.objects.get(card_id=card.card_id).state == "ready"
