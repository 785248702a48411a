"""What a photograph for the card must be, and what is wrong with one, from what was measured in it.

Pure: no I/O, no pictures, no framework. Sizes in pixels, brightness 0 to 255. Source of size and place: GA 461-2004, the
photograph of the identity card, which the social security card shares (358 × 441; face 207 ± 14 wide; eyes at least 207 above the
lower edge; plain white ground). Where the standard gives no figure, the limit is an assumption and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

WIDTH, HEIGHT = 358, 441
FACE_WIDTH, FACE_TOLERANCE = 207, 14
EYES_ABOVE_EDGE_MIN, EYES_ABOVE_EDGE = 207, 262
"""The second: where we put them, so that the hair keeps 7 to 21 pixels to the upper edge. Source: assumption."""

ENLARGED_MAX = 1.35
"""How far a picture may be enlarged to the card's size before it looks it. Source: assumption."""
TILT_DEGREES_MAX = 7.0
TURN_MAX = 1.75
"""Nose to the one eye against nose to the other; straight ahead is 1. Source: assumption."""
GROUND_SPREAD_MAX, GROUND_LIGHT_MIN, GROUND_COLOUR_MAX = 24.0, 140.0, 40.0
"""Of what is beside the head: distance of most of it from its usual colour, lightness and colour of that.

A white wall in a room is grey in a picture. Source: assumption."""
SHARPNESS_MIN = 10.0
"""Variance of the Laplacian over the face at the card's size. Source: assumption, from pictures blurred on purpose."""
DARK_MAX, DIM_MAX, DIM_GROUND_MAX = 45.0, 75.0, 120.0
"""A face this dark, or one less dark before a dark ground: dark skin before a white wall is no fault. Source: assumption."""
BRIGHT_MIN, GLARE_PART_MAX, UNEVEN_MAX = 225.0, 0.35, 45.0
"""Mean of the face; part of it that is burnt out; difference of its halves. Source: assumption."""


class Fault(StrEnum):
    """What is wrong with a photograph, in the order of looking."""

    TOO_LARGE = "too_large"
    HEIC = "heic"
    NOT_A_PICTURE = "not_a_picture"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_FEW_PIXELS = "too_few_pixels"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    FACE_TOO_SMALL = "face_too_small"
    FACE_AT_EDGE = "face_at_edge"
    TILTED = "tilted"
    TURNED = "turned"
    DARK = "dark"
    BRIGHT = "bright"
    UNEVEN = "uneven"
    BLURRED = "blurred"
    BACKGROUND = "background"


CANNOT_BE_USED = frozenset(
    {
        Fault.TOO_LARGE,
        Fault.HEIC,
        Fault.NOT_A_PICTURE,
        Fault.TOO_MANY_PIXELS,
        Fault.TOO_FEW_PIXELS,
        Fault.NO_FACE,
        Fault.SEVERAL_FACES,
        Fault.FACE_TOO_SMALL,
        Fault.FACE_AT_EDGE,
    }
)
"""With the others a holder may insist: a machine's measure must shut nobody out, and people see the picture at the hand-over."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One face in a picture, cut out as on the card. ``turn``: at least 1; ``ground``: what is beside the head."""

    tilt_degrees: float
    turn: float
    light: float
    glare_part: float
    unevenness: float
    sharpness: float
    ground_spread: float
    ground_light: float
    ground_colour: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of a picture becomes the card's, in its pixels."""

    left: float
    top: float
    width: float
    height: float


def cut_for(picture: tuple[int, int], *, eyes: tuple[float, float], face_width: float) -> Cut | Fault:
    """Where to cut, so that face and eyes lie where the standard wants them; or why it cannot be done.

    ``eyes``: the middle between them. The face may come out as wide as the standard allows at most, and the cut may give way by a
    twentieth to the side and a tenth up or down, where the picture ends.
    """
    if face_width * ENLARGED_MAX < FACE_WIDTH:
        return Fault.FACE_TOO_SMALL
    for wide in range(FACE_WIDTH, FACE_WIDTH + FACE_TOLERANCE + 1, 7):
        scale = face_width / wide
        width, height = WIDTH * scale, HEIGHT * scale
        left, top = eyes[0] - width / 2, eyes[1] - (HEIGHT - EYES_ABOVE_EDGE) * scale
        fitted = Cut(_within(left, width, picture[0]), _within(top, height, picture[1]), width, height)
        fits = width <= picture[0] and height <= picture[1]
        if fits and abs(fitted.left - left) <= width / 20 and abs(fitted.top - top) <= height / 10:
            return fitted
    return Fault.FACE_AT_EDGE


def _within(start: float, length: float, whole: int) -> float:
    return min(max(start, 0.0), max(whole - length, 0.0))


def faults_of(measured: Measured) -> Sequence[Fault]:
    """Everything that is wrong, so that one new picture can be right."""
    m = measured
    found = {
        Fault.TILTED: abs(m.tilt_degrees) > TILT_DEGREES_MAX,
        Fault.TURNED: m.turn > TURN_MAX,
        Fault.DARK: m.light < DARK_MAX or (m.light < DIM_MAX and m.ground_light < DIM_GROUND_MAX),
        Fault.BRIGHT: m.light > BRIGHT_MIN or m.glare_part > GLARE_PART_MAX,
        Fault.UNEVEN: m.unevenness > UNEVEN_MAX,
        Fault.BLURRED: m.sharpness < SHARPNESS_MIN,
        Fault.BACKGROUND: m.ground_spread > GROUND_SPREAD_MAX
        or m.ground_light < GROUND_LIGHT_MIN
        or m.ground_colour > GROUND_COLOUR_MAX,
    }
    return [fault for fault, is_there in found.items() if is_there]
