"""What is left of the English in a French page: texts of the source that have a translation and were not translated."""

import re
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

CATALOGUE = Path(__file__).resolve().parents[1] / "lti_tool/translations/fr/LC_MESSAGES/messages.po"
FRENCH = {"Accept-Language": "fr-CA,fr;q=0.9,en;q=0.5"}
SPOKEN = {"alt", "title", "aria-label", "data-label", "placeholder"}
PLACEHOLDER = re.compile(r"%\(\w+\)s")
_WORD = re.compile(r"[A-Za-z]{2,}")
FEW_WORDS = 2
"""So short a text is English only where it stands alone: names and titles may contain it."""


class _Texts(HTMLParser):
    """Collects what is read or read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style"}
        self.found += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.found.append(" ".join(data.split(" ")).strip())


@cache
def catalogue() -> Catalog:
    """The French catalogue, as written."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="fr")


@dataclass(frozen=True, slots=True)
class English:
    """One text of the source: ``pattern`` has anything for its values, ``core`` is its longest part without any."""

    text: str
    core: str
    pattern: re.Pattern[str]
    is_short: bool


@cache
def english() -> tuple[English, ...]:
    """Every English text that differs in French."""
    found = []
    for message in catalogue():
        texts = message.id if isinstance(message.id, tuple) else (message.id,)
        french = message.string if isinstance(message.string, tuple) else (message.string,)
        for text in set(texts) - set(french):
            parts = PLACEHOLDER.split(text.replace("%%", "%"))
            if words := len(_WORD.findall(" ".join(parts))):
                pattern = re.compile(".+?".join(map(re.escape, parts)))
                found.append(English(text, max(parts, key=len), pattern, words <= FEW_WORDS))
    return tuple(found)


def texts_of(page: str) -> list[str]:
    """Every text of a page, in order."""
    parser = _Texts()
    parser.feed(page)
    return parser.found


def left_in_english(*texts: str) -> list[str]:
    """Return the English texts of the source that can be read in these; long ones anywhere, short ones alone."""
    together = "\n".join(texts)
    return [
        one.text
        for one in english()
        if one.core in together
        and (any(map(one.pattern.fullmatch, texts)) if one.is_short else one.pattern.search(together))
    ]
