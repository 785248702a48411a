"""Seeds committed, orders drawn, seeds revealed, everything checked: against the database and by command."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from yikatong.audit.models import AuditEvent
from yikatong.banks.cli import fairness
from yikatong.banks.models import Bank, BankOrderDraw, FairSeed
from yikatong.banks.rules import Reason, commitment_of, faults_in_publication, order_for
from yikatong.banks.selectors import publication_of, seed_notices, verify_day
from yikatong.banks.services import commit_seed, draw_bank_order, person_key, reveal_seed
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused

DAY = date(2026, 11, 23)
EVE = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
LAST_MOMENT = datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Beijing
MIDNIGHT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # 00:00 in Beijing
pytestmark = pytest.mark.django_db


def add_banks() -> None:
    for code, joined_on in (("ICBC", 2024), ("ABC", 2024), ("BOC", 2024), ("CCB", 2024), ("LATE", 2027)):
        Bank.objects.create(
            code=code, name_zh=code, name_en=code, joined_on=date(joined_on, 10, 30), source="made for this test"
        )


@pytest.fixture(autouse=True)
def _banks(db: None) -> None:
    add_banks()


def refusal(*args: object, **kwargs: object) -> Reason:
    command, *rest = args
    with pytest.raises(Refused) as refused:
        command(*rest, **kwargs)  # type: ignore[operator]
    reason = refused.value.reason
    assert isinstance(reason, Reason)
    return reason


# --- the seed ---


def test_a_seed_is_committed_once() -> None:
    first = commit_seed(DAY, at=EVE)
    assert commit_seed(DAY, at=NOON) == first
    assert FairSeed.objects.get(day=DAY).committed_at == EVE
    event = AuditEvent.objects.get(action="bank_order.seed_committed")
    assert event.details == {"commitment": first, "in_advance": True}


def test_the_seed_does_not_lie_in_the_table_in_clear() -> None:
    commitment = commit_seed(DAY, at=EVE)
    sealed = bytes(FairSeed.objects.get(day=DAY).seed_sealed)
    seed = reveal_seed(DAY, at=MIDNIGHT)
    assert commitment_of(seed) == commitment
    assert seed not in sealed
    assert seed.hex().encode() not in sealed


def test_seeds_differ() -> None:
    commitments = {commit_seed(DAY + timedelta(days=ahead), at=EVE) for ahead in range(20)}
    assert len(commitments) == 20


def test_no_seed_is_made_for_a_past_day() -> None:
    assert refusal(commit_seed, DAY, at=MIDNIGHT) is Reason.DAY_IS_PAST


@pytest.mark.parametrize("at", [EVE, NOON, LAST_MOMENT])
def test_the_seed_stays_secret_until_the_day_is_over_in_beijing(at: datetime) -> None:
    commit_seed(DAY, at=EVE)
    assert refusal(reveal_seed, DAY, at=at) is Reason.DAY_NOT_OVER
    assert seed_notices(DAY)[0].seed_hex == ""


def test_a_revealed_seed_stays_the_same_and_is_audited_once() -> None:
    commit_seed(DAY, at=EVE)
    seed = reveal_seed(DAY, at=MIDNIGHT)
    assert reveal_seed(DAY, at=MIDNIGHT + timedelta(days=3)) == seed
    assert FairSeed.objects.get(day=DAY).revealed_at == MIDNIGHT
    assert AuditEvent.objects.filter(action="bank_order.seed_revealed").count() == 1
    assert [(notice.seed_hex, notice.was_in_advance) for notice in seed_notices(DAY)] == [(seed.hex(), True)]


def test_a_day_without_seed_has_none_to_reveal() -> None:
    assert refusal(reveal_seed, DAY, at=MIDNIGHT) is Reason.SEED_NOT_COMMITTED
    assert refusal(verify_day, DAY) is Reason.SEED_NOT_COMMITTED


# --- the draw ---


def test_a_person_keeps_the_order_of_the_day() -> None:
    order = draw_bank_order(7, day=DAY, at=NOON)
    assert sorted(order) == ["ABC", "BOC", "CCB", "ICBC"]  # LATE had not joined
    assert draw_bank_order(7, day=DAY, at=LAST_MOMENT) == order
    assert draw_bank_order(7, day=DAY, at=MIDNIGHT) == order  # asked again the next day, still that day's
    event = AuditEvent.objects.get(action="bank_order.drawn")
    assert (event.person_id, event.details) == (7, {"bank_codes": list(order)})


def test_the_order_is_that_of_the_rule() -> None:
    drawn = {number: draw_bank_order(number, day=DAY, at=NOON) for number in range(30)}
    seed = reveal_seed(DAY, at=MIDNIGHT)
    for number, order in drawn.items():
        assert order == order_for(seed, person_key(number, DAY), ["BOC", "ICBC", "CCB", "ABC"])
    assert len(set(drawn.values())) > 10


@pytest.mark.parametrize("at", [EVE, MIDNIGHT])
def test_an_order_is_drawn_only_for_today(at: datetime) -> None:
    assert refusal(draw_bank_order, 7, day=DAY, at=at) is Reason.DAY_IS_NOT_TODAY
    assert not BankOrderDraw.objects.exists()


def test_without_banks_there_is_nothing_to_draw() -> None:
    Bank.objects.all().delete()
    assert refusal(draw_bank_order, 7, day=DAY, at=NOON) is Reason.NO_BANKS


def test_a_seed_made_on_the_day_itself_is_told_from_one_made_before() -> None:
    draw_bank_order(7, day=DAY, at=NOON)
    assert AuditEvent.objects.get(action="bank_order.seed_committed").details["in_advance"] is False
    assert not verify_day(DAY).was_in_advance
    assert verify_day(DAY).holds


def test_pseudonyms_tell_neither_the_person_nor_that_it_is_the_same_another_day() -> None:
    keys = {person_key(number, DAY + timedelta(days=ahead)) for number in (1, 11, 111) for ahead in range(3)}
    assert len(keys) == 9
    assert {len(key) for key in keys} == {16}


# --- the proof ---


def test_a_changed_order_is_found() -> None:
    for number in range(5):
        draw_bank_order(number, day=DAY, at=NOON)
    draw = BankOrderDraw.objects.get(person_id=3, day=DAY)
    draw.bank_codes = draw.bank_codes[::-1]
    draw.save()
    found = verify_day(DAY)
    assert (found.draws, found.wrong_order, found.wrong_banks, found.holds) == (5, (3,), (), False)


def test_a_bank_left_out_is_found() -> None:
    order = draw_bank_order(3, day=DAY, at=NOON)
    BankOrderDraw.objects.filter(person_id=3).update(bank_codes=list(order[:-1]))
    found = verify_day(DAY)
    assert (found.wrong_order, found.wrong_banks) == ((), (3,))
    assert not found.holds


def test_an_exchanged_seed_is_found() -> None:
    commit_seed(DAY, at=EVE)
    FairSeed.objects.filter(day=DAY).update(commitment_hex="00" * 32)
    assert not verify_day(DAY).seed_fits_commitment


def test_what_is_published_can_be_checked_by_anybody_and_names_nobody() -> None:
    commit_seed(DAY, at=EVE)
    for number in (900001, 900002, 900003):
        draw_bank_order(number, day=DAY, at=NOON)
    assert refusal(publication_of, DAY) is Reason.SEED_NOT_REVEALED
    reveal_seed(DAY, at=MIDNIGHT)
    text = json.dumps(publication_of(DAY))
    assert faults_in_publication(json.loads(text)) == []
    assert "90000" not in text
    keys = [draw["person_key"] for draw in json.loads(text)["draws"]]
    assert keys == sorted(keys)


# --- the commands, which take the time from the clock ---


@pytest.fixture
def yesterday() -> date:
    """A day that is over, with three draws, as if the commands had run then."""
    day = beijing_day(utc_now()) - timedelta(days=1)
    at = datetime(day.year, day.month, day.day, 4, 0, tzinfo=UTC)
    commit_seed(day, at=at - timedelta(days=1))
    for number in range(3):
        draw_bank_order(number, day=day, at=at)
    return day


def test_commit_prints_what_to_publish() -> None:
    lines = CliRunner().invoke(fairness, ["commit", "--days", "2"]).output.split()
    assert len(lines) == 6
    assert lines[1::2] == list(FairSeed.objects.order_by("day").values_list("commitment_hex", flat=True))


def test_reveal_writes_a_record_that_verifies(yesterday: date, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    revealed = CliRunner().invoke(fairness, ["reveal", str(yesterday), "--out", str(record)])
    assert revealed.exit_code == 0, revealed.output
    assert "3 orders" in revealed.output
    assert f"3 orders of {yesterday} hold" in CliRunner().invoke(fairness, ["verify", "--file", str(record)]).output
    assert f"3 orders of {yesterday} hold" in CliRunner().invoke(fairness, ["verify", str(yesterday)]).output


def test_verify_fails_on_a_forged_record(yesterday: date, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    CliRunner().invoke(fairness, ["reveal", str(yesterday), "--out", str(record)])
    forged = json.loads(record.read_text(encoding="utf-8"))
    forged["draws"][0]["order"].reverse()
    record.write_text(json.dumps(forged), encoding="utf-8")
    result = CliRunner().invoke(fairness, ["verify", "--file", str(record)])
    assert result.exit_code == 1
    assert "银行次序与种子不符" in result.stderr


def test_verify_fails_on_a_forged_table(yesterday: date) -> None:
    BankOrderDraw.objects.filter(person_id=1).update(bank_codes=["ICBC"])
    result = CliRunner().invoke(fairness, ["verify", str(yesterday)])
    assert result.exit_code == 1
    assert "0 wrong orders, 1 with other banks" in result.stderr


MANY = 300
Order = list[str]


def last_two_swapped(orders: list[Order], which: int) -> Order:
    """The least that can be changed: who looks at the first banks only sees nothing."""
    order = orders[which]
    return [*order[:-2], order[-1], order[-2]]


def of_somebody_else(orders: list[Order], which: int) -> Order:
    """A genuine order of the same day, only not this person's."""
    return next(order for order in orders if order != orders[which])


