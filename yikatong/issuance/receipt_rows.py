"""A bureau's receipt file as rows, and whether a row agrees with what is known of its blank.

CSV in UTF-8 or GB18030 with the columns of ``COLUMNS`` in any order; other columns are passed over, so that a mended file
of rejected rows can be given as it is. One line is one row: a quote that is not closed spoils its own line only.
Nothing is stored here. Source of the layout: assumption.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from yikatong.foundation.clock import BEIJING, beijing_day
from yikatong.foundation.errors import Refused
from yikatong.issuance.models import JobCardState
from yikatong.issuance.rules import JobReason
from yikatong.registry.encodings import choose_encoding

JOB, SEQUENCE, CODE, STATE, TIME, REASON = COLUMNS = ("任务号", "序号", "识别码", "状态", "时间", "原因")
REPORTED = (JobCardState.MADE, JobCardState.SPOILED, JobCardState.SHIPPED)
_YEAR_MIN = 2000


class RowWrong(ValueError):
    """A row that cannot be taken. The text says why, in Chinese."""


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """What the bureau says of one blank."""

    line: int
    text: str
    job_id: UUID
    sequence: int
    identification_code: str
    state: JobCardState
    at: datetime
    reason: str

    @property
    def place(self) -> tuple[UUID, int]:
        """Which blank."""
        return self.job_id, self.sequence


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A line that was not taken, as it was, and why not."""

    line: int
    text: str
    reason: str


def read_rows(octets: bytes, *, name: str) -> tuple[str, list[ReceiptRow], list[RejectedRow]]:
    """The header line, sound rows, and the others. ``name``: the file's, for messages. Raises ``Refused``."""
    encoding = choose_encoding(Path(name), io.BytesIO(octets))
    lines = [line.removesuffix("\r") for line in octets.decode(encoding).removeprefix("\ufeff").split("\n")]
    header = cells_of(lines[0]) or []
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise Refused(JobReason.RECEIPT_MALFORMED, f"文件 {name} 缺少栏目：{'、'.join(missing)}；整个文件未处理")
    rows: list[ReceiptRow] = []
    rejected: list[RejectedRow] = []
    for line, text in enumerate(lines[1:], start=2):
        if not text.strip():
            continue
        try:
            rows.append(_row(line, text, header))
        except RowWrong as wrong:
            rejected.append(RejectedRow(line, text, str(wrong)))
    rows, clashing = _without_clashes(rows)
    return lines[0], rows, rejected + clashing


def check_row(
    row: ReceiptRow, *, code: str, state: str, job_made_at: datetime, is_written: bool, received_at: datetime
) -> bool:
    """Whether the row tells something new of a blank of that code and state. Raises ``RowWrong``."""
    if row.identification_code != code:
        raise RowWrong("识别码与任务中这个序号的识别码不符")
    if not is_written:
        raise RowWrong("这张卡的数据还没有交给制卡方")
    if row.at > received_at:
        raise RowWrong("时间晚于收到回执的时间")
    if beijing_day(row.at) < beijing_day(job_made_at):
        raise RowWrong("时间早于任务建立的日期")
    if state == JobCardState.HELD:
        raise RowWrong("这张卡暂不能制，没有交给制卡方")
    if row.state == state or (row.state, state) == (JobCardState.MADE, JobCardState.SHIPPED):
        return False
    if state == JobCardState.SPOILED:
        raise RowWrong("这个序号的空白卡已报废并另行补制，不能再报制成或发出；如确有此卡请销毁")
    if row.state == JobCardState.SPOILED and state != JobCardState.WAITING:
        raise RowWrong("这张卡已报制成或发出，不能改报报废；确已损坏的由工作人员补制")
    return True


def _row(line: int, text: str, header: list[str]) -> ReceiptRow:
    cells = cells_of(text)
    if cells is None:
        raise RowWrong("不是正确的 CSV，例如引号没有成对")
    if len(cells) != len(header):
        raise RowWrong(f"应有 {len(header)} 栏，实有 {len(cells)} 栏")
    given = dict(zip(header, cells, strict=True))
    try:
        job_id = UUID(given[JOB])
    except ValueError as error:
        raise RowWrong("任务号不是有效的编号") from error
    if not re.fullmatch("0{0,9}[1-9][0-9]{0,8}", given[SEQUENCE]):
        raise RowWrong("序号不是正整数")
    if given[STATE] not in REPORTED:
        raise RowWrong(f"状态只能是 {'、'.join(REPORTED)}")
    try:
        at = datetime.fromisoformat(given[TIME])
    except ValueError as error:
        raise RowWrong("时间不是 2026-11-02T12:00:00+08:00 这样的格式") from error
    if at.year < _YEAR_MIN:
        raise RowWrong("时间早于任务建立的日期")
    if at.tzinfo is None:
        at = at.replace(tzinfo=BEIJING)
    if given[STATE] == JobCardState.SPOILED and not given[REASON]:
        raise RowWrong("报废要写明原因")
    code, state = given[CODE].upper(), JobCardState(given[STATE])
    return ReceiptRow(line, text, job_id, int(given[SEQUENCE]), code, state, at, given[REASON])


def cells_of(text: str) -> list[str] | None:
    """The cells of one line, ``None`` when it is no CSV."""
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True), [])]
    except csv.Error:
        return None


def _without_clashes(rows: Iterable[ReceiptRow]) -> tuple[list[ReceiptRow], list[RejectedRow]]:
    """Of a row that stands twice the first is taken; of rows that contradict one another none."""
    by_place: dict[tuple[UUID, int], list[ReceiptRow]] = {}
    for row in rows:
        by_place.setdefault(row.place, []).append(row)
    sound: list[ReceiptRow] = []
    rejected: list[RejectedRow] = []
    for told in by_place.values():
        first = {row.state: row for row in reversed(told)}
        contradicted = JobCardState.SPOILED in first and len(first) > 1
        for row in told:
            if contradicted:
                other = next(each for each in told if each.state is not row.state)
                rejected.append(RejectedRow(row.line, row.text, f"与第 {other.line} 行矛盾，两行都未处理"))
            elif row is not first[row.state]:
                rejected.append(RejectedRow(row.line, row.text, f"与第 {first[row.state].line} 行重复"))
            else:
                sound.append(row)
    return sorted(sound, key=lambda row: row.line), rejected
