"""Roster files as people send them: sound ones in every encoding, and those that are refused before anything is unpacked."""

import io
import struct
import zipfile
from io import BytesIO

import pytest
from openpyxl import load_workbook

from tests.units.makers import HEADER, as_csv, as_workbook
from yikatong.foundation.errors import Refused
from yikatong.units.reading import CSV, ROWS_MAX, XLSX, RawRow, check_file, rows_of
from yikatong.units.sheets import template_csv, template_workbook

ROW = ("赵甲", "119901198005170016", "中国银行", "")


def read(content: bytes, name: str = "x") -> list[RawRow]:
    return list(rows_of(name, BytesIO(content), check_file(name, content).media_type))


def refusal(content: bytes) -> str:
    with pytest.raises(Refused) as refused:
        read(content)
    assert str(refused.value.reason) == "file_wrong"
    return str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_csv_in_every_usual_encoding(encoding: str) -> None:
    assert read(as_csv([ROW], encoding=encoding)) == [RawRow(2, ROW)]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_empty_lines_are_passed_over_and_still_counted(ending: str) -> None:
    text = ending.join([",".join(HEADER), "", ",,,", ",".join(ROW), "", " , ,,"])
    assert read(text.encode()) == [RawRow(4, ROW)]


def test_columns_in_any_order_and_optional_ones_missing() -> None:
    assert read("证件号码,姓名\n1,赵甲\n".encode()) == [RawRow(2, ("赵甲", "1", "", ""))]


def test_a_mended_file_of_bad_rows_is_taken_as_it_is() -> None:
    header = "行号,原因代码,原因,原行内容,姓名,证件号码,所选银行,备注\n"
    assert read((header + "7,stranger,x,,赵甲,1,,\n").encode()) == [RawRow(2, ("赵甲", "1", "", ""))]


@pytest.mark.parametrize("line", ['"赵甲,1,,', "赵甲", "赵甲,1,,,多", "赵甲,1,,x,y,z"])
def test_a_line_that_cannot_be_cut_is_one_bad_row(line: str) -> None:
    first, second = read(f"{','.join(HEADER)}\n{line}\n{','.join(ROW)}\n".encode())
    assert first.cells == (line,)
    assert second == RawRow(3, ROW)


def test_a_workbook_with_gaps_numbers_and_formulas() -> None:
    rows = [ROW, (None, None), ("钱乙", 119901198005170016, None, "=1+1"), ("孙丙", 1.5, "ABC")]
    found = read(as_workbook(rows))
    assert [row.line for row in found] == [2, 4, 5]
    assert found[0].cells == ROW
    assert found[1].cells == ("钱乙", "119901198005170000", "", "=1+1"), (
        "three digits lost; the formula's text, no value"
    )
    assert (found[1].is_number_cell, found[0].is_number_cell) == (True, False)
    assert found[2].cells == ("孙丙", "1.5", "ABC", "")


def test_the_sheet_named_roster_is_read_else_the_first() -> None:
    assert read(as_workbook([ROW], title="随便")) == [RawRow(2, ROW)]


def test_the_template_itself() -> None:
    names = ["中国银行", "北京银行"]
    content = template_workbook(names)
    assert read(content) == [], "no example row that somebody could send in"
    book = load_workbook(BytesIO(content))
    (validation,) = book["名册"].data_validations.dataValidation
    assert validation.formula1 == "='本单位可选银行'!$A$2:$A$3"
    assert [row[0].value for row in book["本单位可选银行"].iter_rows(min_row=2)] == names
    assert all(cell.value is None for row in book["名册"].iter_rows(min_row=2) for cell in row), "no bank is filled in"
    assert read(template_csv()) == []


def bomb(size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * size)
    return out.getvalue()


def archive_with(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def encrypted(content: bytes) -> bytes:
    """The same archive with the flag of a password set in its directory."""
    start = content.index(b"PK\x01\x02")
    (flags,) = struct.unpack_from("<H", content, start + 8)
    return content[: start + 8] + struct.pack("<H", flags | 1) + content[start + 10 :]


def with_entity(content: bytes) -> bytes:
    """A workbook whose sheet declares entities that would swell when read."""
    evil = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet><sheetData>&b;</sheetData></worksheet>'
    out = io.BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, evil if "sheet1" in entry.filename else old.read(entry))
    return out.getvalue()


OLE = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "文件是空的"),
        (as_csv([ROW], encoding="utf-16"), "UTF-16"),
        (as_csv([ROW], encoding="utf-16-le"), "空字符"),
        (as_csv([ROW]) + b"\xff\xfe\xfa,\xff\n", "编码"),
        (OLE, "旧版 Excel"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "设有密码"),
        (b"%PDF-1.7", "这是 PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0", "不是文本文件"),
        (b"PK\x03\x04 broken", "已损坏"),
        (archive_with("a.txt"), "不是 Excel 工作簿"),
        (archive_with("xl/workbook.xml", "xl/vbaProject.bin"), "含有宏"),
        (encrypted(archive_with("xl/workbook.xml")), "设有密码"),
        (archive_with("xl/workbook.xml"), "不能读取"),
        (archive_with("xl/workbook.xml", *(f"x{n}" for n in range(2001))), "异常庞大"),
        (bomb(200 * 2**20), "异常庞大"),
        (with_entity(as_workbook([ROW])), "不能读取"),
        ("姓名,证件号码,银行\n".encode(), "不认识的列：“银行”"),
        ("姓名,所选银行\n".encode(), "缺少列：证件号码"),
        ("姓名,证件号码,姓名\n".encode(), "重复的列：“姓名”"),
        ("\n姓名,证件号码\n".encode(), "第 1 行应为表头"),
        ("姓名;证件号码\n".encode(), "英文逗号"),
        (as_workbook([], header=("a", "b")), "缺少列"),
        (("姓名,证件号码\n" + "长" * 70_000).encode(), "过长"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_roster_is_refused_in_words(content: bytes, words: str) -> None:
    assert words in refusal(content)


def test_a_file_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yikatong.units.reading.FILE_BYTES_MAX", 100)
    assert "超过" in refusal(b"x" * 101)


def test_a_million_rows_and_not_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ROWS_MAX == 1_000_000
    monkeypatch.setattr("yikatong.units.reading.ROWS_MAX", 2)
    assert len(read(as_csv([ROW] * 2))) == 2
    assert "分成几个文件" in refusal(as_csv([ROW] * 3))


def test_kinds_are_told_by_content_not_by_name() -> None:
    assert check_file("x.xlsx", as_csv([ROW])).media_type == CSV
    assert check_file("x.csv", as_workbook([ROW])).media_type == XLSX


def test_an_invented_row_number_does_not_make_us_count_for_ever() -> None:
    content = as_workbook([ROW])
    out = io.BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            octets = old.read(entry)
            if "sheet1" in entry.filename:
                octets = octets.replace(b'<row r="2"', b'<row r="4000000000"')
                assert b"4000000000" in octets
            new.writestr(entry.filename, octets)
    assert "行号超出" in refusal(out.getvalue())
