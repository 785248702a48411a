"""Which encoding a text file has: UTF-8, or the GB18030 that spreadsheets in China write.

Nearly any bytes can be read as GB18030, a UTF-8 file with one damaged letter too, and every name in it would come out as
another name. So a file counts as GB18030 only when most of its Chinese lines cannot be UTF-8.
"""

from pathlib import Path
from typing import BinaryIO

from yikatong.foundation.errors import Refused
from yikatong.registry.reasons import Reason

UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_ZIP_MARK = b"PK\x03"
_BLOCK_BYTES = 1 << 20


def choose_encoding(path: Path, file: BinaryIO) -> str:
    """``utf-8`` or ``gb18030``; the file is left at its start. Raises ``Refused`` naming the line that fits neither."""
    mark = file.read(3)
    file.seek(0)
    if mark[:2] in _UTF16_MARKS:
        raise Refused(
            Reason.FILE_ENCODING_WRONG, f"文件 {path} 是 UTF-16 编码，请另存为 UTF-8 或 GB18030 编码的 CSV 文件"
        )
    if mark == _ZIP_MARK:
        raise Refused(Reason.FILE_ENCODING_WRONG, f"文件 {path} 是 Excel 工作簿或压缩包，请另存为 CSV 文件再导入")
    encoding = "utf-8" if _all_lines_decode(file) else _encoding_by_lines(path, file)
    file.seek(0)
    return encoding


def _all_lines_decode(file: BinaryIO) -> bool:
    while block := file.read(_BLOCK_BYTES):
        block += file.readline()
        if b"\0" in block:
            return False
        try:
            block.decode("utf-8")
        except UnicodeDecodeError:
            return False
    return True


def _encoding_by_lines(path: Path, file: BinaryIO) -> str:
    file.seek(0)
    as_utf8 = as_gb18030 = 0
    first_not_utf8 = first_not_gb18030 = 0
    for line, content in enumerate(file, 1):
        if b"\0" in content:
            raise Refused(Reason.FILE_ENCODING_WRONG, f"文件 {path} 第 {line} 行含有空字符，不是文本文件")
        if content.isascii():
            continue
        if _decodes(content, "utf-8"):
            as_utf8 += 1
        else:
            first_not_utf8 = first_not_utf8 or line
        if _decodes(content, "gb18030"):
            as_gb18030 += 1
        else:
            first_not_gb18030 = first_not_gb18030 or line
    if as_utf8 * 2 < as_gb18030 and not first_not_gb18030:
        return "gb18030"
    line, name = (first_not_utf8, "UTF-8") if as_utf8 >= as_gb18030 / 2 else (first_not_gb18030, "GB18030")
    raise Refused(
        Reason.FILE_ENCODING_WRONG,
        f"文件 {path} 第 {line} 行不是正确的 {name} 编码，整个文件未导入；请检查该行或重新导出",
    )


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
