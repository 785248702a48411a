"""Files that are read, and files that are refused as a whole before anything is written."""

import os
from pathlib import Path

import polars as pl
import pytest

from tests.registry.people import ADULT, MINOR, adult, write_file
from yikatong.foundation.errors import Refused
from yikatong.registry.chunked import RawRow, SourceFile
from yikatong.registry.files import inspect_file, read_chunk
from yikatong.registry.reasons import Reason
from yikatong.registry.rows import PERSON_COLUMNS, REQUIRED_PERSON_COLUMNS

HEADER = ",".join(PERSON_COLUMNS)
LINE = ",".join(ADULT.values())
SHORT = "identity_number,name,sex,ethnicity_code,community_code,category"


def inspected(path: Path) -> SourceFile:
    return inspect_file(path, PERSON_COLUMNS, REQUIRED_PERSON_COLUMNS)


def all_rows(path: Path) -> list[RawRow]:
    source = inspected(path)
    return [row for chunk in source.chunks for row in read_chunk(source, chunk)]


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gb18030", "gb18030"), ("gbk", "gb18030")],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings(tmp_path: Path, encoding: str, found: str, newline: str) -> None:
    rare = "㐀" if encoding != "gbk" else "镕"  # not all of GB18030 is in GBK
    text = newline.join([HEADER, LINE, LINE.replace("测试甲", f"测试{rare}"), ""])
    path = written(tmp_path / "register.csv", text.encode(encoding))
    assert inspected(path).encoding == found
    assert [row.cells[1] for row in all_rows(path)] == ["测试甲", f"测试{rare}"]


def test_lines_are_counted_as_a_spreadsheet_counts_them(tmp_path: Path) -> None:
    path = written(tmp_path / "register.csv", "\n".join([HEADER, LINE, "", "," * 17, LINE]))
    assert [row.line for row in all_rows(path)] == [2, 5]
    assert inspected(path).rows == 4


@pytest.mark.usefixtures("small_chunks")
def test_chunks_cover_the_file_once(tmp_path: Path) -> None:
    rows = [adult(serial) for serial in range(8)]
    path = write_file(tmp_path / "register.csv", rows)
    assert [chunk.lines for chunk in inspected(path).chunks] == [3, 3, 2]
    assert [row.cells[0] for row in all_rows(path)] == [row["identity_number"] for row in rows]
    assert [row.line for row in all_rows(path)] == list(range(2, 10))


def test_columns_may_stand_in_any_order_and_optional_ones_be_absent(tmp_path: Path) -> None:
    path = written(tmp_path / "register.csv", f"line,{SHORT}\n7,{','.join(ADULT[name] for name in SHORT.split(','))}\n")
    [row] = all_rows(path)
    assert dict(zip(PERSON_COLUMNS, row.cells, strict=True)) == {
        name: ADULT[name] if name in SHORT.split(",") else "" for name in PERSON_COLUMNS
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE + ",", "column_count_wrong"),
        (LINE.rpartition(",")[0], "column_count_wrong"),
        ("x", "column_count_wrong"),
        (LINE.replace("测试甲", '"测试甲'), "row_malformed"),
        (LINE.replace("测试甲", '"测"试甲'), "row_malformed"),
    ],
)
def test_a_spoiled_line_spoils_no_other(tmp_path: Path, line: str, reason: str) -> None:
    path = written(
        tmp_path / "register.csv", "\n".join([HEADER, LINE, line, LINE, '"' + LINE.replace(",", '","') + '"'])
    )
    rows = all_rows(path)
    assert [row.problem.reason if row.problem else None for row in rows] == [None, reason, None, None]
    assert rows[1].text == line
    assert rows[3].cells == rows[0].cells


