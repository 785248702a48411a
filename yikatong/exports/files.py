"""Tables as files, written row after row: CSV, and workbooks (.xlsx) of one sheet or more.

What begins like a formula is written as text, so that opening a file computes nothing. Only the piece at hand is in memory, and
nothing lies on a disk, where it would lie in clear. openpyxl serves to read workbooks and to make those that hold more than
rows: for rows alone it takes six times as long, and keeps its sheets in temporary files.

Source: ECMA-376 part 1, 18.2 (workbook), 18.3 (sheets), 18.8 (styles); part 2 (packaging).
"""

import csv
import io
import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from xml.sax.saxutils import escape, quoteattr

from yikatong.registry.rejected import harmless

type Row = Sequence[object]

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""By a file's ending."""
PIECE_BYTES = 1 << 18
_TEXT_LENGTH_MAX = 32_767  # of one cell; Excel mends a file with more in it
_DAY_ZERO = date(1899, 12, 30)
_WIDTH_MIN = 18
_NO_TITLE = re.compile(r"[\[\]:*?/\\]")
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BOLD, _TEXT, _DAY = 1, 2, 3  # places in cellXfs below
_HEADER = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES = (
    f'{_HEADER}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook. Its first row is the head, bold; head and ``columns_kept`` stay in sight.

    ``widths`` are in characters; without them each column is as wide as its head. What a title cannot hold becomes a space.
    """

    title: str
    rows: Iterable[Row]
    columns_kept: int = 0
    has_head: bool = True
    widths: Sequence[int] = ()


def csv_pieces(rows: Iterable[Row]) -> Iterator[bytes]:
    """A table as CSV in UTF-8, with the byte order mark without which a spreadsheet reads Chinese as something else."""
    text = io.StringIO(newline="")
    text.write("\ufeff")
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
        if text.tell() >= PIECE_BYTES:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def workbook_pieces(sheets: Sequence[Sheet]) -> Iterator[bytes]:
    """A workbook, its sheets in this order; their titles must differ."""
    out = _Pieces()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in _frame([_NO_TITLE.sub(" ", sheet.title)[:31] for sheet in sheets]):
            archive.writestr(name, xml)
        for number, sheet in enumerate(sheets, start=1):
            with archive.open(f"xl/worksheets/sheet{number}.xml", "w") as entry:
                for xml in _sheet_xml(sheet):
                    entry.write(xml.encode())
                    if len(out.held) >= PIECE_BYTES:
                        yield out.taken()
    yield out.taken()


class _Pieces(io.RawIOBase):
    """Something to write to that cannot go back, and from which the written is taken piece by piece."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        self.held += content
        return len(content)

    def taken(self) -> bytes:
        content = bytes(self.held)
        self.held.clear()
        return content


def _frame(titles: Sequence[str]) -> Iterator[tuple[str, str]]:
    """All parts of the package but the sheets."""
    numbers = range(1, len(titles) + 1)
    yield (
        "[Content_Types].xml",
        f'{_HEADER}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPES}.worksheet+xml"/>'
            for number in numbers
        )
        + "</Types>",
    )
    yield "_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")])
    yield (
        "xl/workbook.xml",
        f'{_HEADER}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        + "".join(
            f'<sheet name={quoteattr(title)} sheetId="{number}" r:id="rId{number}"/>'
            for number, title in zip(numbers, titles, strict=True)
        )
        + "</sheets></workbook>",
    )
    sheets = [("worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
    yield "xl/_rels/workbook.xml.rels", _relations([*sheets, ("styles", "styles.xml")])
    yield "xl/styles.xml", _STYLES


def _relations(targets: Iterable[tuple[str, str]]) -> str:
    each = (
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{_HEADER}<Relationships xmlns="{_RELATIONS}">{"".join(each)}</Relationships>'


def _sheet_xml(sheet: Sheet) -> Iterator[str]:
    rows = iter(sheet.rows)
    first = next(rows, ())
    widths = sheet.widths or [max(_WIDTH_MIN, 2 * len(str(cell)) + 2) for cell in first]
    yield f'{_HEADER}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    if sheet.has_head:
        kept, corner = sheet.columns_kept, "bottomRight" if sheet.columns_kept else "bottomLeft"
        split = f'xSplit="{kept}" ' if kept else ""
        yield f'<pane {split}ySplit="1" topLeftCell="{_letters(kept + 1)}2" activePane="{corner}" state="frozen"/>'
    yield "</sheetView></sheetViews>"
    if widths:
        columns = (f'<col min="{n}" max="{n}" width="{w}" customWidth="1"/>' for n, w in enumerate(widths, start=1))
        yield f"<cols>{''.join(columns)}</cols>"
    yield "<sheetData>"
    letters = [_letters(column) for column in range(1, len(widths) + 1)]
    for number, row in enumerate(chain([first], rows), start=1):
        letters += [_letters(column) for column in range(len(letters) + 1, len(row) + 1)]
        style = _BOLD if number == 1 and sheet.has_head else _TEXT
        cells = [_cell(f"{letter}{number}", cell, style) for letter, cell in zip(letters, row, strict=False)]
        yield f'<row r="{number}">{"".join(cells)}</row>'
    yield "</sheetData></worksheet>"


def _cell(place: str, cell: object, style: int) -> str:
    """Numbers and days as such; everything else as text, which stays text when it is edited."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    if isinstance(cell, int | float):
        return f'<c r="{place}"><v>{+cell}</v></c>'
    if type(cell) is date:
        return f'<c r="{place}" s="{_DAY}"><v>{(cell - _DAY_ZERO).days}</v></c>'
    text = escape(harmless(_NOT_XML.sub("", str(cell)))[:_TEXT_LENGTH_MAX])
    if not text:
        return f'<c r="{place}" s="{style}"/>'
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _letters(column: int) -> str:
    """A column's name: A for 1, AA for 27."""
    name = ""
    while column:
        column, place = divmod(column - 1, 26)
        name = chr(65 + place) + name
    return name
