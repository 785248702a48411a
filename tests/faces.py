"""A face that nobody has: drawn, so that tests of photographs need no photograph of anybody.

The detector takes it for a face (a test says so). Everything a photograph can be wrong in is an option.
"""

from functools import cache
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw, ImageFilter

WHITE = (244, 245, 246)


def drawn_photo(
    size: tuple[int, int] = (900, 1110),
    *,
    head: float = 0.5,
    at: tuple[float, float] = (0.5, 0.46),
    background: tuple[int, int, int] = WHITE,
    tilt_degrees: float = 0,
    turned: float = 0,
    faces: int = 1,
    blur: float = 0,
    light: float = 1.0,
    busy: bool = False,
    lit_from_side: bool = False,
) -> Image.Image:
    """A portrait. ``head``: its width as a part of the picture's; ``at``: where its middle is; ``turned``: -1 to 1."""
    width, height = size
    picture = Image.new("RGB", size, background)
    if busy:
        _stripes(picture)
    places = [at] if faces == 1 else [(0.28, at[1]), (0.72, at[1])][:faces]
    for x, y in places:
        face = _head(int(head * width / (1 if faces == 1 else 1.6)), turned)
        face = face.rotate(tilt_degrees, Image.Resampling.BICUBIC, expand=True)
        picture.paste(face, (int(x * width - face.width / 2), int(y * height - face.height / 2)), face)
    if lit_from_side:
        shade = Image.linear_gradient("L").rotate(90).resize(size)
        picture = ImageChops.multiply(picture, Image.merge("RGB", [shade] * 3))
    if light != 1:
        picture = picture.point(lambda value: min(int(value * light), 255))
    return picture.filter(ImageFilter.GaussianBlur(blur)) if blur else picture


@cache
def drawn_file(form: str = "JPEG", **options: object) -> bytes:
    """The same as a file."""
    out = BytesIO()
    drawn_photo(**options).save(out, form, quality=92)  # type: ignore[arg-type]
    return out.getvalue()


def _stripes(picture: Image.Image) -> None:
    draw = ImageDraw.Draw(picture)
    for x in range(0, picture.width, 40):
        draw.rectangle((x, 0, x + 18, picture.height), fill=(40 + x % 150, 90, 160 - x % 90))


def _head(width: int, turned: float) -> Image.Image:
    """Head, hair, neck and shoulders on nothing, twice as wide as the head; drawn large and made smaller, so edges are soft."""
    scale = 2
    w = width * scale
    canvas = Image.new("RGBA", (2 * w, int(2.5 * w)), (0, 0, 0, 0))
    draw = ImageDraw.Draw(canvas)
    cx, cy, shift = w, int(0.95 * w), int(turned * 0.22 * w)

    def oval(x: float, y: float, rx: float, ry: float, fill: tuple[int, ...]) -> None:
        draw.ellipse((cx + (x - rx) * w, cy + (y - ry) * w, cx + (x + rx) * w, cy + (y + ry) * w), fill=fill)

    skin, dark_skin, hair, lip = (224, 180, 152, 255), (196, 148, 120, 255), (38, 28, 26, 255), (176, 88, 84, 255)
    oval(0, -0.12, 0.53, 0.66, hair)
    oval(0, 1.35, 0.95, 0.62, (60, 84, 120, 255))
    draw.rectangle((cx - 0.2 * w, cy + 0.45 * w, cx + 0.2 * w, cy + 0.85 * w), fill=dark_skin)
    for side in (-1, 1):
        oval(side * 0.49, 0.03, 0.06, 0.13, dark_skin)
    oval(0, 0, 0.47, 0.63, skin)
    draw.pieslice((cx - 0.49 * w, cy - 0.68 * w, cx + 0.49 * w, cy + 0.12 * w), 195, 345, fill=hair)
    soft = canvas.filter(ImageFilter.GaussianBlur(w * 0.012))
    canvas.paste(soft, (0, 0))
    draw = ImageDraw.Draw(canvas)
    x0 = shift / w
    for side in (-1, 1):
        x = x0 + side * 0.2
        oval(x, -0.04, 0.115, 0.075, (206, 160, 134, 255))
        oval(x, -0.03, 0.09, 0.042, (250, 250, 250, 255))
        oval(x, -0.03, 0.042, 0.042, (52, 34, 26, 255))
        oval(x + 0.012, -0.042, 0.01, 0.01, (255, 255, 255, 255))
        draw.arc((cx + (x - 0.1) * w, cy - 0.09 * w, cx + (x + 0.1) * w, cy + 0.03 * w), 190, 350, hair, int(0.018 * w))
        draw.arc((cx + (x - 0.13) * w, cy - 0.2 * w, cx + (x + 0.13) * w, cy + 0.0 * w), 205, 335, hair, int(0.03 * w))
    oval(x0 * 1.3, 0.16, 0.075, 0.05, dark_skin)
    oval(x0 * 1.3, 0.13, 0.05, 0.06, skin)
    for side in (-1, 1):
        oval(x0 * 1.3 + side * 0.04, 0.185, 0.018, 0.012, (120, 72, 60, 255))
    draw.line(
        (cx + (x0 * 1.3 - 0.03) * w, cy - 0.02 * w, cx + (x0 * 1.3 - 0.045) * w, cy + 0.13 * w),
        dark_skin,
        int(0.016 * w),
    )
    oval(x0, 0.36, 0.15, 0.045, lip)
    draw.line(
        (cx + (x0 - 0.15) * w, cy + 0.36 * w, cx + (x0 + 0.15) * w, cy + 0.36 * w), (120, 50, 50, 255), int(0.012 * w)
    )
    canvas = canvas.filter(ImageFilter.GaussianBlur(w * 0.004))
    return canvas.resize((2 * width, int(2.5 * width)), Image.Resampling.LANCZOS)
