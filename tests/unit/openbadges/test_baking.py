import io
import json
import struct
import zlib

import pytest
from PIL import Image

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges import baking
from lti_tool.openbadges.picture import default_picture, render_png

JSON_TEXT = '{"name": "Ñandú ]]> <b> & \\" 水"}'
NS, SVG_NS = "https://purl.imsglobal.org/ob/v3p0", "http://www.w3.org/2000/svg"
JWS = "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>'


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(png, extra):
    return png[:-12] + extra + png[-12:]


def code_of(function, *arguments):
    with pytest.raises(CredentialInvalidError) as refusal:
        function(*arguments)
    return refusal.value.code


@pytest.fixture(scope="module")
def png():
    out = io.BytesIO()
    Image.linear_gradient("L").save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("text", [JSON_TEXT, JWS])
def test_png_round_trip_leaves_the_pixels_alone(png, text):
    baked = baking.bake_png(png, text)
    assert baking.unbake_png(baked) == text
    assert baking.unbake_png(png) is None
    with Image.open(io.BytesIO(baked)) as picture, Image.open(io.BytesIO(png)) as original:
        assert picture.tobytes() == original.tobytes()
        assert picture.text["openbadgecredential"] == text  # another reader finds the same


def test_png_holds_one_uncompressed_chunk_before_the_end(png):
    baked = baking.bake_png(baking.bake_png(png, JWS), JSON_TEXT)
    assert baked.count(b"openbadgecredential") == 1
    assert baked == with_chunk(png, chunk(b"iTXt", b"openbadgecredential\0\0\0\0\0" + JSON_TEXT.encode()))


def test_png_keeps_other_texts_and_drops_what_follows_the_end(png):
    other = chunk(b"iTXt", b"openbadges\0\0\0\0\0https://old.example/assertion")
    baked = baking.bake_png(with_chunk(png, other) + b"appended", JWS)
    assert other in baked
    assert baked.endswith(png[-12:])


def test_png_with_language_and_translated_keyword_is_read(png):
    labelled = chunk(b"iTXt", b"openbadgecredential\0\0\0en\0badge\0" + JWS.encode())
    assert baking.unbake_png(with_chunk(png, labelled)) == JWS


@pytest.mark.parametrize(
    "content",
    [
        b"openbadgecredential\0\x01\0\0\0" + zlib.compress(JWS.encode()),
        b"openbadgecredential\0",
        b"openbadgecredential\0\0\0",
        b"openbadgecredential\0\0\0en\0",
        b"openbadgecredential\0\0\0\0\0\xff\xfe",
        b"openbadgecredential\0\0\0\0\0" + b"x" * (1024 * 1024 + 1),
    ],
)
def test_png_with_an_unreadable_credential(png, content):
    assert code_of(baking.unbake_png, with_chunk(png, chunk(b"iTXt", content))) == "picture_unreadable"


def test_png_with_two_credentials_is_ambiguous(png):
    twice = with_chunk(baking.bake_png(png, JWS), chunk(b"iTXt", b"openbadgecredential\0\0\0\0\0{}"))
    assert code_of(baking.unbake_png, twice) == "picture_ambiguous"
    assert baking.unbake_png(baking.bake_png(twice, JSON_TEXT)) == JSON_TEXT


def test_damaged_png_is_refused_wherever_it_is_cut_or_flipped(png):
    baked = baking.bake_png(png, JWS)
    for length in (*range(0, 60), len(baked) - 12, len(baked) - 1):
        assert code_of(baking.unbake_png, baked[:length]) == "picture_unreadable", length
    for place in (1, 17, 40, len(baked) - 30, len(baked) - 2):
        flipped = baked[:place] + bytes([baked[place] ^ 1]) + baked[place + 1 :]
        assert code_of(baking.bake_png, flipped, JWS) == "picture_unreadable", place


def test_png_must_begin_with_its_header_and_end(png):
    headless = baking.PNG_SIGNATURE + chunk(b"tEXt", b"a\0b") + png[8:]
    assert code_of(baking.unbake_png, headless) == "picture_unreadable"
    endless = png[:-12] + chunk(b"tEXt", b"a\0b") * 10_001 + png[-12:]
    assert code_of(baking.unbake_png, endless) == "picture_unreadable"
    claims = baking.PNG_SIGNATURE + b"\xff\xff\xff\xffIHDR" + b"0" * 30
    assert code_of(baking.unbake_png, claims) == "picture_unreadable"


def test_sizes_are_limited(png, monkeypatch):
    assert code_of(baking.bake_png, png, "x" * (1024 * 1024 + 1)) == "picture_unreadable"
    assert code_of(baking.bake_svg, SVG, "x" * (1024 * 1024 + 1)) == "picture_unreadable"
    monkeypatch.setattr(baking, "MAX_PICTURE_BYTES", 20)
    assert code_of(baking.unbake_png, png) == "picture_unreadable"
    assert code_of(baking.unbake_svg, SVG) == "picture_unreadable"


@pytest.mark.parametrize(
    "svg",
    [
        SVG,
        '<svg xmlns="http://www.w3.org/2000/svg"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" />',
        '<?xml version="1.0"?>\n<!-- <svg> --><s:svg a="x>y" xmlns:s="http://www.w3.org/2000/svg"\n><s:g/></s:svg>',
        f'<svg xmlns="{SVG_NS}" xmlns:openbadges="{NS}"><openbadges:credential verify="a"/></svg>',
        f'<svg xmlns="{SVG_NS}"><g><credential xmlns="{NS}">{{}}</credential></g></svg>',
        default_picture("AQ", "#1d4f91", "Aquaponics"),
    ],
)
@pytest.mark.parametrize("text", [JSON_TEXT, JWS])
def test_svg_round_trip(svg, text):
    baked = baking.bake_svg(svg, text)
    assert baking.unbake_svg(baked) == baking.unbake_svg(baked.encode()) == text
    assert baking.unbake_svg(baking.bake_svg(baked, '{"a":1}')) == '{"a":1}'
    assert baked.count("xmlns:openbadges=") == 1


