"""Residents' photographs: each fault by a drawn picture that has it, and what a file may hide. Nobody's photograph is used."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from tests.faces import drawn_file, drawn_photo
from yikatong.issuance.portrait_check import PhotoRefused, checked_photo
from yikatong.issuance.portrait_rules import (
    CANNOT_BE_USED,
    FACE_TOLERANCE,
    FACE_WIDTH,
    HEIGHT,
    WIDTH,
    Cut,
    Fault,
    Measured,
    cut_for,
    faults_of,
)

GOOD = Measured(
    tilt_degrees=0,
    turn=1,
    light=150,
    glare_part=0,
    unevenness=5,
    sharpness=80,
    ground_spread=5,
    ground_light=230,
    ground_colour=5,
)


def png_that_claims(width: int, height: int) -> bytes:
    """A header of a huge picture with nothing behind it: a bomb unpacks to what it claims."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"form": "PNG"},
        {"form": "WEBP"},
        {"size": (3000, 4000)},
        {"size": (400, 493)},
        {"size": (1600, 1200), "head": 0.3},
        {"head": 0.25},
        {"tilt_degrees": 3},
        {"background": (200, 204, 208)},
        {"light": 0.8},
    ],
)
def test_a_good_photograph_becomes_the_cards(options: dict[str, object]) -> None:
    checked = checked_photo(drawn_file(**options))  # type: ignore[arg-type]
    picture = Image.open(BytesIO(checked.jpeg))
    assert (picture.format, picture.size, picture.mode) == ("JPEG", (WIDTH, HEIGHT), "RGB")
    assert checked.faults == ()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"tilt_degrees": 14}, Fault.TILTED),
        ({"turned": 0.7}, Fault.TURNED),
        ({"light": 0.3}, Fault.DARK),
        ({"light": 1.9}, Fault.BRIGHT),
        ({"blur": 9}, Fault.BLURRED),
        ({"busy": True}, Fault.BACKGROUND),
        ({"background": (90, 140, 220)}, Fault.BACKGROUND),
        ({"background": (70, 70, 70)}, Fault.BACKGROUND),
    ],
)
def test_what_is_wrong_and_can_be_insisted_on(options: dict[str, object], fault: Fault) -> None:
    assert fault in checked_photo(drawn_file(**options)).faults  # type: ignore[arg-type]
    assert fault not in CANNOT_BE_USED


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        (lambda: b"", Fault.NOT_A_PICTURE),
        (lambda: b"%PDF-1.7\n" + drawn_file(), Fault.NOT_A_PICTURE),
        (lambda: b"GIF89a" + drawn_file(), Fault.NOT_A_PICTURE),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", Fault.NOT_A_PICTURE),
        (lambda: drawn_file("GIF"), Fault.NOT_A_PICTURE),
        (lambda: drawn_file("TIFF"), Fault.NOT_A_PICTURE),
        (lambda: drawn_file()[:4000], Fault.NOT_A_PICTURE),
        (lambda: b"\0\0\0\x18ftypheic" + bytes(40), Fault.HEIC),
        (lambda: b"\xff\xd8" + bytes(11 * 2**20), Fault.TOO_LARGE),
        (lambda: png_that_claims(60_000, 60_000), Fault.TOO_MANY_PIXELS),
        (lambda: png_that_claims(9_000, 9_000), Fault.TOO_MANY_PIXELS),
        (lambda: png_that_claims(6_000, 5_000), Fault.TOO_MANY_PIXELS),
        (lambda: png_that_claims(1_000, 1_200), Fault.NOT_A_PICTURE),
        (lambda: drawn_file(size=(300, 370)), Fault.TOO_FEW_PIXELS),
        (lambda: drawn_file(faces=2), Fault.SEVERAL_FACES),
        (lambda: drawn_file(at=(0.88, 0.46)), Fault.FACE_AT_EDGE),
        (lambda: drawn_file(head=0.72), Fault.FACE_AT_EDGE),
        (lambda: drawn_file(size=(700, 860), head=0.16), Fault.FACE_TOO_SMALL),
        (lambda: drawn_file(head=0.01), Fault.NO_FACE),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_reason(octets: Callable[[], bytes], fault: Fault) -> None:
    with pytest.raises(PhotoRefused) as caught:
        checked_photo(octets())
    assert caught.value.faults == (fault,)
    assert fault in CANNOT_BE_USED


def test_a_picture_taken_sideways_is_turned_and_loses_what_hides_in_it() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "SECRETCAMERA"
    out = BytesIO()
    drawn_photo().rotate(90, expand=True).save(out, "JPEG", exif=exif)
    checked = checked_photo(out.getvalue() + b"<script>alert(1)</script>PK\x03\x04")
    assert checked.faults == ()
    assert b"SECRETCAMERA" not in checked.jpeg
    assert b"<script>" not in checked.jpeg
    assert not Image.open(BytesIO(checked.jpeg)).getexif()


def test_what_is_seen_through_is_white() -> None:
    picture = drawn_photo().convert("RGBA")
    data = [(0, 0, 0, 0) if min(pixel[:3]) > 235 else pixel for pixel in picture.get_flattened_data()]
    picture.putdata(data)
    out = BytesIO()
    picture.save(out, "PNG")
    assert Fault.BACKGROUND not in checked_photo(out.getvalue()).faults


def test_the_face_lies_where_the_standard_wants_it() -> None:
    cut = cut_for((900, 1110), eyes=(445, 350), face_width=400)
    assert isinstance(cut, Cut)
    wide = 400 * WIDTH / cut.width
    assert FACE_WIDTH - 1 <= wide <= FACE_WIDTH + FACE_TOLERANCE
    assert HEIGHT - (350 - cut.top) * HEIGHT / cut.height >= 207
    assert cut.left >= 0
    assert cut.top >= 0
    assert cut.left + cut.width <= 900
    assert cut.top + cut.height <= 1110


@pytest.mark.parametrize(
    ("eyes", "face_width", "fault"),
    [
        ((445, 350), 150, Fault.FACE_TOO_SMALL),
        ((445, 350), 700, Fault.FACE_AT_EDGE),
        ((100, 350), 400, Fault.FACE_AT_EDGE),
    ],
)
def test_what_cannot_be_cut_is_told(eyes: tuple[float, float], face_width: float, fault: Fault) -> None:
    assert cut_for((900, 1110), eyes=eyes, face_width=face_width) == fault


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({}, []),
        ({"light": 55.0}, []),  # dark skin before a white wall
        ({"light": 55.0, "ground_light": 100.0}, [Fault.DARK, Fault.BACKGROUND]),
        ({"light": 40.0}, [Fault.DARK]),
        ({"glare_part": 0.5}, [Fault.BRIGHT]),
        ({"unevenness": 60.0}, [Fault.UNEVEN]),
        ({"tilt_degrees": -8.0, "turn": 2.0, "sharpness": 3.0}, [Fault.TILTED, Fault.TURNED, Fault.BLURRED]),
        ({"ground_colour": 60.0}, [Fault.BACKGROUND]),
    ],
)
def test_every_fault_is_told_at_once(change: dict[str, float], faults: list[Fault]) -> None:
    from dataclasses import replace

    assert list(faults_of(replace(GOOD, **change))) == faults
