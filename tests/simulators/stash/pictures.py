"""The pictures: covers drawn for films, and Stash's placeholders."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5
from io import BytesIO
from random import Random
from typing import NamedTuple, Self

from PIL import Image, ImageDraw, ImageFont

_SIZE = (600, 900)
_INK = (244, 240, 228)
# Night, dusk and lamplight: two colours each, top and bottom.
_PALETTES = (
    ((18, 26, 52), (122, 54, 62)),
    ((12, 34, 40), (48, 118, 108)),
    ((38, 16, 34), (168, 92, 44)),
    ((22, 22, 26), (92, 96, 110)),
    ((10, 20, 34), (36, 92, 148)),
    ((40, 12, 14), (150, 32, 36)),
    ((26, 18, 54), (124, 84, 160)),
)
_SIGNATURES = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360"><title>{kind}</title>'
    '<rect width="640" height="360" fill="#30404d"/><path d="M280 130v100l90-50z" fill="#f5f8fa"/></svg>'
)


class Cover(NamedTuple):
    """What a drawn cover says."""

    title: str
    year: int
    studio: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is served."""

    data: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Make a picture of its bytes."""
        kind = next(
            (kind for mark, kind in _SIGNATURES if data.startswith(mark)),
            "application/octet-stream",
        )
        if data.lstrip().startswith((b"<svg", b"<?xml")):
            kind = "image/svg+xml"
        return cls(data, kind, f'"{md5(data, usedforsecurity=False).hexdigest()}"')


@lru_cache(maxsize=1)
def _portrait() -> Picture:
    """Draw the placeholder of a performer, which is a PNG."""
    image = Image.new("RGB", (200, 300), (48, 64, 77))
    draw = ImageDraw.Draw(image)
    draw.ellipse((65, 60, 135, 130), fill=(200, 206, 212))
    draw.ellipse((35, 150, 165, 380), fill=(200, 206, 212))
    stream = BytesIO()
    image.save(stream, "PNG")
    return Picture.of(stream.getvalue())


def placeholder(kind: str) -> Picture:
    """Return what is served where there is no picture."""
    if kind == "performer":
        return _portrait()
    return Picture.of(_SVG.format(kind=kind).encode())


def draw_frame(content: str) -> bytes:
    """Draw a frame of a video as a cover; the same content always gives the same bytes."""
    red, green, blue, *_ = md5(content.encode(), usedforsecurity=False).digest()
    stream = BytesIO()
    Image.new("RGB", (64, 48), (red, green, blue)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def _wrap(
    draw: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    width: int,
) -> str:
    """Break a text into lines no wider than ``width`` pixels."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and draw.textlength(longer, font=font) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def _gradient(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    """Return a picture that runs from one colour to another."""
    mask = Image.linear_gradient("L").resize(_SIZE)
    return Image.composite(
        Image.new("RGB", _SIZE, bottom), Image.new("RGB", _SIZE, top), mask
    )


@lru_cache(maxsize=128)
def draw_cover(cover: Cover) -> Picture:
    """Draw a poster; the same words always give the same bytes."""
    random = Random(f"{cover.title}{cover.year}")
    top, bottom = random.choice(_PALETTES)
    image = _gradient(top, bottom)
    glow = Image.new("L", _SIZE, 0)
    light = ImageDraw.Draw(glow)
    x, y = random.randint(120, 480), random.randint(160, 380)
    for radius in range(420, 0, -6):
        light.ellipse(
            (x - radius, y - radius, x + radius, y + radius),
            fill=int(90 * (1 - radius / 420) ** 1.6),
        )
    image.paste(Image.new("RGB", _SIZE, (255, 226, 170)), mask=glow)
    draw = ImageDraw.Draw(image)
    # A disc of light and the skyline under it: enough to tell posters apart at a glance.
    draw.ellipse((x - 70, y - 70, x + 70, y + 70), fill=(250, 232, 190))
    left = 0
    while left < _SIZE[0]:
        width = random.randint(30, 90)
        height = random.randint(40, 220)
        draw.rectangle(
            (left, 620 - height, left + width, 620),
            fill=tuple(part // 2 for part in top),
        )
        left += width
    draw.rectangle((0, 620, *_SIZE), fill=tuple(part // 3 for part in top))
    big, small = ImageFont.load_default(58), ImageFont.load_default(30)
    if len(_wrap(draw, cover.title, big, 520).splitlines()) > 2:
        big = ImageFont.load_default(44)
    draw.multiline_text(
        (40, 655), _wrap(draw, cover.title, big, 520), font=big, fill=_INK, spacing=8
    )
    draw.text((40, 845), str(cover.year), font=small, fill=(214, 196, 150))
    draw.text(
        (560, 845), cover.studio[:28], font=small, fill=(170, 170, 176), anchor="ra"
    )
    stream = BytesIO()
    image.save(stream, "JPEG", quality=88)
    return Picture.of(stream.getvalue())
