"""Reading a roster row by row, from a CSV file or an XLSX workbook, whatever somebody made of it.

A workbook is opened by openpyxl in its streaming mode, over defusedxml; before that, the archive's own directory says what
it would swell to, and macros and passwords are refused. Formulas are never evaluated: they come out as text that begins with
``=``, which ``rows`` refuses. Lines count from 1 as the spreadsheet shows them, the header being line 1.
"""

import itertools
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from yikatong.foundation.errors import Refused
from yikatong.registry.csv_files import split_line
from yikatong.registry.encodings import UTF8_MARK, choose_encoding
from yikatong.units.rows import COLUMNS, NUMBER, REPORT_COLUMNS, REQUIRED_COLUMNS
from yikatong.units.rules import Reason

FILE_BYTES_MAX = 64 * 2**20
"""A million rows are some 40 MB. Source: assumption."""
ROWS_MAX = 1_000_000
SHEET_NAME = "名册"
_SWOLLEN_BYTES_MAX = 2**30
_SWELLING_MAX = 100  # times; real sheets stay under 30
_ENTRIES_MAX = 2000
_LINE_BYTES_MAX = 1 << 16
_SHEET_LINES_MAX = 1_048_576  # Source: ISO/IEC 29500; an invented row number must not make us count for ever
_OLE_MARK = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ZIP_MARK = b"PK\x03\x04"
_ZIP_FLAG_ENCRYPTED = 1
_SUSPICIOUS_BYTES = 1 << 20


class RawRow(NamedTuple):
    """One row as it stands in the file. ``cells`` in the order of ``COLUMNS``; the whole line as one when it cannot be cut."""

    line: int
    cells: tuple[str, ...]
    is_number_cell: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """What kind of file it is, for messages and for the worker's choice."""

    media_type: str


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"


def check_file(name: str, content: bytes) -> Source:
    """What kind of file it is by its content. Raises ``Refused(FILE_WRONG)`` for all that cannot be a roster."""
    if not content:
        raise _wrong("文件是空的，请选择填写好的名册")
    if len(content) > FILE_BYTES_MAX:
        raise _wrong(f"文件超过 {FILE_BYTES_MAX // 2**20} MB，请分成几个文件上传")
    if content.startswith(_OLE_MARK):
        if _ENCRYPTED in content:
            raise _wrong("工作簿设有密码，请取消密码后另存再上传")
        raise _wrong("这是旧版 Excel（.xls）文件，请另存为 .xlsx 或 CSV 再上传")
    if content.startswith(_ZIP_MARK):
        _check_archive(content)
        return Source(XLSX)
    if content.startswith(b"%PDF-"):
        raise _wrong("这是 PDF 文件；名册请用 .xlsx 或 CSV，可下载模板填写")
    _encoding(name, content)
    return Source(CSV)


def rows_of(name: str, content: BytesIO, media_type: str) -> Iterator[RawRow]:
    """The rows that are not empty, one by one. Raises ``Refused(FILE_WRONG)``, also half way."""
    read = _workbook_rows(content) if media_type == XLSX else _csv_rows(name, content)
    for count, row in enumerate(read, 1):
        if count > ROWS_MAX:
            raise _wrong(f"名册超过 {ROWS_MAX:,} 行，请分成几个文件上传")
        yield row


def _wrong(text: str) -> Refused[Reason]:
    return Refused(Reason.FILE_WRONG, text)


