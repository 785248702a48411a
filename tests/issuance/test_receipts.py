"""Receipts: every row is taken or handed back with its reason, and at the end every card and every blank is somewhere."""

from pathlib import Path
from uuid import UUID

import pytest

from tests.at_once import at_once
from tests.cast import CLERK, HOUR, NOON, make_bank
from tests.issuance.bureaus import (
    BANK,
    LATER,
    WRITTEN,
    bureau,
    contents,
    made_cards,
    opened,
    receipt,
    row,
    take,
    write_all,
    written,
)
from yikatong.audit.models import AuditEvent
from yikatong.foundation.errors import Refused
from yikatong.gm import x509
from yikatong.gm.sm2 import PrivateKey
from yikatong.issuance.models import Card, ChipKey, JobCard, PersonalisationJob, RevokedCertificate
from yikatong.issuance.personalisation import rerequest
from yikatong.issuance.receipts import reconcile, take_receipt_file
from yikatong.issuance.stock import deliver_blanks, stock_of
from yikatong.smartcard.identity import CERTIFICATE_CELL, KEY_CELL
from yikatong.smartcard.memory import FileMedium, Memory
from yikatong.smartcard.third_generation import open_card

pytestmark = pytest.mark.django_db


def states(job: PersonalisationJob) -> list[str]:
    return list(JobCard.objects.filter(job=job).order_by("sequence").values_list("state", flat=True))


def test_thirty_cards_from_order_to_reconciled(tmp_path: Path) -> None:
    cards = made_cards(30)
    deliver_blanks(BANK, 40, delivery_note="DN-1", by=CLERK, at=NOON)
    job = opened()
    parts = write_all(job.job_id, tmp_path / "files", cards=12)
    assert [part.records for part in parts] == [12, 12, 6]
    emulated = bureau(tmp_path / "cards")
    for part, spoil in zip(parts, ((3, 7), (), (30,)), strict=True):
        assert part.path is not None
        report = take(emulated.make(part.path.read_bytes(), at=WRITTEN, spoil=spoil, encoding="gb18030"))
        assert (report.taken, report.rejected) == (part.records, ())
    standing = reconcile(job.job_id)
    assert (standing.made, standing.unwritten, standing.missing, standing.spoiled_blanks) == (27, 3, (), 3)
    assert standing.adds_up
    (again,) = write_all(job.job_id, tmp_path / "files")
    header, records = contents(again)
    assert [record.sequence for record in records] == [31, 32, 33]
    assert again.path is not None
    take(emulated.make(again.path.read_bytes(), at=WRITTEN, ship=True))
    take(receipt(*(row(job, place, "shipped") for place in range(1, 31) if place not in (3, 7, 30))))
    standing = reconcile(job.job_id)
    assert (standing.cards, standing.shipped, standing.is_closed, standing.adds_up) == (30, 30, True, True)
    stock = stock_of(BANK)
    assert (stock.delivered, stock.used, stock.spoiled, stock.left) == (40, 30, 3, 7)
    assert not ChipKey.objects.exists()
    assert RevokedCertificate.objects.count() == 3
    images = sorted((tmp_path / "cards").iterdir())
    assert len(images) == 30
    assert {path.stat().st_mode & 0o777 for path in images} == {0o600}
    keys = set()
    for path in images:
        memory = Memory(FileMedium(path))
        card = Card.objects.get(identification_code=path.stem.rpartition("-")[2])
        assert memory[CERTIFICATE_CELL] == bytes(card.certificate_der or b"")
        public = PrivateKey.from_scalar(memory[KEY_CELL]).public
        assert public == x509.public_key_of(x509.parse(memory[CERTIFICATE_CELL]))
        keys.add(public.compressed)
        assert open_card(FileMedium(path)).power_on()
    assert len(keys) == len(cards) == 30
    assert emulated.image_path(header, records[0]) in images


