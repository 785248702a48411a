"""Amounts as the functions write them: yuan with two decimals. Source: the reader specification."""

import re

from yikatong.terminal.reader_api.codes import Code, ReaderError

_YUAN = re.compile(r"(0|[1-9][0-9]{0,7})\.([0-9]{2})", re.ASCII)


def fen(text: str) -> int:
    """From yuan to fen. Raises ``ReaderError`` (−23)."""
    found = _YUAN.fullmatch(text)
    if found is None:
        raise ReaderError(Code.BAD_INPUT)
    return int(found[1]) * 100 + int(found[2])


def yuan(amount_fen: int) -> str:
    """From fen to yuan."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"