def _check_archive(content: bytes) -> None:
    """From the archive's directory alone: nothing is unpacked before it is known what it would become."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        raise _wrong("文件已损坏，不能作为 Excel 工作簿打开；请重新保存后再上传") from error
    names = {entry.filename for entry in entries}
    if any(entry.flag_bits & _ZIP_FLAG_ENCRYPTED for entry in entries):
        raise _wrong("压缩内容设有密码，请取消密码后另存再上传")
    if any(entry.filename.lower().endswith("vbaproject.bin") for entry in entries):
        raise _wrong("工作簿含有宏，请另存为不含宏的 .xlsx 再上传")
    if "xl/workbook.xml" not in names:
        raise _wrong("这不是 Excel 工作簿；请用 .xlsx 或 CSV，可下载模板填写")
    swollen = sum(entry.file_size for entry in entries)
    bombs = [
        entry
        for entry in entries
        if entry.file_size > _SUSPICIOUS_BYTES and entry.file_size > _SWELLING_MAX * max(entry.compress_size, 1)
    ]
    if len(entries) > _ENTRIES_MAX or swollen > _SWOLLEN_BYTES_MAX or bombs:
        raise _wrong("文件解压后异常庞大，未作读取；请把名册复制到新的工作簿，另存后再上传")


def _workbook_rows(content: BytesIO) -> Iterator[RawRow]:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of features that a roster does not need
            book = openpyxl.load_workbook(content, read_only=True, data_only=False, keep_links=False)
            sheet = book[SHEET_NAME] if SHEET_NAME in book.sheetnames else book.worksheets[0]
            sheet.reset_dimensions()
            yield from _sheet_rows(sheet.iter_rows(values_only=True))
    except Refused:
        raise
    except Exception as error:  # whatever a broken workbook makes openpyxl or the XML parser raise
        raise _wrong("工作簿不能读取，可能已损坏；请用模板重新填写，或另存为 CSV 再上传") from error


def _sheet_rows(values: Iterator[Sequence[object]]) -> Iterator[RawRow]:
    first = next(values, ())
    header = [_text(value).strip() for value in first]
    while header and not header[-1]:
        header.pop()
    places = _places(header)
    number_at = places[COLUMNS.index(NUMBER)]
    for line, row in enumerate(values, 2):
        if line > _SHEET_LINES_MAX:
            raise _wrong("工作表的行号超出 Excel 的范围，文件可能被改动过；请用模板重新填写")
        if not any(value not in (None, "") for value in row):
            continue
        cells = tuple(_text(row[place]) if 0 <= place < len(row) else "" for place in places)
        number = row[number_at] if number_at < len(row) else None
        if any(cell.strip() for cell in cells):
            yield RawRow(line, cells, isinstance(number, int | float))


def _text(value: object) -> str:
    """A cell as text. A float that is whole has no point, so that what the person typed is what is judged."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _encoding(name: str, content: bytes) -> str:
    try:
        return choose_encoding(Path(name or "名册"), BytesIO(content))
    except Refused as refused:
        raise _wrong(str(refused)) from refused


def _csv_rows(name: str, content: BytesIO) -> Iterator[RawRow]:
    encoding = _encoding(name, content.getbuffer().tobytes())
    header_line = content.readline(_LINE_BYTES_MAX).removeprefix(UTF8_MARK).decode(encoding).rstrip("\r\n")
    header = [cell.strip() for cell in split_line(header_line) or [header_line]]
    while header and not header[-1]:
        header.pop()
    places = _places(header)
    for line in itertools.count(2):
        octets = content.readline(_LINE_BYTES_MAX)
        if not octets:
            return
        if len(octets) == _LINE_BYTES_MAX and not octets.endswith(b"\n"):
            raise _wrong(f"第 {line} 行过长，不像名册；请检查引号是否配对")
        cells = split_line(octets.decode(encoding).rstrip("\r\n"))
        if cells is not None and not any(cell.strip() for cell in cells):
            continue
        if cells is None or len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
            yield RawRow(line, (octets.decode(encoding).rstrip("\r\n"),))
        else:
            yield RawRow(line, tuple(cells[place] if place >= 0 else "" for place in places))


def _places(header: list[str]) -> list[int]:
    """Where each of ``COLUMNS`` stands, -1 where it does not. Raises ``Refused`` naming what is wrong with the header."""
    if not any(header):
        raise _wrong("第 1 行应为表头（姓名、证件号码、所选银行、备注），实际为空")
    unknown = [name for name in header if name not in COLUMNS and name not in REPORT_COLUMNS]
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    missing = [name for name in COLUMNS if name in REQUIRED_COLUMNS and name not in header]
    if missing or unknown or repeated:
        shown = "、".join(f"“{name[:20]}”" for name in (repeated or unknown)[:5])
        what = f"缺少列：{'、'.join(missing)}" if missing else f"{'重复的列' if repeated else '不认识的列'}：{shown}"
        raise _wrong(f"第 1 行表头不对，{what}。应为：{'、'.join(COLUMNS)}（CSV 用英文逗号分隔），可下载模板填写")
    return [header.index(name) if name in header else -1 for name in COLUMNS]