@pytest.mark.parametrize("ship", [False, True])
def test_the_chips_private_key_is_forgotten_once_the_chip_has_it(tmp_path: Path, ship: bool) -> None:
    job = written(2, tmp_path)
    kept = JobCard.objects.get(job=job, sequence=2).card_id
    take(receipt(row(job, 1, "shipped" if ship else "made")))
    assert list(ChipKey.objects.values_list("card_id", flat=True)) == [kept]


def test_taking_a_receipt_again_changes_nothing(tmp_path: Path) -> None:
    job = written(3, tmp_path)
    octets = receipt(row(job, 1, "made"), row(job, 2, "spoiled"), row(job, 3, "made"), row(job, 3, "shipped"))
    first = take(octets)
    before = list(JobCard.objects.order_by("sequence").values()), AuditEvent.objects.count()
    again = take(octets, at=LATER + HOUR)
    assert (first.taken, first.repeated, first.rejected) == (4, 0, ())
    assert (again.taken, again.repeated, again.rejected) == (0, 4, ())
    assert (list(JobCard.objects.order_by("sequence").values()), AuditEvent.objects.count()) == before
    assert states(job) == ["made", "spoiled", "shipped", "waiting"]


@pytest.mark.django_db(transaction=True)
def test_a_receipt_taken_by_many_at_once_is_taken_once(tmp_path: Path) -> None:
    job = written(4, tmp_path)
    octets = receipt(*(row(job, place, "spoiled" if place == 2 else "made") for place in (1, 2, 3, 4)))
    reports = at_once(4, lambda: take(octets))
    assert sum(report.taken for report in reports) == 4
    assert all(report.taken + report.repeated == 4 for report in reports)
    assert states(job) == ["made", "spoiled", "made", "made", "waiting"]


@pytest.mark.django_db(transaction=True)
def test_blanks_told_spoiled_at_once_are_all_asked_for_again(tmp_path: Path) -> None:
    job = written(6, tmp_path)
    files = [receipt(row(job, place, "spoiled")) for place in range(1, 7)]
    assert [report.taken for report in at_once(6, lambda: take(files.pop()))] == [1] * 6
    assert states(job) == ["spoiled"] * 6 + ["waiting"] * 6


ROWS = [
    # what is wrong in the row about blank 1, and what is said of it
    ({"任务号": "7"}, "任务号不是有效的编号"),
    ({"任务号": str(UUID(int=7))}, "没有这个任务"),
    ({"序号": "99"}, "任务中没有这个序号"),
    ({"序号": "0"}, "序号不是正整数"),
    ({"序号": "一"}, "序号不是正整数"),
    ({"序号": "9" * 5000}, "序号不是正整数"),
    ({"识别码": "110000D156000005FFFFFFFF00000000"}, "识别码与任务中这个序号的识别码不符"),
    ({"状态": "lost"}, "状态只能是 made、spoiled、shipped"),
    ({"状态": "waiting"}, "状态只能是 made、spoiled、shipped"),
    ({"状态": "spoiled"}, "报废要写明原因"),
    ({"时间": "yesterday"}, "时间不是"),
    ({"时间": "2026-11-02T15:00:00+08:00"}, "时间晚于收到回执的时间"),
    ({"时间": "2026-11-01T23:59:59+08:00"}, "时间早于任务建立的日期"),
    ({"时间": "0001-01-01T00:00:00+08:00"}, "时间早于任务建立的日期"),
]


