"""Tables as files: what each kind of cell becomes, what no file may hold, and how little is held while it is written."""

import csv
import io
import math
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

import pytest
from openpyxl import Workbook, load_workbook

from yikatong.exports.files import PIECE_BYTES, Row, Sheet, csv_pieces, workbook_pieces


def opened(*sheets: Sheet) -> Workbook:
    return load_workbook(io.BytesIO(b"".join(workbook_pieces(sheets))))


@pytest.mark.parametrize(
    ("cell", "shown", "in_csv"),
    [
        ("张三", "张三", "张三"),
        ("119901198005170016", "119901198005170016", "119901198005170016"),
        ("=1+1", "'=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)", "'@SUM(A1)"),
        ("-1", "'-1", "'-1"),
        ('<b>&amp;"', '<b>&amp;"', '<b>&amp;"'),
        ("  两边有空格  ", "  两边有空格  ", "  两边有空格  "),
        ("一\n二", "一\n二", "一\n二"),
        ("\x07响铃\ud800\uffff", "响铃", None),  # UTF-8 or XML cannot hold these
        ("\x01=1+1", "'=1+1", None),
        (0, 0, "0"),
        (-7, -7, "-7"),
        (2.5, 2.5, "2.5"),
        (True, 1, "True"),
        (math.inf, None, "inf"),
        (None, None, ""),
        ("", None, ""),
        (date(2026, 12, 7), datetime(2026, 12, 7), "2026-12-07"),  # noqa: DTZ001  # as openpyxl reads a day
        (datetime(2026, 12, 7, 8, tzinfo=UTC), "2026-12-07 08:00:00+00:00", "2026-12-07 08:00:00+00:00"),
        (Decimal("1.10"), "1.10", "1.10"),
    ],
)
def test_each_cell_arrives_as_what_it_is(cell: object, shown: object, in_csv: str | None) -> None:
    sheet = opened(Sheet("表", [["头"], [cell, "后"]]))["表"]
    assert (sheet["A2"].value, sheet["B2"].value) == (shown, "后"), "an empty cell keeps its place"
    assert sheet["A2"].data_type != "f"
    if isinstance(shown, str):
        assert sheet["A2"].number_format == "@"
    if in_csv is not None:
        text = b"".join(csv_pieces([["头"], [cell, "后"]])).decode("utf-8-sig")
        assert list(csv.reader(io.StringIO(text, newline="")))[1] == [in_csv, "后"]


def test_a_cell_longer_than_excel_takes_is_cut() -> None:
    assert len(opened(Sheet("表", [["头"], ["长" * 40_000]]))["表"]["A2"].value) == 32_767


def test_sheets_have_their_titles_heads_and_widths() -> None:
    wide = [str(number) for number in range(1, 31)]
    book = opened(
        Sheet("A/B: [<&\"'>]", [wide, wide, [*wide, "多一列"]], columns_kept=2),
        Sheet("空", []),
        Sheet("说明", [["期间", "全年"]], has_head=False, widths=(16, 100)),
        Sheet("很" * 40, [["一个很长很长很长很长的表头"]]),
    )
    assert book.sheetnames == ["A B   <&\"'> ", "空", "说明", "很" * 31]
    first, empty, told, last = book.worksheets
    assert (first.freeze_panes, first["AD1"].value, first["AD1"].font.b, first["AE3"].value) == (
        "C2",
        "30",
        True,
        "多一列",
    )
    assert not first["AD2"].font.b
    assert (empty.freeze_panes, empty["A1"].value) == ("A2", None)
    assert (told.freeze_panes, told["A1"].font.b, told.column_dimensions["B"].width) == (None, False, 100)
    assert last.column_dimensions["A"].width == 28


def test_the_archive_is_whole_and_no_larger_than_it_must_be() -> None:
    content = b"".join(workbook_pieces([Sheet("表", [["头"], *([number, "同样的文字"] for number in range(10_000))])]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        sizes = [(entry.file_size, entry.compress_size) for entry in archive.infolist()]
    assert sum(size for size, _packed in sizes) > 10 * sum(packed for _size, packed in sizes)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_only_a_piece_is_held(form: str) -> None:
    random = Random(7)

    def rows(count: int) -> Iterator[Row]:
        for number in range(count):
            yield [number, random.randbytes(300).hex()]

    peaks = []
    for count in (2_000, 8_000):
        pieces = csv_pieces(rows(count)) if form == "csv" else workbook_pieces([Sheet("表", rows(count))])
        tracemalloc.start()
        try:
            sizes = [len(piece) for piece in pieces]
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert len(sizes) > 4
    assert max(sizes) < 2 * PIECE_BYTES
    assert peaks[1] < 1.2 * peaks[0], "four times the rows, and no more memory"
