"""Reading: pictures of real QR symbols as a camera would take them, and whatever else people hold to a reader."""

import io
from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import pytest
import segno
from hypothesis import given
from PIL import Image, ImageFilter

from tests.wire.makers import make_text
from yikatong.foundation.checksums import card_number_check_digit
from yikatong.terminal.reader import (
    IMAGE_BYTES_MAX,
    LINE_BYTES_MAX,
    CardNumberInvalid,
    NothingRead,
    code_from_image,
    code_from_stream,
    code_from_text,
    lines,
    typed_card_number,
)

CODE, OTHER = make_text(), make_text(nonce=b"another.")


def symbol(text: str, *, scale: int = 5, **options: str) -> Image.Image:
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=scale, **options)  # type: ignore[arg-type]
    return Image.open(picture).convert("RGB")


def octets(picture: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def beside(*pictures: Image.Image) -> Image.Image:
    """On one sheet, side by side."""
    sheet = Image.new("RGB", (sum(p.width for p in pictures) + 80, max(p.height for p in pictures) + 80), "white")
    left = 20
    for picture in pictures:
        sheet.paste(picture, (left, 40))
        left += picture.width + 20
    return sheet


def on_a_phone(picture: Image.Image) -> Image.Image:
    """A dim photograph of a screen, a little turned and out of focus."""
    photo = Image.new("RGB", (1200, 1600), (40, 44, 52))
    photo.paste(picture, (240, 380))
    return photo.rotate(8, fillcolor=(40, 44, 52)).filter(ImageFilter.GaussianBlur(1.2)).point(lambda v: v * 3 // 4)


@pytest.mark.parametrize(
    "photo",
    [
        lambda: octets(symbol(CODE)),
        lambda: octets(symbol(CODE, scale=2)),
        lambda: octets(symbol(CODE), "JPEG", quality=60),
        lambda: octets(symbol(CODE, dark="white", light="black")),
        lambda: octets(symbol(CODE).rotate(90, expand=True)),
        lambda: octets(symbol(CODE).rotate(180)),
        lambda: octets(on_a_phone(symbol(CODE, scale=10)), "JPEG", quality=75),
        lambda: octets(beside(symbol("https://example.org/poster"), symbol(CODE))),
        lambda: octets(beside(symbol(CODE), symbol(CODE))),
    ],
    ids=["png", "small", "jpeg", "inverted", "turned", "upside-down", "photo", "poster-beside", "twice-the-same"],
)
def test_a_code_is_read_from_a_picture(tmp_path: Path, photo: Callable[[], bytes]) -> None:
    path, taken = tmp_path / "photo", photo()
    path.write_bytes(taken)
    assert code_from_image(path) == code_from_image(taken) == CODE


def test_another_qr_code_is_read_too_so_that_its_holder_hears_what_it_is() -> None:
    assert code_from_image(octets(symbol("https://example.org/"))) == "https://example.org/"


DAMAGED = octets(symbol(CODE))
CLOSING_BYTES = 32
"""What a PNG may lack at its end and still show the whole picture: its closing chunk and the last checksums."""
GIF = octets(symbol(CODE), "GIF")


@pytest.mark.parametrize(
    ("photo", "says"),
    [
        (lambda: octets(beside(symbol(CODE), symbol(OTHER))), "2 codes; hold one phone"),
        (lambda: octets(Image.new("RGB", (640, 480), "white")), "no QR code found"),
        (lambda: octets(symbol(CODE, scale=1).resize((40, 40))), "no QR code found"),
        (lambda: b"", "neither PNG nor JPEG"),
        (lambda: b"hello", "neither PNG nor JPEG"),
        (lambda: GIF, "neither PNG nor JPEG"),
        (lambda: b"%PDF-1.7", "neither PNG nor JPEG"),
        (lambda: DAMAGED[: len(DAMAGED) // 2], "damaged"),
        (lambda: octets(symbol(CODE), "JPEG")[:-500], "damaged"),
        (lambda: octets(Image.new("1", (8000, 7000))), "million pixels"),
        (lambda: octets(Image.new("1", (20000, 20000))), "(million pixels|damaged)"),
        (lambda: b"\x89PNG" + b"\0" * IMAGE_BYTES_MAX, "larger than 20 MB"),
    ],
)
def test_a_picture_without_one_code_says_what_to_do(photo: Callable[[], bytes], says: str) -> None:
    with pytest.raises(NothingRead, match=says):
        code_from_image(photo())


def test_truncated_pictures_never_fail_otherwise() -> None:
    for end in range(0, len(DAMAGED) - CLOSING_BYTES, 97):
        with pytest.raises(NothingRead):
            code_from_image(DAMAGED[:end])


@pytest.mark.parametrize("written", [CODE, f"{CODE}\n", f"\n\n  {CODE}  \r\nsecond line", f"\ufeff{CODE}\r\n"])
def test_a_code_is_read_from_a_text_file(tmp_path: Path, written: str) -> None:
    path = tmp_path / "code.txt"
    path.write_text(written, encoding="utf-8")
    assert code_from_text(path) == CODE


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (octets(symbol(CODE)), "use --image"),
        (octets(symbol(CODE), "JPEG"), "use --image"),
        (b"Y1.\0", "use --image"),
    ],
)
def test_a_file_without_text_says_what_to_do(tmp_path: Path, octets: bytes, says: str) -> None:
    path = tmp_path / "code.txt"
    path.write_bytes(octets)
    with pytest.raises(NothingRead, match=says):
        code_from_text(path)


@pytest.mark.parametrize("read", [code_from_text, code_from_image])
def test_missing_files_and_folders_are_named(tmp_path: Path, read: type) -> None:
    with pytest.raises(NothingRead, match="no such file"):
        read(tmp_path / "none")
    with pytest.raises(NothingRead, match="cannot be read"):
        read(tmp_path)


def stream(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content", [f"{CODE}\n".encode(), f"\n{CODE}".encode(), octets(symbol(CODE)), octets(symbol(CODE), "JPEG")]
)
def test_standard_input_may_be_a_line_or_a_picture(content: bytes) -> None:
    assert code_from_stream(stream(content)) == CODE


@pytest.mark.parametrize(("content", "says"), [(b"", "ended"), (b"\n\n", "ended"), (b"\x89PNG\r\n", "PNG|damaged")])
def test_standard_input_may_hold_nothing(content: bytes, says: str) -> None:
    with pytest.raises(NothingRead, match=says):
        code_from_stream(stream(content))


def test_lines_are_codes_whatever_is_between_them() -> None:
    long = b"A" * (3 * LINE_BYTES_MAX + 7)
    content = b"one\r\n\n  two \n\xff\xfe\n" + long + b"\nlast"
    read = list(lines(stream(content)))
    assert read == ["one", "two", "\ufffd\ufffd", "A" * LINE_BYTES_MAX, "last"]


@given(st.binary(max_size=10_000))
def test_lines_of_anything_are_bounded_text(content: bytes) -> None:
    for line in lines(stream(content)):
        assert line.strip()
        assert len(line) <= LINE_BYTES_MAX


@pytest.mark.parametrize("typed", ["D2143569X", "d2143569x", " D2143 569X ", "Ｄ２１４３５６９Ｘ", "D2143569X\n"])
def test_a_typed_card_number_has_one_spelling(typed: str) -> None:
    assert typed_card_number(typed) == "D2143569X"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "9 位"),
        ("D2143569", "9 位"),
        ("D2143569XX", "9 位"),
        ("D214356-X", "9 位"),
        ("卡卡卡卡卡卡卡卡卡", "9 位"),
        ("①②③④⑤⑥⑦⑧⑨①", "9 位"),
        ("D21435691", "校验位"),
        ("D2143596X", "校验位"),
    ],
)
def test_a_slip_of_the_finger_is_told(typed: str, says: str) -> None:
    with pytest.raises(CardNumberInvalid, match=says):
        typed_card_number(typed)


@given(st.from_regex(r"\A[A-Z][0-9]{7}\Z"), st.integers(0, 7), st.integers(1, 9))
def test_every_single_wrong_digit_that_matters_is_told(first8: str, position: int, by: int) -> None:
    number = first8 + card_number_check_digit(first8)
    assert typed_card_number(number) == number
    if position:
        digit = str((int(number[position]) + by) % 10)
        wrong = number[:position] + digit + number[position + 1 :]
        with pytest.raises(CardNumberInvalid):
            typed_card_number(wrong)
