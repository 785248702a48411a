"""Cards made at a counter: from a blank to the holder, with everything that happens to a clerk in between."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.at_once import at_once
from tests.cast import CLERK, NOON, made_card, make_bank, make_person
from tests.issuance.bureaus import opened as bureau_job
from tests.issuance.counters import blank, prove, sent, write
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.foundation.errors import Refused
from yikatong.issuance import counter
from yikatong.issuance.models import Card, CardState, ChipKey, JobCard, JobCardState, JobState, RevokedCertificate
from yikatong.issuance.personalisation import open_job
from yikatong.issuance.receipts import reconcile
from yikatong.issuance.rules import JobReason, Reason
from yikatong.issuance.stock import deliver_blanks, stock_at, stock_of
from yikatong.registry.models import Person
from yikatong.registry.sealing import field_cipher
from yikatong.smartcard.status import Refusal, Status

pytestmark = pytest.mark.django_db
OUTLET = "ICBC-1"


@pytest.fixture
def card() -> Card:
    """A card that waits for its chip, of the counter's bank."""
    return made_card(make_person(1), make_bank())


def _in_place(card: Card) -> JobCard:
    return JobCard.objects.get(card_id=card.card_id, state__in=[JobCardState.WAITING, JobCardState.SHIPPED])


def test_a_blank_becomes_the_persons_card_and_waits_to_be_handed_over(card: Card, tmp_path: Path) -> None:
    chip = blank(tmp_path)
    write(card, chip, OUTLET)
    made = prove(card, chip, OUTLET)
    assert made.state == CardState.READY
    assert chip.memory["ID/EF01"] == bytes(card.certificate_der or b"")
    person = Person.objects.get(person_id=card.person_id)
    number = field_cipher().open("identity_number", bytes(person.identity_number_sealed))
    assert chip.memory["SSSE/EF06/1"][2:].decode() == number
    assert not ChipKey.objects.filter(card_id=card.card_id).exists()
    assert _in_place(card).state == JobCardState.SHIPPED
    assert counter.is_made_at(card, OUTLET)
    events = AuditEvent.objects.filter(subject=f"card:{card.card_id}").order_by("event_id")
    acts = list(events.values_list("action", flat=True))
    assert acts[-4:] == ["card.taken_to_counter", "card.written_at_counter", "card.personalised", "card.ready"]


def test_finishing_again_changes_nothing(card: Card, tmp_path: Path) -> None:
    chip = blank(tmp_path)
    write(card, chip, OUTLET)
    prove(card, chip, OUTLET)
    before = AuditEvent.objects.count()
    counter.finish(card.card_id, b"", outlet_id=OUTLET, by=CLERK, at=NOON)
    assert AuditEvent.objects.count() == before


def test_a_reply_lost_after_the_last_block_is_made_good_by_the_chips_proof(card: Card, tmp_path: Path) -> None:
    chip = blank(tmp_path)
    write(card, chip, OUTLET)  # and nobody saw the answers
    with pytest.raises(Refusal) as no_blank:
        sent(chip, counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON))
    assert no_blank.value.status == Status.FILE_NOT_FOUND
    assert prove(card, chip, OUTLET).state == CardState.READY


def test_power_lost_in_the_middle_is_made_good_by_beginning_again(card: Card, tmp_path: Path) -> None:
    chip = blank(tmp_path)
    opened = sent(chip, counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON))
    commands = counter.load(card.card_id, opened, outlet_id=OUTLET, by=CLERK, at=NOON)
    sent(chip, commands[:-1])
    chip.power_on()
    write(card, chip, OUTLET)
    assert prove(card, chip, OUTLET).state == CardState.READY
    assert JobCard.objects.filter(card_id=card.card_id).count() == 1


def test_a_card_is_never_written_into_two_blanks(card: Card, tmp_path: Path) -> None:
    first, second = blank(tmp_path), blank(tmp_path)
    write(card, first, OUTLET)
    opened = sent(second, counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON))
    with pytest.raises(Refused) as refused:
        counter.load(card.card_id, opened, outlet_id=OUTLET, by=CLERK, at=NOON)
    assert refused.value.reason == JobReason.BLANK_DIFFERS


