"""Files that learners hand in: what is kept, under which name, and what is refused."""

import io

import pytest
from PIL import Image

from lti_tool.errors import InvalidInputError
from lti_tool.services import uploads
from lti_tool.services.uploads import clean_upload


def picture(kind: str, size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(out, kind, **options)
    return out.getvalue()


def with_place() -> bytes:
    """A photograph that says where it was taken."""
    exif = Image.Exif()
    exif[0x010F] = "CAMERA-OF-ADA"
    exif[0x0112] = 6  # turned by 90 degrees
    return picture("JPEG", exif=exif.tobytes(), comment=b"A-COMMENT", icc_profile=b"A-PROFILE")


def test_a_photograph_is_drawn_anew_upright_without_what_it_carried() -> None:
    kept = clean_upload("My Photo.JPEG", with_place() + b"<script>hidden</script>")
    assert (kept.name, kept.media_type) == ("My Photo.jpg", "image/jpeg")
    for carried in (b"CAMERA-OF-ADA", b"A-COMMENT", b"A-PROFILE", b"hidden"):
        assert carried not in kept.content
    with Image.open(io.BytesIO(kept.content)) as drawn:
        assert drawn.size == (20, 40)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_other_pictures_become_png(kind: str) -> None:
    kept = clean_upload(f"x.{kind.lower()}", picture(kind))
    assert (kept.name, kept.media_type, kept.content[:4]) == ("x.png", "image/png", b"\x89PNG")


def test_a_picture_that_calls_itself_something_else_is_one_all_the_same() -> None:
    assert clean_upload("notes.pdf", picture("PNG")).media_type == "image/png"


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.pdf", b"%PDF-1.7 rest", "application/pdf"),
        ("a.txt", "Grüße".encode(), "text/plain"),
        ("a.csv", b"a,b\n1,2", "text/plain"),
        ("a.docx", b"PK\x03\x04rest", uploads.CONTAINERS["docx"]),
        ("a.odt", b"PK\x03\x04rest", "application/vnd.oasis.opendocument.text"),
        ("a.mp3", b"ID3rest", "audio/mpeg"),
        ("a.mp4", b"\0\0\0\x18ftypisom", "video/mp4"),
    ],
)
def test_documents_are_kept_as_they_are(name: str, content: bytes, media_type: str) -> None:
    kept = clean_upload(name, content)
    assert (kept.name, kept.media_type, kept.content) == (name, media_type, content)


REFUSED = [
    ("a.pdf", b"", "upload_empty"),
    ("a.txt", b"x" * (10 * 1024 * 1024 + 1), "upload_too_large"),
    ("a.html", b"<script>alert(1)</script>", "upload_format"),
    ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "upload_format"),
    ("a.exe", b"MZ\x90", "upload_format"),
    ("a.html", b"<!--ftypisom--><script>alert(1)</script>", "upload_format"),
    ("a.exe", b"\0\0\0\x18ftypisom", "upload_format"),
    ("photo.heic", b"\0\0\0\x18ftypheic with the place it was taken", "upload_format"),
    ("photo.mp4", b"\0\0\0\x18ftypavif", "upload_format"),
    ("a.zip", b"PK\x03\x04rest", "upload_format"),
    ("a.pdf", b"not a pdf", "upload_format"),
    ("a.txt", b"\xff\xfe\x00", "upload_format"),
    ("a.txt", b"a\0b", "upload_format"),
    ("a.png", b"\x89PNG\r\n\x1a\nrubbish", "upload_format"),
    ("a.png", picture("PNG")[:60], "upload_damaged"),
]


@pytest.mark.parametrize(("name", "content", "code"), REFUSED)
def test_what_is_refused(name: str, content: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        clean_upload(name, content)
    assert (caught.value.code, caught.value.field) == (code, "file")


def test_a_document_is_called_what_it_is() -> None:
    assert clean_upload("report.html", b"%PDF-1.7 <script>").name == "report.html.pdf"
    assert clean_upload("x" * 300 + ".html", b"%PDF-1.7").name.endswith("x.html.pdf")
    assert clean_upload("Report.PDF", b"%PDF-1.7").name == "Report.PDF"


def noise(kind: str, mode: str = "RGB", **options: object) -> bytes:
    """A picture that nothing can make small without loss."""
    image = Image.effect_noise((300, 300), 90).convert(mode)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_picture_drawn_anew_is_not_larger_than_a_file_may_be(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    sent = noise("WEBP", mode, quality=40)
    monkeypatch.setattr(uploads, "LARGEST", 2 * len(sent))
    kept = clean_upload("photo.webp", sent)
    assert (kept.name, kept.media_type) == ("photo.jpg", "image/jpeg")
    assert len(kept.content) <= 2 * len(sent)


def test_a_picture_that_stays_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = noise("WEBP", quality=1)
    monkeypatch.setattr(uploads, "LARGEST", len(sent) + 1)
    with pytest.raises(InvalidInputError) as caught:
        clean_upload("photo.webp", sent)
    assert caught.value.code == "upload_too_large"


def test_a_picture_larger_than_anybody_needs_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_PIXELS", 799)
    with pytest.raises(InvalidInputError) as caught:
        clean_upload("x.png", picture("PNG"))
    assert caught.value.code == "upload_too_large"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\Ada\\log.txt", "log.txt"),
        ("a\r\nSet-Cookie: x.txt", "a Set-Cookie_ x.txt"),
        ("txt.\u202ecod.txt", "txt.cod.txt"),
        ("x" * 300 + ".txt", "x" * 251 + ".txt"),
    ],
)
def test_names_mislead_nobody(sent: str, kept: str) -> None:
    assert clean_upload(sent, b"text").name == kept
