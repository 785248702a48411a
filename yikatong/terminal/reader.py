"""Where a code comes from: a text file, a camera's image, standard input, or fingers on a keyboard.

It only reads; whether a text is a genuine code is decided elsewhere. What is read may be hostile, so sizes are bounded.
"""

import io
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zxingcpp
from PIL import Image, UnidentifiedImageError

from yikatong.foundation.checksums import card_number_check_digit
from yikatong.foundation.errors import YikatongError
from yikatong.wire.codes import PREFIX

LINE_BYTES_MAX = 4096
IMAGE_BYTES_MAX = 20_000_000
IMAGE_PIXELS_MAX = 50_000_000
_QR_CODES = zxingcpp.barcode_formats_from_str("QRCode")
_IMAGE_FIRST_BYTES = (b"\x89", b"\xff")  # PNG, JPEG; neither begins any UTF-8 text


class NothingRead(YikatongError):
    """There was no code to read."""


class CardNumberInvalid(YikatongError):
    """What was typed is no card number."""


def code_from_text(path: Path) -> str:
    """The code in a text file: its first line that is not blank. Raises ``NothingRead``."""
    octets = _read(path, LINE_BYTES_MAX)
    if octets.startswith(_IMAGE_FIRST_BYTES) or b"\0" in octets:
        raise NothingRead(f"{path} is not text; use --image for a picture")
    for line in lines(io.BytesIO(octets)):
        return line
    raise NothingRead(f"{path} is empty")


def code_from_image(source: Path | bytes) -> str:
    """The code in a picture (PNG or JPEG) that shows a QR code, at any angle. Raises ``NothingRead``.

    Other QR codes beside ours are overlooked; two of ours are not chosen between.
    """
    name = str(source) if isinstance(source, Path) else "the image"
    octets = _read(source, IMAGE_BYTES_MAX) if isinstance(source, Path) else source
    if len(octets) > IMAGE_BYTES_MAX:
        raise NothingRead(f"{name} is larger than {IMAGE_BYTES_MAX // 1_000_000} MB; take a smaller picture")
    try:
        picture = Image.open(io.BytesIO(octets), formats=("PNG", "JPEG"))
        if picture.width * picture.height > IMAGE_PIXELS_MAX:
            raise NothingRead(
                f"{name} has more than {IMAGE_PIXELS_MAX // 1_000_000} million pixels; take a smaller one"
            )
        grey = picture.convert("L")
    except UnidentifiedImageError:
        raise NothingRead(f"{name} is neither PNG nor JPEG") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NothingRead(f"{name} is damaged: {error}") from error
    found = {code.text for code in zxingcpp.read_barcodes(grey, formats=_QR_CODES) if code.text}
    ours = {text for text in found if text.startswith(PREFIX)}
    if len(ours) > 1:
        raise NothingRead(f"{name} shows {len(ours)} codes; hold one phone to the camera")
    if not found:
        raise NothingRead(f"no QR code found in {name}; hold the phone straight and closer")
    return (ours or found).pop()


def code_from_stream(stream: io.BufferedReader) -> str:
    """One code from standard input: a line of text, or a whole picture. Raises ``NothingRead``."""
    if stream.peek(1)[:1] in _IMAGE_FIRST_BYTES:
        return code_from_image(stream.read(IMAGE_BYTES_MAX + 1))
    for line in lines(stream):
        return line
    raise NothingRead("standard input ended without a code")


def lines(stream: BinaryIO) -> Iterator[str]:
    """The lines that are not blank, one code each. Bytes that are no text and overlong lines become refusable text."""
    while line := stream.readline(LINE_BYTES_MAX):
        rest = line
        while not rest.endswith(b"\n") and len(rest) == LINE_BYTES_MAX:
            rest = stream.readline(LINE_BYTES_MAX)
        # some editors begin a file with a mark that is not to be seen
        if text := line.decode("utf-8", errors="replace").strip().removeprefix("\ufeff").strip():
            yield text


def typed_card_number(text: str) -> str:
    """A card number as it was typed, in one spelling. Raises ``CardNumberInvalid`` for a slip of the finger.

    Full-width characters, spaces and small letters are forgiven. Source: docs/standards.md, card number.
    """
    number = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if len(number) != 9 or not number.isascii() or not number.isalnum():
        raise CardNumberInvalid(f"社保卡卡号为 9 位字母和数字，输入的是“{text.strip()[:20]}”，请核对卡面")
    if card_number_check_digit(number[:8]) != number[8]:
        raise CardNumberInvalid(f"卡号 {number} 的校验位不对，请核对卡面后重新输入")
    return number


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(bytes_max + 1)
    except FileNotFoundError:
        raise NothingRead(f"no such file: {path}") from None
    except OSError as error:
        raise NothingRead(f"{path} cannot be read: {error.strerror}") from error
