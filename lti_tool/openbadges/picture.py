"""Badge pictures: a designed default as SVG, its PNG, and a safe PNG from what somebody uploaded."""

import base64
import io
import re
import warnings
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from math import cos, pi, sin
from pathlib import Path

import resvg_py
from PIL import Image, ImageFont, ImageOps, UnidentifiedImageError

from lti_tool.errors import PictureError

PICTURE_SIZE = 512
MAX_UPLOAD_BYTES = 2 * 1024 * 1024
MAX_PIXELS = 25_000_000
UPLOAD_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")

MIN_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3, for text on the accent colour."""

DEFAULT_COLOUR = "#1d4f91"
DARK = "#14213d"
PAPER = "#ffffff"
FONT_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
"""The second is an extra (Chinese, Japanese, Korean)."""

NO_CHARACTER = "\uffff"
LABEL_LINES = 2
LABEL_WIDTH = 20
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FONT = "font-family=\"'Noto Sans', 'Noto Sans Symbols', 'Noto Emoji', sans-serif\""


def default_picture(symbol: str, colour: str, label: str) -> str:
    """Return a badge as SVG text, 512 × 512: a medal in ``colour`` with ``symbol`` and a ribbon with ``label``.

    ``symbol``: one to three letters or one sign; more is cut. ``colour``: ``#rrggbb``, anything else gives the
    default; text on it is dark or white, whichever reads better, and the colour is darkened where neither reads well.
    What no installed font can write is not shown as boxes: a star stands for the symbol, the ribbon is left out.
    """
    accent = readable_accent(colour if _COLOUR.fullmatch(colour) else DEFAULT_COLOUR)
    ink = _ink(accent)
    deep = readable_accent(_mix(accent, DARK, 0.45), PAPER)
    soft = _mix(accent, PAPER, 0.35)
    lines = _wrap(label) if has_glyphs(label) else []
    ribbon = _ribbon(lines, deep) if lines else ""
    # Without a ribbon the symbol sits in the middle.
    middle = 226 if lines else 256
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512" width="512" height="512" role="img"'
        f' aria-label="{escape(_printable(label) or _printable(symbol))}">'
        f'<path d="{_hexagon(240)}" fill="{deep}" stroke="{deep}" stroke-width="24" stroke-linejoin="round"/>'
        f'<path d="{_hexagon(222)}" fill="{PAPER}" stroke="{PAPER}" stroke-width="16" stroke-linejoin="round"/>'
        f'<path d="{_hexagon(206)}" fill="{accent}" stroke="{accent}" stroke-width="16" stroke-linejoin="round"/>'
        f'<circle cx="256" cy="{middle}" r="128" fill="none" stroke="{soft}" stroke-width="6"/>'
        f'<circle cx="256" cy="{middle}" r="144" fill="none" stroke="{soft}" stroke-width="3"'
        ' stroke-dasharray="2 14" stroke-linecap="round"/>'
        f"{_mark(_shorten(symbol, 3), middle, ink)}{ribbon}</svg>"
    )


def render_png(svg: str, size: int = PICTURE_SIZE) -> bytes:
    """Return ``svg`` as a PNG ``size`` pixels wide; raises ``PictureError`` (``picture_invalid``)."""
    try:
        png = resvg_py.svg_to_bytes(
            svg_string=svg,
            width=size,
            height=size,
            skip_system_fonts=True,
            font_dirs=_font_directories(),
            sans_serif_family="Noto Sans",
        )
    except ValueError:
        raise PictureError("The picture cannot be drawn.", code="picture_invalid") from None
    return bytes(png)


def wrap_png(png: bytes) -> str:
    """Return a picture of ours as SVG text, which shows the PNG inside it: uploads have no drawing of their own."""
    content = base64.b64encode(png).decode("ascii")
    size = f'width="{PICTURE_SIZE}" height="{PICTURE_SIZE}"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' viewBox="0 0 {PICTURE_SIZE} {PICTURE_SIZE}" {size}>'
        f'<image {size} xlink:href="data:image/png;base64,{content}"/></svg>'
    )


def reencode_upload(data: bytes) -> bytes:
    """Return an uploaded picture as a 512 × 512 PNG (RGBA, padded to a square), only its pixels kept.

    Takes PNG, JPEG, WebP and GIF (first frame). Raises ``PictureError``: ``picture_too_large`` (over 2 MB or 25
    megapixels), ``picture_format`` (another format, SVG among them), ``picture_invalid`` (damaged).
    """
    if len(data) > MAX_UPLOAD_BYTES:
        raise PictureError("The picture is larger than 2 MB.", code="picture_too_large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked here
            opened = Image.open(io.BytesIO(data), formats=UPLOAD_FORMATS)
        with opened as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise PictureError("The picture has more than 25 megapixels.", code="picture_too_large")
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except Image.DecompressionBombError:
        raise PictureError("The picture has more than 25 megapixels.", code="picture_too_large") from None
    except UnidentifiedImageError:
        raise PictureError("Only PNG, JPEG, WebP and GIF can be used.", code="picture_format") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError):  # Pillow's decoders raise all of these
        raise PictureError("The picture is damaged.", code="picture_invalid") from None
    square = ImageOps.pad(upright, (PICTURE_SIZE, PICTURE_SIZE), color=(0, 0, 0, 0))
    clean = Image.new("RGBA", square.size)  # a new image has no metadata to carry over
    clean.paste(square)
    out = io.BytesIO()
    clean.save(out, "PNG", optimize=True)
    return out.getvalue()


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable_accent(colour: str, ink: str | None = None) -> str:
    """Return ``colour``, darkened only as far as text in ``ink`` (by default the better of two) needs to be read."""
    accent = colour.lower()
    while contrast(accent, ink or _ink(accent)) < MIN_CONTRAST:
        accent = _mix(accent, "#000000", 0.1)
    return accent


def has_glyphs(text: str) -> bool:
    """Return whether the installed fonts can write all of ``text``."""
    return all(_has_glyph(character) for character in set(_printable(text)) if not character.isspace())


@cache
def _font_directories() -> list[str]:
    packages = [name for name in FONT_PACKAGES if find_spec(name)]
    return [str(files(name)) for name in packages]


@cache
def _fonts() -> list[tuple[ImageFont.FreeTypeFont, bytes]]:
    """Each installed face with what it draws for a character it lacks."""
    paths = [path for directory in _font_directories() for path in sorted(Path(directory).glob("*.[ot]tf"))]
    faces = [ImageFont.truetype(str(path), 24) for path in paths]
    return [(face, bytes(face.getmask(NO_CHARACTER))) for face in faces]


@lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    return any(bytes(face.getmask(character)) != missing for face, missing in _fonts())


def _mark(symbol: str, middle: int, ink: str) -> str:
    if not symbol or not has_glyphs(symbol):
        radii = [(number, 96 if number % 2 == 0 else 40) for number in range(10)]
        points = " ".join(
            f"{256 + radius * sin(number * pi / 5):.1f},{middle - radius * cos(number * pi / 5):.1f}"
            for number, radius in radii
        )
        return f'<polygon points="{points}" fill="{ink}" stroke="{ink}" stroke-width="8" stroke-linejoin="round"/>'
    size = {1: 176, 2: 140}.get(len(symbol), 112)
    return (
        f'<text x="256" y="{middle + size * 0.36:.0f}" {_FONT} font-size="{size}" font-weight="700"'
        f' text-anchor="middle" fill="{ink}">{escape(symbol)}</text>'
    )


def _ink(accent: str) -> str:
    return PAPER if contrast(accent, PAPER) >= contrast(accent, DARK) else DARK


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mix(one: str, other: str, share: float) -> str:
    mixed = (round(a + (b - a) * share) for a, b in zip(_channels(one), _channels(other), strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _hexagon(radius: float) -> str:
    half, wide = radius / 2, radius * 0.866
    corners = [(0, -radius), (wide, -half), (wide, half), (0, radius), (-wide, half), (-wide, -half)]
    return "M" + " L".join(f"{256 + x:.1f} {256 + y:.1f}" for x, y in corners) + " Z"


def _ribbon(lines: list[str], deep: str) -> str:
    height = 40 + 38 * len(lines)
    top = 352
    widest = max(len(line) for line in lines)
    size = 32 if widest <= 16 else 27
    words = "".join(
        f'<text x="256" y="{top + 20 + 38 * number + 28}" {_FONT} font-size="{size}" font-weight="600"'
        f' text-anchor="middle" fill="{PAPER}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    fold = _mix(deep, "#000000", 0.35)
    return (
        f'<path d="M44 {top + 22} H92 V{top + height + 16} H44 L64 {top + 19 + height / 2:.0f} Z" fill="{fold}"/>'
        f'<path d="M468 {top + 22} H420 V{top + height + 16} H468 L448 {top + 19 + height / 2:.0f} Z" fill="{fold}"/>'
        f'<rect x="64" y="{top}" width="384" height="{height}" rx="10" fill="{deep}"'
        f' stroke="{PAPER}" stroke-width="4"/>{words}'
    )


def _wrap(label: str) -> list[str]:
    lines: list[str] = []
    for word in _printable(label).split():
        if lines and len(lines[-1]) + 1 + len(word) <= LABEL_WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > LABEL_LINES:
        lines = [*lines[: LABEL_LINES - 1], " ".join(lines[LABEL_LINES - 1 :])]
    return [_shorten(line, LABEL_WIDTH) for line in lines]


def _shorten(text: str, length: int) -> str:
    text = _printable(text)
    if len(text) <= length:
        return text
    return text[:length] if length <= 3 else text[: length - 1].rstrip() + "…"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text).strip()
