"""English and French are complete: every text in the source has a French translation that keeps its placeholders."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.source_tree import ROOT
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

CATALOGUES = sorted((ROOT / "lti_tool/translations").glob("*/LC_MESSAGES/*.po"))
SOURCES = {
    ROOT / "lti_tool": [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")],
    ROOT / "templates": [("**.html", "jinja2.ext:babel_extract"), ("**.txt", "jinja2.ext:babel_extract")],
}
KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "_l": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|\{(\w*)\}")


def catalogue(path: Path) -> Catalog:
    """Read one ``.po``."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def texts_in_source() -> Iterator[tuple[str, str]]:
    """Every text marked for translation, and the file it is in."""
    for folder, methods in SOURCES.items():
        for name, _line, text, _comments, _context in extract_from_dir(folder, methods, keywords=KEYWORDS):
            yield (text if isinstance(text, str) else text[0]), f"{folder.name}/{name}"


def placeholders(text: str) -> set[str]:
    """Names a text expects to be filled in."""
    return {first or second for first, second in PLACEHOLDER.findall(text)}


def test_french_is_there() -> None:
    assert "fr" in {path.parts[-3] for path in CATALOGUES}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_no_translation_is_empty_or_fuzzy(path: Path) -> None:
    for message in catalogue(path):
        if not message.id:
            continue
        forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
        assert all(forms), f"{message.id!r} has no translation"
        assert not message.fuzzy, f"{message.id!r} is fuzzy"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_translations_keep_their_placeholders(path: Path) -> None:
    for message in catalogue(path):
        ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
        forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if not message.id:
            continue
        for form in forms:
            assert placeholders(form) <= placeholders("".join(ids)), message.id
        assert placeholders(ids[-1]) == placeholders(forms[-1]), message.id


STRAY_PERCENT = re.compile(r"%(?!\(\w+\)[sd])")


def test_a_percent_sign_in_a_template_is_doubled() -> None:
    """Templates format every text, with or without values, so a lone ``%`` breaks the page; in translations too."""
    in_templates = {text for text, place in texts_in_source() if place.endswith(".html")}
    translated = [
        form
        for path in CATALOGUES
        for message in catalogue(path)
        if message.id and (message.id if isinstance(message.id, str) else message.id[0]) in in_templates
        for form in ([message.string] if isinstance(message.string, str) else message.string)
    ]
    texts = [*in_templates, *translated]
    assert [text for text in texts if STRAY_PERCENT.search(text.replace("%%", ""))] == []


def test_every_text_in_the_source_is_in_the_french_catalogue() -> None:
    known = {
        message.id if isinstance(message.id, str) else message.id[0]
        for path in CATALOGUES
        if path.parts[-3] == "fr"
        for message in catalogue(path)
    }
    missing = sorted({f"{place}: {text!r}" for text, place in texts_in_source() if text not in known})
    assert missing == []