def test_lines_whose_identity_number_occurs_again_are_found(tmp_path: Path) -> None:
    lower = adult(3) | {"identity_number": " " + ADULT["identity_number"].lower()}
    path = write_file(tmp_path / "register.csv", [ADULT, adult(1), lower, adult(2), MINOR])
    assert inspected(path).repeated_lines == {2, 4}


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (b"", Reason.FILE_EMPTY, "是空的"),
        (HEADER, Reason.FILE_EMPTY, "没有数据行"),
        (HEADER + "\n", Reason.FILE_EMPTY, "没有数据行"),
        (f"{HEADER},shoe_size\n{LINE},42\n", Reason.COLUMNS_UNKNOWN, "不认识的列：“shoe_size”"),
        (f"{HEADER},name\n{LINE},x\n", Reason.COLUMNS_UNKNOWN, "重复的列：“name”"),
        (HEADER.replace(",", ";") + "\n", Reason.COLUMNS_UNKNOWN, "以英文逗号分隔"),
        (f'"{HEADER}\n{LINE}\n', Reason.COLUMNS_UNKNOWN, "引号不配对"),
        (
            "identity_number,name\n1,2\n",
            Reason.COLUMNS_MISSING,
            "缺少列：sex、ethnicity_code、community_code、category",
        ),
        (f"{HEADER}\n{LINE}".encode("utf-16"), Reason.FILE_ENCODING_WRONG, "UTF-16"),
        (b"PK\x03\x04" + bytes(50), Reason.FILE_ENCODING_WRONG, "Excel 工作簿"),
        (f"{HEADER}\n{LINE}\n{LINE[:-3]}\0,\n".encode(), Reason.FILE_ENCODING_WRONG, "第 3 行含有空字符"),
        (
            f"{HEADER}\n{LINE}\n{LINE}\n".encode() + LINE.encode().replace("试".encode(), b"\xe8\xaf") + b"\n",
            Reason.FILE_ENCODING_WRONG,
            "第 4 行不是正确的 UTF-8 编码",
        ),
        (
            f"{HEADER}\n{LINE}\n{LINE}\n".encode("gb18030") + LINE.encode("gb18030").replace(b"\xb2\xe2", b"\xff"),
            Reason.FILE_ENCODING_WRONG,
            "第 4 行不是正确的 GB18030 编码",
        ),
        (f"{HEADER}\n{'x' * (1 << 21)}\n", Reason.FILE_UNREADABLE, "过长"),
    ],
)
def test_unsound_files_are_refused_whole(tmp_path: Path, content: bytes | str, reason: Reason, words: str) -> None:
    path = written(tmp_path / "register.csv", content)
    with pytest.raises(Refused, match=words) as refusal:
        inspected(path)
    assert refusal.value.reason is reason


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        inspected(tmp_path / "nothing.csv")
    assert refusal.value.reason is Reason.FILE_NOT_FOUND


@pytest.mark.usefixtures("small_chunks")
def test_a_parquet_file_is_read_like_its_csv(tmp_path: Path) -> None:
    rows = [ADULT, MINOR, *(adult(serial) for serial in range(5)), ADULT]
    frame = pl.DataFrame([row | {"needs_large_print": row["needs_large_print"] == "1"} for row in rows]).with_columns(
        pl.col("birth_date").replace("", None).str.to_date(),
        pl.col("older_card_generation").replace("", None).cast(pl.Int8),
    )
    path = tmp_path / "register.parquet"
    frame.write_parquet(path)
    source = inspected(path)
    read = [row for chunk in source.chunks for row in read_chunk(source, chunk)]
    assert [row.cells for row in read] == [[row[name] for name in PERSON_COLUMNS] for row in rows]
    assert [row.line for row in read] == list(range(1, 9))
    assert source.repeated_lines == {1, 8}


@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_truncated_parquet_file_is_refused(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "register.parquet"
    pl.DataFrame([adult(serial) for serial in range(200)]).write_parquet(path)
    os.truncate(path, int(path.stat().st_size * keep))
    with pytest.raises(Refused, match="损坏") as refusal:
        inspected(path)
    assert refusal.value.reason is Reason.FILE_UNREADABLE


def test_a_parquet_file_with_a_damaged_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "register.parquet"
    pl.DataFrame([adult(serial) for serial in range(2000)]).write_parquet(path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[4:40] = b"\xff" * 36  # the first page's own header
    path.write_bytes(content)
    with pytest.raises(Refused, match="损坏"):
        inspected(path)


def test_what_is_called_parquet_and_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="PAR1"):
        inspected(written(tmp_path / "register.parquet", HEADER))


def test_a_parquet_file_without_rows_or_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "register.parquet"
    pl.DataFrame(schema=dict.fromkeys(PERSON_COLUMNS, pl.String)).write_parquet(path)
    with pytest.raises(Refused, match="没有数据行"):
        inspected(path)
    pl.DataFrame({"name": ["x"]}).write_parquet(path)
    with pytest.raises(Refused, match="缺少列"):
        inspected(path)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_that_changes_during_the_import_is_noticed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"register.{suffix}"
    if suffix == "csv":
        write_file(path, [ADULT])
    else:
        pl.DataFrame([ADULT]).write_parquet(path)
    source = inspected(path)
    with path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(Refused) as refusal:
        list(read_chunk(source, source.chunks[0]))
    assert refusal.value.reason is Reason.FILE_CHANGED