def test_replacing_a_credential_takes_nothing_else_away():
    for old in ('<openbadges:credential verify="a"/>', "<openbadges:credential>b</openbadges:credential>"):
        head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="{NS}"><a/>'
        baked = baking.bake_svg(f"{head}{old}<g/>{'</svg>'}", JWS)
        assert baked.endswith("<a/><g/></svg>")


def test_svg_form_of_the_standard():
    head = f'<svg xmlns:openbadges="{NS}" xmlns="http://www.w3.org/2000/svg">'
    tail = "<g/></svg>"
    assert baking.bake_svg(SVG, '{"a":1}') == (
        head + '<openbadges:credential><![CDATA[{"a":1}]]></openbadges:credential>' + tail
    )
    assert baking.bake_svg(SVG, JWS) == head + f'<openbadges:credential verify="{JWS}"></openbadges:credential>' + tail


def test_a_baked_svg_still_draws_the_same():
    svg = default_picture("AQ", "#1d4f91", "Aquaponics")
    assert render_png(baking.bake_svg(svg, JSON_TEXT)) == render_png(svg)


def test_svg_without_a_credential():
    assert baking.unbake_svg(SVG) is None
    empty = baking.bake_svg(SVG, "{}").replace("<![CDATA[{}]]>", " ")
    assert baking.unbake_svg(empty) is None


@pytest.mark.parametrize(
    "svg",
    [
        "",
        "<svg>",
        "<svg/>",
        "<html xmlns='http://www.w3.org/1999/xhtml'/>",
        '<svg xmlns="http://www.w3.org/2000/svg"><openbadges:credential/></svg>',
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        '<!DOCTYPE svg SYSTEM "file:///etc/passwd"><svg xmlns="http://www.w3.org/2000/svg"/>',
        '<svg xmlns="http://www.w3.org/2000/svg"/>trailing',
    ],
)
def test_hostile_or_foreign_svg_is_refused(svg):
    assert code_of(baking.unbake_svg, svg) == "picture_unreadable"
    assert code_of(baking.bake_svg, svg, JWS) == "picture_unreadable"


def test_svg_in_another_encoding_is_refused():
    assert code_of(baking.unbake_svg, SVG.encode("utf-16")) == "picture_unreadable"


def test_svg_with_two_credentials_is_ambiguous():
    twice = baking.bake_svg(SVG, JWS).replace("<g/>", "<openbadges:credential verify='x'/><g/>")
    assert code_of(baking.unbake_svg, twice) == "picture_ambiguous"


def test_a_signed_credential_survives_both_pictures(signed, png):
    text = json.dumps(signed)
    assert json.loads(baking.unbake_png(baking.bake_png(png, text))) == signed
    assert json.loads(baking.unbake_svg(baking.bake_svg(SVG, text))) == signed


# -- both standards ---------------------------------------------------------------------------------------------------


def test_a_picture_carries_the_badge_of_each_standard(png):
    both = baking.bake_png(baking.bake_png(png, JSON_TEXT), JWS, baking.V2)
    assert (baking.unbake_png(both), baking.unbake_png(both, baking.V2)) == (JSON_TEXT, JWS)
    assert both == with_chunk(baking.bake_png(png, JSON_TEXT), chunk(b"iTXt", b"openbadges\0\0\0\0\0" + JWS.encode()))
    again = baking.bake_png(both, "{}", baking.V2)
    assert (baking.unbake_png(again), baking.unbake_png(again, baking.V2)) == (JSON_TEXT, "{}")


@pytest.mark.parametrize("first", [baking.V2, baking.V3])
def test_an_svg_carries_the_badge_of_each_standard(first):
    second = baking.V3 if first is baking.V2 else baking.V2
    both = baking.bake_svg(baking.bake_svg(SVG, JSON_TEXT, first), JWS, second)
    assert (baking.unbake_svg(both, first), baking.unbake_svg(both, second)) == (JSON_TEXT, JWS)
    again = baking.bake_svg(baking.bake_svg(both, '{"a":1}', second), '{"b":1}', first)
    assert (baking.unbake_svg(again, second), baking.unbake_svg(again, first)) == ('{"a":1}', '{"b":1}')
    assert render_png(again) == render_png(SVG)


def test_svg_form_of_open_badges_2():
    url = "https://badges.example/credentials/1.ob2.json?a=1&b=2"
    head = f'<svg xmlns:openbadges="http://openbadges.org" xmlns="{SVG_NS}">'
    hosted = baking.bake_svg(SVG, '{"a":1}', baking.V2, verify=url)
    escaped = url.replace("&", "&amp;")
    element = f'<openbadges:assertion verify="{escaped}"><![CDATA[{{"a":1}}]]></openbadges:assertion>'
    assert hosted == f"{head}{element}<g/></svg>"
    assert baking.unbake_svg(hosted, baking.V2) == '{"a":1}'
    signed = baking.bake_svg(SVG, JWS, baking.V2)
    assert signed == f'{head}<openbadges:assertion verify="{JWS}"></openbadges:assertion><g/></svg>'
    assert baking.unbake_svg(signed, baking.V2) == JWS


def test_an_old_svg_with_an_address_alone_is_read():
    url = "https://badges.example/1"
    old = f'<svg xmlns="{SVG_NS}" xmlns:ob="http://openbadges.org"><ob:assertion verify="{url}"/></svg>'
    assert (baking.unbake_svg(old, baking.V2), baking.unbake_svg(old)) == (url, None)
