"""Moodle: *Grades*, *Export*, "Plain text file", in English or French.

Ground: vendor code (``grade/export/lib.php`` and ``grade/export/txt/grade_export_txt.php`` of moodle, read
2026-11-22): profile fields, one column for each grade item and display type, ``{name} ({type})``, feedback columns, the
moment of the export in seconds as the last cell, ``-`` for no grade. French titles: other tools' code that reads such
files ("Nom", "Numéro d'identification", "Adresse de courriel", "(Brut)", "Dernier téléchargement depuis ce cours") and
Moodle's own French words ("Pourcentage"); "Lettre" and "Nom de famille" are constructed, not checked.
The file says nothing of maxima, excluded or hidden grades.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from lti_tool.evidence.csv_upload.cells import plain, read_epoch, read_grade, title
from lti_tool.evidence.csv_upload.layout import Cells, ColumnNote, Grade, GradeColumn, KeyKind, Layout, Scale
from lti_tool.evidence.csv_upload.wide import WideLayout, at, places_of, without_repeats
from lti_tool.models import ColumnKind

_FIELDS = {
    "first name": "first",
    "prénom": "first",
    "surname": "last",
    "last name": "last",
    "nom": "last",
    "nom de famille": "last",
    "id number": "sis",
    "numéro d'identification": "sis",
    "email address": "email",
    "adresse de courriel": "email",
    "username": "login",
    "nom d'utilisateur": "login",
    "last downloaded from this course": "exported",
    "dernier téléchargement depuis ce cours": "exported",
}
_KINDS = {"sis": (KeyKind.SIS,), "email": (KeyKind.EMAIL,), "login": (KeyKind.LOGIN,)}
_TITLED = re.compile(r"(?P<title>.+) \((?P<scale>[^()]+)\)", re.DOTALL)
_SCALES = {
    "real": Scale.POINTS,
    "brut": Scale.POINTS,
    "percentage": Scale.PERCENT,
    "pourcentage": Scale.PERCENT,
    "letter": Scale.LETTER,
    "lettre": Scale.LETTER,
}
_TOTALS = {"course total", "total du cours"}
_NO_GRADE = frozenset({"-"})


class Moodle:
    """The dialect ``moodle``."""

    name = "moodle"

    def recognises(self, header: Cells) -> bool:
        """Whether the titles are a Moodle export's."""
        fields = {_FIELDS.get(plain(text)) for text in header}
        return {"first", "last"} <= fields and ("exported" in fields or any(_scale(text) for text in header))

    def lay_out(
        self,
        header: Cells,
        first: Sequence[Cells],  # noqa: ARG002
        *,
        columns: tuple[GradeColumn, ...],  # noqa: ARG002
        line_items: Mapping[str, tuple[str, Decimal | None]],  # noqa: ARG002
    ) -> Layout:
        """Read the header."""
        found = [column for place, text in enumerate(header) if (column := _column(place, text)) is not None]
        return WideLayout(
            dialect=self.name,
            columns=without_repeats(found),
            places=places_of(header, _FIELDS),
            kinds=_KINDS,
            reader=_read,
            clock=read_epoch,
        )


def _scale(text: str) -> Scale | None:
    titled = _TITLED.fullmatch(text.strip())
    return _SCALES.get(plain(titled["scale"])) if titled else None


def _column(place: int, text: str) -> GradeColumn | None:
    titled, scale = _TITLED.fullmatch(text.strip()), _scale(text)
    if titled is None or scale is None:
        return None
    name = title(titled["title"])
    is_total = plain(name) in _TOTALS
    note = ColumnNote.TOTAL if is_total else ColumnNote.NO_MAXIMUM if scale is Scale.POINTS else None
    kind = ColumnKind.COURSE_TOTAL if is_total else ColumnKind.LINE_ITEM
    maximum = Decimal(100) if scale is Scale.PERCENT else None
    return GradeColumn(f"moodle:{scale.value}:{plain(name)}", name, maximum, scale, kind, place, note=note)


def _read(cells: Cells, column: GradeColumn, decimal: str) -> Grade | str | None:
    return read_grade(column, at(cells, column.place), decimal, ungraded=_NO_GRADE)