@pytest.mark.parametrize(("changes", "words"), ROWS)
def test_a_wrong_row_is_handed_back_and_the_others_are_taken(
    tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    job = written(2, tmp_path)
    report = take(receipt(row(job, 1, "made", **changes), row(job, 2, "made")))
    (rejected,) = report.rejected
    assert (rejected.line, words in rejected.reason, report.taken) == (2, True, 1)
    assert states(job) == ["waiting", "made"]


@pytest.mark.parametrize(
    ("told", "lines", "words", "then"),
    [
        (["made", "made"], [3], "与第 2 行重复", "made"),
        (["made", "spoiled"], [2, 3], "矛盾", "waiting"),
        (["spoiled", "shipped"], [2, 3], "矛盾", "waiting"),
        (["made", "made", "spoiled"], [2, 3, 4], "矛盾", "waiting"),
        (["shipped", "made"], [], "", "shipped"),
    ],
)
def test_rows_about_one_blank_in_one_file(
    tmp_path: Path, told: list[str], lines: list[int], words: str, then: str
) -> None:
    job = written(1, tmp_path)
    report = take(receipt(*(row(job, 1, state) for state in told)))
    assert [rejected.line for rejected in report.rejected] == lines
    assert all(words in rejected.reason for rejected in report.rejected)
    assert states(job) == [then]


@pytest.mark.parametrize(
    ("before", "told", "words"),
    [
        ("made", "spoiled", "不能改报报废"),
        ("shipped", "spoiled", "不能改报报废"),
        ("spoiled", "made", "已报废并另行补制"),
        ("spoiled", "shipped", "已报废并另行补制"),
    ],
)
def test_what_contradicts_an_earlier_receipt_is_handed_back(tmp_path: Path, before: str, told: str, words: str) -> None:
    job = written(1, tmp_path)
    take(receipt(row(job, 1, before)))
    (rejected,) = take(receipt(row(job, 1, told))).rejected
    assert words in rejected.reason
    assert states(job)[0] == before


def test_a_late_word_of_a_blank_given_up_as_missing_is_handed_back(tmp_path: Path) -> None:
    job = written(1, tmp_path)
    rerequest(JobCard.objects.get(job=job).card_id, "没有回执", by=CLERK, at=LATER)
    (rejected,) = take(receipt(row(job, 1, "made"))).rejected
    assert "如确有此卡请销毁" in rejected.reason
    assert ChipKey.objects.count() == 1, "the new chip's key is needed still"


def test_a_bureau_reports_its_own_banks_jobs_only(tmp_path: Path) -> None:
    job = written(1, tmp_path)
    make_bank("CCB")
    (rejected,) = take(receipt(row(job, 1, "made")), bank="CCB").rejected
    assert rejected.reason == "这个任务不是本行的"
    assert states(job) == ["waiting"]


def test_a_card_that_the_bureau_has_no_data_of_cannot_be_made() -> None:
    made_cards(1)
    job = opened()
    (rejected,) = take(receipt(row(job, 1, "made"))).rejected
    assert rejected.reason == "这张卡的数据还没有交给制卡方"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('"', "引号没有成对"),
        ("a,b", "应有 6 栏，实有 2 栏"),
        ("=1+1", "应有 6 栏，实有 1 栏"),
    ],
)
def test_a_broken_line_spoils_no_other(tmp_path: Path, line: str, words: str) -> None:
    job = written(2, tmp_path)
    header, first, second = receipt(row(job, 1, "made"), row(job, 2, "made")).decode().splitlines()
    report = take("\r\n".join((header, first, line, "", second)).encode())
    assert [(rejected.line, words in rejected.reason) for rejected in report.rejected] == [(3, True)]
    assert states(job) == ["made", "made"]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\xff\xfeabc",
        "任务号,序号,识别码,状态,时间\n".encode(),
        '"任务号,序号,识别码,状态,时间,原因\n'.encode(),
    ],
)
def test_a_file_that_is_no_receipt_is_refused_whole(octets: bytes) -> None:
    with pytest.raises(Refused):
        take(octets)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_rejected_rows_once_mended_are_taken_from_their_own_file(tmp_path: Path, encoding: str) -> None:
    job = written(3, tmp_path / "parts")
    path = tmp_path / "receipt.csv"
    wrong = [row(job, 2, "spoiled", 序号="77"), row(job, 3, "spoiled", 状态="=2+3")]
    path.write_bytes(receipt(row(job, 1, "spoiled"), *wrong, encoding=encoding))
    report, beside = take_receipt_file(path, bank_code=BANK, by=CLERK, at=LATER)
    assert (report.taken, beside) == (1, tmp_path / "receipt.rejected.csv")
    assert beside is not None
    assert beside.stat().st_mode & 0o777 == 0o600
    text = beside.read_text("utf-8-sig")
    assert [line.split(",")[0] for line in text.splitlines()] == ["行号", "3", "4"]
    assert "'=2+3" in text
    beside.write_text(text.replace(",77,", ",2,").replace("'=2+3", "spoiled"), encoding="utf-8-sig")
    mended, none = take_receipt_file(beside, bank_code=BANK, by=CLERK, at=LATER)
    assert (mended.taken, none) == (2, None)
    assert beside.exists(), "what was given is never removed"