def test_a_spoiled_blank_is_written_off_and_the_next_gets_another_key(card: Card, tmp_path: Path) -> None:
    first, second = blank(tmp_path), blank(tmp_path)
    write(card, first, OUTLET)
    old = card.certificate_serial_hex
    counter.spoil(card.card_id, "折断", outlet_id=OUTLET, by=CLERK, at=NOON)
    assert RevokedCertificate.objects.get(serial_hex=old).reason == "折断"
    card.refresh_from_db()
    assert card.certificate_serial_hex != old
    with pytest.raises(Refused) as refused:
        prove(card, first, OUTLET)
    assert refused.value.reason == JobReason.WRITING_NOT_BEGUN
    write(card, second, OUTLET)
    assert prove(card, second, OUTLET).state == CardState.READY
    states = sorted(JobCard.objects.filter(card_id=card.card_id).values_list("state", flat=True))
    assert states == [JobCardState.SHIPPED, JobCardState.SPOILED]


def test_spoiling_wants_a_reason_and_a_blank_in_hand(card: Card) -> None:
    for reason, expected in (("  ", JobReason.REASON_MISSING), ("折断", JobReason.WRITING_NOT_BEGUN)):
        with pytest.raises(Refused) as refused:
            counter.spoil(card.card_id, reason, outlet_id=OUTLET, by=CLERK, at=NOON)
        assert refused.value.reason == expected


def test_what_the_page_says_is_not_believed(card: Card, tmp_path: Path) -> None:
    chip = blank(tmp_path)
    for octets in (b"", bytes(29), b"\x00" * 10 + b"\x01\x03\x60" + bytes(16)):
        counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
        with pytest.raises(Refused) as wrong:
            counter.load(card.card_id, octets, outlet_id=OUTLET, by=CLERK, at=NOON)
        assert wrong.value.reason == JobReason.BLANK_WRONG
    write(card, chip, OUTLET)
    with pytest.raises(Refused) as unasked:
        counter.finish(card.card_id, bytes(64), outlet_id=OUTLET, by=CLERK, at=NOON)
    assert unasked.value.reason == JobReason.CHIP_NOT_PROVEN
    signature = sent(chip, counter.prove(card.card_id, outlet_id=OUTLET))
    counter.prove(card.card_id, outlet_id=OUTLET)  # another challenge takes the place of the first
    for made_up in (signature, bytes(64), b"", signature[:-1]):
        with pytest.raises(Refused) as unproven:
            counter.finish(card.card_id, made_up, outlet_id=OUTLET, by=CLERK, at=NOON)
        assert unproven.value.reason == JobReason.CHIP_NOT_PROVEN
    card.refresh_from_db()
    assert card.state == CardState.MADE


def test_nothing_goes_before_its_turn(card: Card) -> None:
    for step in (
        lambda: counter.load(card.card_id, bytes(29), outlet_id=OUTLET, by=CLERK, at=NOON),
        lambda: counter.prove(card.card_id, outlet_id=OUTLET),
        lambda: counter.finish(card.card_id, bytes(64), outlet_id=OUTLET, by=CLERK, at=NOON),
    ):
        with pytest.raises(Refused) as refused:
            step()
        assert refused.value.reason == JobReason.WRITING_NOT_BEGUN
    counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
    with pytest.raises(Refused) as unwritten:
        counter.prove(card.card_id, outlet_id=OUTLET)
    assert unwritten.value.reason == JobReason.BLANK_WRONG


