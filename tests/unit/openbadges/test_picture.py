import io
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image, ImageChops, PngImagePlugin

from lti_tool.errors import PictureError
from lti_tool.openbadges import picture

SVG_TEXT = "{http://www.w3.org/2000/svg}text"


def opened(data):
    return Image.open(io.BytesIO(data))


def pixels_of(svg):
    with opened(picture.render_png(svg, 256)) as drawn:
        return drawn.convert("RGBA")


def ink_of(svg):
    """The pixels that the texts of ``svg`` change."""
    root = ElementTree.fromstring(svg)
    for text in root.findall(SVG_TEXT):
        text.text = ""
    silent = ElementTree.tostring(root, encoding="unicode")
    difference = ImageChops.difference(pixels_of(svg).convert("RGB"), pixels_of(silent).convert("RGB"))
    return sum(1 for value in difference.convert("L").tobytes() if value > 40)


def upload(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def code_of(data):
    with pytest.raises(PictureError) as refusal:
        picture.reencode_upload(data)
    return refusal.value.code


@pytest.mark.parametrize(
    ("symbol", "label"),
    [("AQ", ""), ("", "Aquaponics"), ("Я", "Хімія води"), ("ش", "كيمياء الماء"), ("כ", "כימיה"), ("🏆", "Prize")],
)
def test_the_text_leaves_ink(symbol, label):
    assert ink_of(picture.default_picture(symbol, "#1d4f91", label)) > 150


def test_what_no_font_can_write_is_not_drawn_as_boxes():
    assert not picture.has_glyphs("\U00012000")  # cuneiform
    svg = picture.default_picture("\U00012000", "#1d4f91", "\U00012000")
    assert "<polygon" in svg
    assert "<text" not in svg
    assert 'aria-label="\U00012000"' in svg


def test_the_picture_is_the_size_it_says_and_transparent_around():
    with opened(picture.render_png(picture.default_picture("AQ", "#1d4f91", "Aquaponics"))) as drawn:
        assert drawn.size == (512, 512)
        assert drawn.convert("RGBA").getpixel((2, 2))[3] == 0
        assert drawn.convert("RGBA").getpixel((256, 60)) == (0x1D, 0x4F, 0x91, 255)


@pytest.mark.parametrize("colour", ["#ffffff", "#000000", "#f2c400", "#777777", "#ff0000", "#00897b", "#1d4f91"])
def test_text_on_the_accent_can_be_read(colour):
    accent = picture.readable_accent(colour)
    assert max(picture.contrast(accent, picture.PAPER), picture.contrast(accent, picture.DARK)) >= 4.5
    svg = ElementTree.fromstring(picture.default_picture("A", colour, "Label"))
    symbol, label = svg.findall(SVG_TEXT)
    ribbon = svg.find("{http://www.w3.org/2000/svg}rect")
    assert picture.contrast(accent, symbol.get("fill")) >= 4.5
    assert picture.contrast(ribbon.get("fill"), label.get("fill")) >= 4.5


def test_a_readable_colour_is_kept():
    assert picture.readable_accent("#1D4F91") == "#1d4f91"


def test_contrast_is_the_one_of_wcag():
    assert picture.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert picture.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colour", ["", "red", "#fff", '#000"/><script>', "#12345g"])
def test_a_colour_of_another_form_gives_the_default(colour):
    assert picture.default_picture("A", colour, "L") == picture.default_picture("A", picture.DEFAULT_COLOUR, "L")


def test_texts_are_escaped_and_cut():
    svg = picture.default_picture("<b>&", "#1d4f91", 'A "quoted" <script>alert(1)</script> label that goes on & on\x00')
    texts = [text.text for text in ElementTree.fromstring(svg).findall(SVG_TEXT)]
    assert texts[0] == "<b>"
    assert texts[1:] == ['A "quoted"', "<script>alert(1)</s…"]
    assert "<script" not in svg


def test_what_is_not_svg_cannot_be_drawn():
    with pytest.raises(PictureError) as refusal:
        picture.render_png("<svg")
    assert refusal.value.code == "picture_invalid"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_uploads_become_square_png(kind):
    png = picture.reencode_upload(upload(Image.new("RGB", (300, 100), "#cc0000"), kind))
    with opened(png) as clean:
        assert (clean.format, clean.mode, clean.size) == ("PNG", "RGBA", (512, 512))
        red, green, _, alpha = clean.getpixel((256, 256))
        assert alpha == 255
        assert red > 190
        assert green < 20
        assert clean.getpixel((256, 10))[3] == 0


def test_metadata_is_left_behind():
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("openbadgecredential", "somebody else's")
    exif = Image.Exif()
    exif[0x8298] = "GPS of a home"
    source = upload(Image.new("RGBA", (64, 64), "#00ff00"), "PNG", pnginfo=texts, exif=exif, icc_profile=b"profile")
    assert b"somebody" in source
    clean = picture.reencode_upload(source)
    with opened(clean) as found:
        found.load()
        assert found.info == {}
    for trace in (b"somebody", b"GPS", b"iCCP", b"eXIf", b"iTXt"):
        assert trace not in clean


def test_a_photo_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    with opened(picture.reencode_upload(upload(Image.new("RGB", (300, 100), "#cc0000"), "JPEG", exif=exif))) as clean:
        assert clean.getpixel((256, 10))[3] == 255
        assert clean.getpixel((10, 256))[3] == 0


def test_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("#0000ff", "#ff0000")]
    data = upload(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with opened(picture.reencode_upload(data)) as clean:
        assert clean.getpixel((256, 256))[2] > 200


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "picture_format"),
        (b"hello", "picture_format"),
        (b"%PDF-1.7", "picture_format"),
        (picture.default_picture("A", "#1d4f91", "L").encode(), "picture_format"),
        (upload(Image.new("RGB", (9, 9)), "BMP"), "picture_format"),
        (upload(Image.new("RGB", (9, 9)), "TIFF"), "picture_format"),
        (upload(Image.effect_noise((64, 64), 90), "PNG")[:900], "picture_invalid"),
        (upload(Image.effect_noise((64, 64), 90), "JPEG")[:300], "picture_invalid"),
        (b"x" * (2 * 1024 * 1024 + 1), "picture_too_large"),
        (upload(Image.new("1", (5001, 5000)), "PNG"), "picture_too_large"),
        (upload(Image.new("1", (20_000, 10_000)), "PNG"), "picture_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[:8]!r}",
)
def test_uploads_that_are_refused(data, code):
    assert code_of(data) == code


def test_a_png_wrapped_as_svg_draws_the_same():
    png = picture.render_png(picture.default_picture("AQ", "#1d4f91", "Aquaponics"))
    wrapped = picture.wrap_png(png)
    with opened(picture.render_png(wrapped)) as drawn, opened(png) as original:
        assert drawn.size == original.size == (512, 512)
        difference = ImageChops.difference(drawn.convert("RGB"), original.convert("RGB"))
        assert max(band[1] for band in difference.getextrema()) <= 1