def test_a_spoiled_blank_of_a_cancelled_card_is_written_off(tmp_path: Path) -> None:
    job = written(1, tmp_path)
    card_id = JobCard.objects.get(job=job).card_id
    Card.objects.filter(card_id=card_id).update(state="cancelled")
    take(receipt(row(job, 1, "spoiled")))
    standing = reconcile(job.job_id)
    assert (standing.cards, standing.written_off, standing.spoiled_blanks) == (1, 1, 1)
    assert (standing.adds_up, standing.is_closed) == (True, True)
    assert not ChipKey.objects.exists()


def test_a_card_damaged_after_it_was_made_is_made_again(tmp_path: Path) -> None:
    job = written(1, tmp_path)
    take(receipt(row(job, 1, "made")))
    rerequest(JobCard.objects.get(job=job).card_id, "出厂检验损坏", by=CLERK, at=LATER)
    write_all(job.job_id, tmp_path)
    take(receipt(row(job, 2, "shipped")))
    assert (states(job), reconcile(job.job_id).is_closed) == (["spoiled", "shipped"], True)
    assert (stock_of(BANK).used, stock_of(BANK).spoiled) == (1, 1)


def test_more_used_than_delivered_is_told_and_the_receipt_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = written(3, tmp_path)
    deliver_blanks(BANK, 2, delivery_note="DN-1", by=CLERK, at=NOON)
    report = take(receipt(row(job, 1, "made"), row(job, 2, "spoiled"), row(job, 3, "made")))
    assert (report.taken, report.stock.left) == (3, -1)
    assert report.stock.warning in caplog.messages
    assert "-1" in report.stock.warning
    after = deliver_blanks(BANK, 1, delivery_note="DN-2", by=CLERK, at=LATER)
    assert (after.left, after.warning) == (0, "")


def test_a_delivery_note_counts_once() -> None:
    make_bank()
    for _ in range(2):
        assert deliver_blanks(BANK, 5, delivery_note="DN-1", by=CLERK, at=NOON).left == 5
    with pytest.raises(Refused, match="DN-1 已登记为 5 张"):
        deliver_blanks(BANK, 6, delivery_note="DN-1", by=CLERK, at=NOON)
    with pytest.raises(Refused, match="没有代码为 NOBANK"):
        deliver_blanks("NOBANK", 6, delivery_note="DN-1", by=CLERK, at=NOON)
    assert AuditEvent.objects.filter(action="blanks.delivered").count() == 1


def test_the_emulated_bureau_says_so_and_makes_nothing_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made_cards(2)
    job = opened()
    (part,) = write_all(job.job_id, tmp_path / "files")
    assert part.path is not None
    emulated, octets = bureau(tmp_path / "cards"), part.path.read_bytes()
    first = emulated.make(octets, at=WRITTEN)
    images = {path: path.read_bytes() for path in (tmp_path / "cards").iterdir()}
    assert emulated.make(octets, at=WRITTEN) == first
    assert {path: path.read_bytes() for path in (tmp_path / "cards").iterdir()} == images
    assert len(images) == 2
    assert any("emulated" in message for message in caplog.messages)


def test_no_receipt_at_all_leaves_every_card_missing(tmp_path: Path) -> None:
    job = written(3, tmp_path)
    standing = reconcile(job.job_id)
    assert (standing.missing, standing.made, standing.is_closed) == ((1, 2, 3), 0, False)
    with pytest.raises(Refused, match="没有个人化任务"):
        reconcile(UUID(int=1))