def one_bank_first(orders: list[Order], which: int) -> Order:
    """The bank that stood last is put on top, the others keep their order."""
    return [orders[which][-1], *orders[which][:-1]]


tampered = pytest.mark.parametrize("tamper", [last_two_swapped, of_somebody_else, one_bank_first])


def draw_many() -> tuple[date, list[Order]]:
    """A past day on which many drew; each one's order, by number."""
    day = beijing_day(utc_now()) - timedelta(days=1)
    at = datetime(day.year, day.month, day.day, 4, 0, tzinfo=UTC)
    commit_seed(day, at=at - timedelta(days=1))
    return day, [list(draw_bank_order(number, day=day, at=at)) for number in range(MANY)]


@tampered
def test_one_tampered_order_among_many_is_found_in_the_database(tamper: Callable[[list[Order], int], Order]) -> None:
    day, orders = draw_many()
    assert verify_day(day).holds
    assert CliRunner().invoke(fairness, ["verify", str(day)]).exit_code == 0
    BankOrderDraw.objects.filter(person_id=217, day=day).update(bank_codes=tamper(orders, 217))
    found = verify_day(day)
    assert (found.draws, found.wrong_order, found.wrong_banks, found.holds) == (MANY, (217,), (), False)
    told = CliRunner().invoke(fairness, ["verify", str(day)])
    assert told.exit_code == 1
    assert "1 wrong orders, 0 with other banks" in told.stderr