def test_a_card_is_with_the_bureau_or_at_one_counter(card: Card, tmp_path: Path) -> None:
    other = Outlet.objects.create(
        outlet_id="ICBC-2",
        bank_id="ICBC",
        name="two",
        district_code="110101",
        windows=1,
        issues_instantly=True,
        is_synthetic=True,
        source="test",
    )
    counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
    assert open_job("ICBC", limit=10, by=CLERK, at=NOON) is None
    with pytest.raises(Refused) as elsewhere:
        counter.begin(card.card_id, outlet_id=other.outlet_id, by=CLERK, at=NOON)
    assert elsewhere.value.reason == JobReason.MADE_BY_BUREAU
    assert not counter.can_be_made_at(card, other)
    assert counter.can_be_made_at(card, Outlet.objects.get(outlet_id=OUTLET))
    second = made_card(make_person(2), make_bank())
    bureau_job()
    with pytest.raises(Refused) as at_bureau:
        counter.begin(second.card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
    assert at_bureau.value.reason == JobReason.MADE_BY_BUREAU


@pytest.mark.django_db(transaction=True)
def test_the_bureau_and_a_counter_at_once_take_a_card_one_time() -> None:
    for serial in range(1, 7):
        card_id = made_card(make_person(serial), make_bank()).card_id
        turns = iter(range(4))

        def take(card_id: int = card_id, turns: Iterator[int] = turns) -> str:
            try:
                if next(turns) % 2:
                    return "" if open_job("ICBC", limit=10, by=CLERK, at=NOON) is None else "bureau"
                counter.begin(card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
            except Refused as refused:
                return "" if refused.reason == JobReason.MADE_BY_BUREAU else str(refused)
            return "counter"

        assert len({taker for taker in at_once(4, take) if taker}) == 1
        assert JobCard.objects.filter(card_id=card_id).count() == 1


def test_other_banks_cards_cancelled_cards_and_quiet_outlets_are_refused(card: Card) -> None:
    foreign = made_card(make_person(2), make_bank("ABC"))
    with pytest.raises(Refused) as other_bank:
        counter.begin(foreign.card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
    assert other_bank.value.reason == JobReason.NO_INSTANT_ISSUE
    Outlet.objects.filter(outlet_id=OUTLET).update(issues_instantly=False)
    with pytest.raises(Refused) as quiet:
        counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
    assert quiet.value.reason == JobReason.NO_INSTANT_ISSUE
    Card.objects.filter(card_id=card.card_id).update(state=CardState.CANCELLED)
    with pytest.raises(Refused) as cancelled:
        counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
    assert cancelled.value.reason == Reason.CARD_CANCELLED
    Card.objects.filter(card_id=card.card_id).update(state=CardState.COLLECTED)
    with pytest.raises(Refused) as made:
        counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
    assert made.value.reason == JobReason.MADE_ALREADY


def test_a_card_whose_holder_does_not_fit_the_chip_is_told_and_nothing_is_sent(card: Card, tmp_path: Path) -> None:
    person = Person.objects.get(person_id=card.person_id)
    person.ethnicity_code = "?"
    person.save(update_fields=["ethnicity_code"])
    opened = sent(blank(tmp_path), counter.begin(card.card_id, outlet_id=OUTLET, by=CLERK, at=NOON))
    with pytest.raises(Refused, match="民族") as refused:
        counter.load(card.card_id, opened, outlet_id=OUTLET, by=CLERK, at=NOON)
    assert refused.value.reason == JobReason.CARD_NOT_PREPARED
    assert _in_place(card).blank_serial == ""


def test_the_counters_blanks_are_counted_apart_from_the_bureaus(card: Card, tmp_path: Path) -> None:
    deliver_blanks("ICBC", 100, delivery_note="A1", by=CLERK, at=NOON)
    deliver_blanks("ICBC", 5, delivery_note="B1", by=CLERK, at=NOON, outlet_id=OUTLET)
    with pytest.raises(Refused) as differs:
        deliver_blanks("ICBC", 5, delivery_note="B1", by=CLERK, at=NOON)
    assert differs.value.reason == JobReason.DELIVERY_DIFFERS
    with pytest.raises(Refused) as unknown:
        deliver_blanks("ICBC", 5, delivery_note="B2", by=CLERK, at=NOON, outlet_id="nowhere")
    assert unknown.value.reason == JobReason.BANK_UNKNOWN
    first, second = blank(tmp_path), blank(tmp_path)
    write(card, first, OUTLET)
    counter.spoil(card.card_id, "折断", outlet_id=OUTLET, by=CLERK, at=NOON)
    write(card, second, OUTLET)
    prove(card, second, OUTLET)
    counted = stock_at(OUTLET)
    assert (counted.delivered, counted.used, counted.spoiled, counted.left) == (5, 1, 1, 3)
    assert stock_of("ICBC").left == 100


def test_the_days_job_adds_up_and_opens_again_for_the_next_card(card: Card, tmp_path: Path) -> None:
    second = made_card(make_person(2), make_bank())
    chip = blank(tmp_path)
    write(card, chip, OUTLET)
    prove(card, chip, OUTLET)
    job = _in_place(card).job
    job.refresh_from_db()
    assert job.state == JobState.CLOSED
    counter.begin(second.card_id, outlet_id=OUTLET, by=CLERK, at=NOON)
    job.refresh_from_db()
    assert job.state == JobState.OPEN
    stands = reconcile(job.job_id)
    assert (stands.cards, stands.shipped, stands.unwritten, stands.adds_up) == (2, 1, 1, True)
