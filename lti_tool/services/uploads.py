"""Files that learners hand in: kept only in forms this tool knows, pictures drawn anew so that only pixels remain.

The kind of a file is read from its content; its name decides only between formats that share a container.
"""

import io
import re
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from lti_tool.characters import one_line
from lti_tool.errors import InvalidInputError

MEGABYTE = 1024 * 1024
LARGEST = 10 * MEGABYTE
MOST_PIXELS = 25_000_000
"""A picture is held in memory three times while it is drawn anew, at up to four bytes a pixel."""
NAME_LENGTH = 255
PICTURES = ("PNG", "JPEG", "WEBP", "GIF")
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
CONTAINERS = {
    "docx": f"{_OPEN_XML}wordprocessingml.document",
    "xlsx": f"{_OPEN_XML}spreadsheetml.sheet",
    "pptx": f"{_OPEN_XML}presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
}
TEXTS = {"txt", "md", "csv"}
FILMS = {"mp4", "m4v", "m4a", "mov"}
STILLS = {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}
"""Pictures in the same container; they are not drawn anew here, so they would keep where they were taken."""
PDF = "application/pdf"
ACCEPTED = ".pdf,.png,.jpg,.jpeg,.webp,.gif,.mp3,.mp4,.m4a," + ",".join(
    f".{one}" for one in [*CONTAINERS, *sorted(TEXTS)]
)
"""For the ``accept`` attribute of a file field."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it is kept."""

    name: str
    media_type: str
    content: bytes


def clean_upload(name: str, content: bytes) -> Upload:
    """Return the file as it may be kept.

    Raises ``InvalidInputError`` (``field`` is ``file``): ``upload_empty``, ``upload_too_large``, ``upload_format``,
    ``upload_damaged``.
    """
    if not content:
        raise _refused("empty", "The file is empty.")
    if len(content) > LARGEST:
        raise _refused("too_large", "The file is larger than 10 MB.")
    name = _safe_name(name)
    stem, _, ending = name.rpartition(".")
    kind = _kind(content, ending.lower())
    if kind != "picture":
        # Only a PDF is known by its content alone: whatever opens "report.html" would run it.
        is_called_so = kind != PDF or ending.lower() == "pdf"
        return Upload(name if is_called_so else f"{name}.pdf"[-NAME_LENGTH:], kind, content)
    picture, media_type, drawn_ending = _drawn_anew(content)
    return Upload(f"{stem or name}.{drawn_ending}"[-NAME_LENGTH:], media_type, picture)


def _kind(content: bytes, ending: str) -> str:
    if content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")) or (content[:4], content[8:12]) == (b"RIFF", b"WEBP"):
        return "picture"
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"PK\x03\x04") and ending in CONTAINERS:
        return CONTAINERS[ending]
    if content[4:8] == b"ftyp" and ending in FILMS and content[8:12] not in STILLS:
        return "audio/mp4" if ending == "m4a" else "video/mp4"
    if ending == "mp3" and (content.startswith(b"ID3") or content[0] == 0xFF):
        return "audio/mpeg"
    if ending in TEXTS and _is_text(content):
        return "text/plain"
    raise _refused("format", "Files of this kind cannot be handed in.")


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _drawn_anew(content: bytes) -> tuple[bytes, str, str]:
    """Return a picture without metadata or anything that hides behind it: JPEG for photographs and for what is too
    large otherwise, else PNG."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked here
            opened = Image.open(io.BytesIO(content), formats=PICTURES)
        with opened as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise _refused("too_large", "The picture has more than 25 megapixels.")
            is_photograph = picture.format == "JPEG"
            upright = ImageOps.exif_transpose(picture).convert("RGB" if is_photograph else "RGBA")
    except Image.DecompressionBombError:
        raise _refused("too_large", "The picture has more than 25 megapixels.") from None
    except UnidentifiedImageError:
        raise _refused("format", "Files of this kind cannot be handed in.") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError):  # Pillow's decoders raise all of these
        raise _refused("damaged", "The picture is damaged.") from None
    clean = Image.new(upright.mode, upright.size)  # a new image has no metadata to carry over
    clean.paste(upright)
    if not is_photograph:
        drawn = _saved(clean, "PNG")
        if len(drawn) <= LARGEST:
            return drawn, "image/png", "png"
        paper = Image.new("RGB", clean.size, "white")
        paper.paste(clean, mask=clean)
        clean = paper
    drawn = _saved(clean, "JPEG", quality=88)
    if len(drawn) > LARGEST:
        raise _refused("too_large", "The picture is larger than 10 MB.")
    return drawn, "image/jpeg", "jpg"


def _saved(picture: Image.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _safe_name(name: str) -> str:
    """The last part of whatever a browser calls the file, without what could mislead."""
    plain = re.sub(r'[<>:"|?*]', "_", one_line(re.split(r"[/\\]", name)[-1])).strip(". ")
    return plain[-NAME_LENGTH:] or "file"


def _refused(code: str, fact: str) -> InvalidInputError:
    return InvalidInputError(fact, code=f"upload_{code}", field="file")