@tampered
def test_one_tampered_order_among_many_is_found_in_the_public_record(
    tamper: Callable[[list[Order], int], Order], tmp_path: Path
) -> None:
    """By whoever downloaded the record, without the database: exactly that one, by its pseudonym."""
    day, _ = draw_many()
    record = tmp_path / "record.json"
    CliRunner().invoke(fairness, ["reveal", str(day), "--out", str(record)])
    assert CliRunner().invoke(fairness, ["verify", "--file", str(record)]).exit_code == 0
    published = json.loads(record.read_text(encoding="utf-8"))
    draw = published["draws"][217]
    draw["order"] = tamper([each["order"] for each in published["draws"]], 217)
    record.write_text(json.dumps(published), encoding="utf-8")
    told = CliRunner().invoke(fairness, ["verify", "--file", str(record)])
    assert told.exit_code == 1
    assert told.stderr.splitlines() == [f"{draw['person_key']} 的银行次序与种子不符"]


def test_commands_refuse_in_words(tmp_path: Path) -> None:
    tomorrow = str(beijing_day(utc_now()) + timedelta(days=1))
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    for arguments, status, words in (
        (["reveal", tomorrow], 1, "还没有结束"),
        (["verify", "2020-01-01"], 1, "没有种子"),
        (["verify", "--file", str(broken)], 1, "broken.json"),
        (["verify"], 2, "give either"),
    ):
        result = CliRunner().invoke(fairness, arguments)
        assert result.exit_code == status
        assert words in result.stderr
