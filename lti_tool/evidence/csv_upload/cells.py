"""Cells of grades: numbers with either decimal sign, percents, letters; what cannot be told apart is refused."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from lti_tool.characters import one_line
from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.csv_upload.layout import Grade, GradeColumn, Scale

NOT_A_GRADE = "not_a_grade"
NUMBER_UNCLEAR = "number_unclear"
MAX_TITLE = 1_000

_SPACES = dict.fromkeys(map(ord, " \u00a0\u202f\u2009'\u2019"))
_PLAIN = re.compile(r"[-\u2212]?\d{1,12}")
_POINT = re.compile(r"[-\u2212]?\d{1,12}\.\d{1,10}")
_COMMA = re.compile(r"[-\u2212]?\d{1,12},\d{1,10}")
_GROUPED = re.compile(r"[-\u2212]?\d{1,3}(,\d{3})+(\.\d{1,10})?")
_LETTER = re.compile(r"[^\W\d_][\w +\-\u2013/.()'\u2019]{0,31}")


def plain(text: str) -> str:
    """Return a title as titles are compared: one form, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").split())


def title(text: str) -> str:
    """Return a title as it is shown."""
    return one_line(text)[:MAX_TITLE]


def is_decimal_comma(cells: Iterable[str]) -> bool | None:
    """Whether numbers in these cells have a decimal comma; ``None`` where none of them tells.

    ``1,234`` tells nothing: it may be a thousand and more.
    """
    for cell in cells:
        text = _bare(cell)
        if _COMMA.fullmatch(text) and not _GROUPED.fullmatch(text):
            return True
        if _POINT.fullmatch(text):
            return False
    return None


def read_number(cell: str, decimal: str) -> Decimal | None:
    """Return the number in a cell, exactly, by the file's decimal sign; ``None`` where it is none or another sign's.

    Raises ``ValueError`` where it is a number that can be read in two ways.
    """
    text = _bare(cell)
    if _PLAIN.fullmatch(text):
        return Decimal(text.replace("\u2212", "-"))
    if decimal == "." and _POINT.fullmatch(text):
        return Decimal(text.replace("\u2212", "-"))
    if decimal == "," and _COMMA.fullmatch(text):
        return Decimal(text.replace("\u2212", "-").replace(",", "."))
    if decimal == "." and _GROUPED.fullmatch(text) and "." in text:
        return Decimal(text.replace("\u2212", "-").replace(",", ""))
    if _POINT.fullmatch(text) or _COMMA.fullmatch(text) or _GROUPED.fullmatch(text):
        raise ValueError(text)
    return None


def _bare(cell: str) -> str:
    return cell.translate(_SPACES).removesuffix("%")


def read_grade(column: GradeColumn, cell: str, decimal: str, *, ungraded: frozenset[str] = frozenset()) -> Grade | str:
    """Return what a cell says, or the code of why it says nothing that can be used.

    An empty cell, and one of ``ungraded``, is not graded, which is not zero.
    """
    text = cell.strip()
    if not text or text.casefold() in ungraded:
        return Grade(EvidenceState.UNGRADED, maximum=column.maximum)
    if len(text) > 64:
        return NOT_A_GRADE
    if column.scale is not Scale.LETTER:
        try:
            number = read_number(text, decimal)
        except ValueError:
            return NUMBER_UNCLEAR
        if number is not None:
            return Grade(EvidenceState.GRADED, number, column.maximum)
    return read_letter(text, column.maximum, may_be_number=column.scale is Scale.LETTER)


def read_letter(text: str, maximum: Decimal | None, *, may_be_number: bool = False) -> Grade | str:
    """Return a grade by letter or word (``A-``, ``Très bien``; in columns of letters also ``4.0``), or a code."""
    is_word = _LETTER.fullmatch(text) is not None
    if not is_word and not (may_be_number and (_PLAIN.fullmatch(text) or _POINT.fullmatch(text))):
        return NOT_A_GRADE
    return Grade(EvidenceState.GRADED, maximum=maximum, letter=text[:32])


def read_maximum(text: str | None) -> Decimal | None:
    """Return a maximum of a header, whatever its decimal sign; ``None`` where there is none."""
    bare = _bare(text or "")
    if _GROUPED.fullmatch(bare):  # 1,234.50 is told apart from a decimal comma; 1,234 is not
        bare = bare.replace(",", "") if "." in bare or "," not in bare else ""
    bare = bare.replace(",", ".")
    if not (_PLAIN.fullmatch(bare) or _POINT.fullmatch(bare)) or bare.startswith("-"):
        return None
    return Decimal(bare)


def read_moment(text: str) -> datetime | None:
    """Return a moment of ISO 8601, in UTC where it names no zone; a date is its beginning."""
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def read_epoch(text: str) -> datetime | None:
    """Return a moment of seconds since 1970 (Moodle)."""
    bare = text.strip()
    if not re.fullmatch(r"\d{9,10}", bare):
        return None
    return datetime.fromtimestamp(int(bare), UTC)
