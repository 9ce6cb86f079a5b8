"""Gradebook files: each dialect is recognised and read as its platform means it; anything else is refused clearly."""

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lti_tool.domain.evidence import EvidenceState
from lti_tool.errors import GradebookRefusedError
from lti_tool.evidence.base import ClauseKind
from lti_tool.evidence.csv_upload import CsvSource, Gradebook, GradebookShape, KeyKind, Row, find_shape
from lti_tool.evidence.csv_upload.cells import is_decimal_comma, read_maximum, read_number
from lti_tool.evidence.csv_upload.layout import ColumnNote, Scale
from lti_tool.models import ColumnKind, Context
from lti_tool.services.gradebook_files import receive

FILES = Path(__file__).parents[2] / "fixtures" / "gradebooks"
Pieces = Callable[[], Iterator[bytes]]


def in_pieces(content: bytes | str, size: int = 7) -> Pieces:
    """A file that comes in small pieces, which may end inside a letter."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda: iter([raw[start : start + size] for start in range(0, len(raw), size)])


def read(content: bytes | str) -> tuple[GradebookShape, list[Row]]:
    """A file's shape and rows."""
    received = receive(io.BytesIO(content.encode() if isinstance(content, str) else content))
    shape = find_shape(received.pieces, received.line_items)
    again = GradebookShape.from_document(shape.to_document())
    assert again == shape
    return shape, list(Gradebook(again, received.pieces).iter_rows())


def said(row: Row, key: str) -> str:
    """What a row says in a column, in one word."""
    grade = dict(row.grades).get(key)
    if grade is None:
        return dict(row.refused).get(key, "nothing")
    return str(grade.score) if grade.score is not None else grade.letter or grade.state.value


# -- dialects ---------------------------------------------------------------------------------------------------------


def test_canvas() -> None:
    shape, rows = read((FILES / "canvas.csv").read_bytes())
    assert (shape.dialect, shape.encoding, shape.delimiter, shape.decimal, shape.rows) == (
        "canvas", "utf-8-sig", ",", ".", 8
    )  # fmt: skip
    told = {one.key: (one.title, one.maximum, one.note) for one in shape.columns}
    assert told == {
        "canvas:4711": ("Water log", Decimal(20), None),
        "canvas:4712": ("Essay; draft", Decimal(10), None),
        "canvas:4713": ("Final project", Decimal(100), ColumnNote.MANUAL_POSTING),
        "canvas:current_score": ("Current Score", Decimal(100), ColumnNote.TOTAL),
        "canvas:final_score": ("Final Score", Decimal(100), ColumnNote.TOTAL),
    }
    ada = rows[0]
    assert (ada.line, ada.name, rows[2].name, rows[3].name) == (4, "Okafor, Ada", "佐藤 花子", "حداد, ليلى")
    assert dict(ada.keys)[KeyKind.CANVAS] == "101"
    assert dict(ada.keys)[KeyKind.SIS] == "S1001"
    assert [said(one, "canvas:4711") for one in rows[:4]] == ["17.5", "excused", "20", "0"]
    assert [said(one, "canvas:4712") for one in rows[:4]] == ["9", "8.5", "nothing", "ungraded"]
    final = dict(ada.grades)["canvas:final_score"]
    assert (final.score, final.maximum, final.letter) == (Decimal("87.5"), Decimal(100), "B+")
    assert [one.is_test for one in rows] == [False] * 7 + [True]
    assert rows[6].refused == (("canvas:4711", "not_a_grade"), ("canvas:4712", "not_a_grade"))


def test_canvas_in_french_has_semicolons_and_decimal_commas() -> None:
    shape, rows = read((FILES / "canvas-fr.csv").read_bytes())
    assert (shape.delimiter, shape.decimal, shape.columns[0].maximum) == (";", ",", Decimal("20.00"))
    assert [said(one, "canvas:4711") for one in rows] == ["17.50", "19.25"]


def test_canvas_with_first_and_last_names() -> None:
    shape, rows = read("LastName,FirstName,ID,SIS Login ID,Section,Essay (1)\nMüller,Zoë,7,z@example.org,A,3\n")
    assert (rows[0].name, shape.columns[0].note) == ("Zoë Müller", ColumnNote.NO_MAXIMUM)


def test_a_learner_called_test_student_whom_the_student_system_knows_is_a_person() -> None:
    head = "Student,ID,SIS User ID,SIS Login ID,Section,Essay (1)\n"
    _, rows = read(f'{head}"Student, Test",1,S1,x,A,3\n"Student, Test",2,,x,A,3\n')
    assert [one.is_test for one in rows] == [False, True]


def test_moodle() -> None:
    shape, rows = read((FILES / "moodle.csv").read_bytes())
    quiz = "quiz: nitrogen cycle"
    assert shape.exported_at == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    notes = {one.key: one.note for one in shape.columns}
    assert notes[f"moodle:points:{quiz}"] is ColumnNote.NO_MAXIMUM
    assert notes[f"moodle:percent:{quiz}"] is None
    assert "moodle:points:assignment: water log (feedback)" not in notes
    total = next(one for one in shape.columns if one.key == "moodle:percent:course total")
    assert (total.kind, total.note) == (ColumnKind.COURSE_TOTAL, ColumnNote.TOTAL)
    assert [said(one, f"moodle:percent:{quiz}") for one in rows] == ["88.00", "ungraded", "100.00", "70.00"]
    assert [said(one, f"moodle:letter:{quiz}") for one in rows] == ["B+", "ungraded", "A", "C"]
    assert rows[2].name == "花子 佐藤"


def test_moodle_in_french() -> None:
    shape, rows = read((FILES / "moodle-fr.csv").read_bytes())
    assert (shape.dialect, shape.encoding, shape.delimiter, shape.decimal) == ("moodle", "cp1252", ";", ",")
    assert [one.scale for one in shape.columns] == [Scale.POINTS, Scale.PERCENT, Scale.POINTS]
    assert said(rows[0], "moodle:percent:test : cycle de l'azote") == "88.00"
    assert dict(rows[0].keys) == {KeyKind.SIS: "S1001", KeyKind.EMAIL: "ada@example.org"}


def test_brightspace() -> None:
    shape, rows = read((FILES / "brightspace.csv").read_bytes())
    told = {one.key: one.maximum for one in shape.columns}
    assert told == {
        "brightspace:points:quiz 1": Decimal(10),
        "brightspace:letter:effort": Decimal(100),
        "brightspace:total:calculated final grade": None,
        "brightspace:total:adjusted final grade": None,
    }
    final = dict(rows[0].grades)["brightspace:total:calculated final grade"]
    assert (final.score, final.maximum) == (Decimal("42.5"), Decimal(50))
    assert [said(one, "brightspace:letter:effort") for one in rows] == ["Very Good", "Good", "Merit", "Good"]
    assert dict(rows[0].keys)[KeyKind.SIS] == "S1001"


@pytest.mark.parametrize("name", ["blackboard.xls", "blackboard.csv"])
def test_blackboard(name: str) -> None:
    shape, rows = read((FILES / name).read_bytes())
    assert (shape.dialect, shape.encoding) == ("blackboard", "utf-16" if name.endswith("xls") else "utf-8-sig")
    told = {one.key: (one.title, one.maximum, one.scale) for one in shape.columns}
    assert told == {
        "blackboard:1281892": ("Water log", Decimal(20), Scale.POINTS),
        "blackboard:1281893": ("Fish check", Decimal(100), Scale.PERCENT),
        "blackboard:1281894": ("Safety", Decimal(1), Scale.POINTS),
        "blackboard:1281890": ("Overall Grade", None, Scale.LETTER),
    }
    assert [said(one, "blackboard:1281892") for one in rows[:4]] == ["17.5", "submitted", "0", "14"]
    assert [said(one, "blackboard:1281894") for one in rows[:4]] == ["completed", "ungraded", "ungraded", "ungraded"]
    assert [one.is_test for one in rows] == [False] * 4 + [True]


def test_blackboard_without_column_ids_and_with_an_exemption() -> None:
    head = "Last Name,First Name,Username,Student ID,Last Access,Availability,Quiz 3 [Total Pts: 10]\n"
    shape, rows = read(f"{head}B,A,ab,1,,Yes,Exempt\nD,C,cd,2,,Yes,85%\n")
    assert shape.columns[0].key == "blackboard:title:quiz 3"
    assert said(rows[0], "blackboard:title:quiz 3") == "not_a_grade"
    percent = dict(rows[1].grades)["blackboard:title:quiz 3"]
    assert (percent.score, percent.maximum) == (Decimal(85), Decimal(100))


def test_oneroster() -> None:
    shape, rows = read((FILES / "oneroster.zip").read_bytes())
    assert [(one.key, one.title, one.maximum) for one in shape.columns] == [
        ("oneroster:li-log", "Water log", Decimal(20)),
        ("oneroster:li-quiz", "Nitrogen cycle quiz", Decimal("10.0")),
    ]
    states = [one.grades[0][1].state.value for one in rows]
    assert states == ["graded", "excused", "graded", "submitted", "ungraded", "graded"]
    first = rows[0].grades[0][1]
    assert first.at == datetime(2026, 2, 27, 10, tzinfo=UTC)
    assert first.graded_at == datetime(2026, 2, 26, tzinfo=UTC)


def test_oneroster_results_alone_know_no_titles() -> None:
    shape, _ = read((FILES / "oneroster-results.csv").read_bytes())
    assert [(one.title, one.note) for one in shape.columns] == [
        ("li-log", ColumnNote.NO_MAXIMUM),
        ("li-quiz", ColumnNote.NO_MAXIMUM),
    ]


def test_oneroster_1_2_has_letters_and_missing_work() -> None:
    head = "sourcedId,lineItemSourcedId,studentSourcedId,scoreStatus,score,textScore,missing\n"
    _, rows = read(f"{head}1,l,S1,fully graded,,B+,false\n2,l,S2,not submitted,,,true\n3,l,S3,fully graded,,,\n")
    assert [said(one, "oneroster:l") for one in rows] == ["B+", "missing", "not_a_grade"]


def test_rows_can_be_read_from_any_row_on() -> None:
    content = (FILES / "moodle.csv").read_bytes()
    shape, rows = read(content)
    assert list(Gradebook(shape, in_pieces(content)).iter_rows(2)) == rows[2:]
    only = frozenset({"moodle:letter:quiz: nitrogen cycle"})
    assert [key for row in Gradebook(shape, in_pieces(content), only).iter_rows() for key, _ in row.grades] == [
        *only
    ] * 4


# -- cells ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("17.5", ".", "17.5"),
        ("17,5", ",", "17.5"),
        ("69.50 %", ".", "69.50"),
        ("1\u202f234,5", ",", "1234.5"),
        ("1,234.50", ".", "1234.50"),
        ("-2", ".", "-2"),
        ("\u22122", ".", "-2"),
        ("105", ".", "105"),
        ("", ".", None),
        ("A", ".", None),
        ("1e5", ".", None),
        ("NaN", ".", None),
        ("Infinity", ".", None),
        ("٣", ".", "3"),
        ("1_000", ".", None),
        ("=1", ".", None),
    ],
)
def test_numbers(text: str, decimal: str, expected: str | None) -> None:
    found = read_number(text, decimal)
    assert found == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(("text", "decimal"), [("1,5", "."), ("1.5", ","), ("1,234", "."), ("1.234,5", ".")])
def test_a_number_that_can_be_read_in_two_ways_is_none(text: str, decimal: str) -> None:
    if text == "1.234,5":
        assert read_number(text, decimal) is None
    else:
        with pytest.raises(ValueError, match=text):
            read_number(text, decimal)


def test_the_decimal_sign_is_taken_from_what_tells_it() -> None:
    assert is_decimal_comma(["Ada", "1,234", "12"]) is None
    assert is_decimal_comma(["1,234", "12,5"]) is True
    assert is_decimal_comma(["12.5", "1,5"]) is False
    assert read_maximum("1,234") is None
    assert read_maximum("20,00") == 20


# -- refusals ---------------------------------------------------------------------------------------------------------

HEAD = "Student,ID,SIS User ID,SIS Login ID,Section,Essay (1)\n"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "gradebook_empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "gradebook_empty"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 100, "gradebook_spreadsheet"),
        (b"name,grade\nAda,5\n", "gradebook_unknown"),
        (b"<html><table><tr><td>Student</td></tr></table>", "gradebook_unknown"),
        (b"%PDF-1.7 binary", "gradebook_unknown"),
        (HEAD.encode(), "gradebook_no_rows"),
        (b"Student,ID,Section\nAda,1,A\n", "gradebook_no_columns"),
        (HEAD.encode() + b"Ada\x00,1,,,A,5\n", "gradebook_binary"),
        (b"\x00\x01\x02\x03" * 30, "gradebook_binary"),
        (HEAD.encode() + b'"Ada,1,,,A,5\n', "gradebook_malformed"),
        (HEAD.encode() + b'"Ada"x,1,,,A,5\n', "gradebook_malformed"),
        (HEAD.encode() + b"Ada\x81\x8d,1,,,A,5\n", "gradebook_encoding"),
        (b"Student,ID,ID,SIS Login ID,Section,Essay (1)\nAda,1,1,,A,5\n", "gradebook_repeated"),
        (HEAD.encode() + b"Ada" + b"," * 600 + b"\n", "gradebook_too_wide"),
        (HEAD.encode() + b"A" * 300_000 + b"\n", "gradebook_malformed"),
    ],
)
def test_what_is_no_gradebook_is_refused_with_a_reason(content: bytes, code: str) -> None:
    with pytest.raises(GradebookRefusedError) as refused:
        read(content)
    assert (refused.value.code, refused.value.field, refused.value.status) == (code, "file", 422)


def zipped(**files: str) -> bytes:
    """A zip with these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (zipped(**{"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"}), "gradebook_spreadsheet"),
        (zipped(**{"users.csv": "sourcedId\n"}), "gradebook_unknown"),
        (zipped(**{"results.csv": "a,b\n1,2\n"}), "gradebook_unknown"),
        (zipped(**{"results.csv": "x" * (21 * 1024 * 1024)}), "gradebook_too_large"),
        (zipped(**{"results.csv": "x", "lineItems.csv": '"open'}), "gradebook_malformed"),
        (b"PK\x03\x04" + b"damaged" * 20, "gradebook_malformed"),
    ],
)
def test_a_zip_is_oneroster_or_refused(content: bytes, code: str) -> None:
    with pytest.raises(GradebookRefusedError) as refused:
        read(content)
    assert refused.value.code == code


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lti_tool.evidence.csv_upload.table.MAX_RECORDS", 3)
    with pytest.raises(GradebookRefusedError) as refused:
        read(HEAD + "Ada,1,,,A,5\n" * 4)
    assert refused.value.code == "gradebook_too_long"
    monkeypatch.setattr("lti_tool.evidence.csv_upload.table.MAX_BYTES", 100)
    with pytest.raises(GradebookRefusedError) as refused:
        read(HEAD + "Ada,1,,,A,5\n" * 10)
    assert refused.value.code == "gradebook_too_large"


def test_a_damaged_line_is_named() -> None:
    with pytest.raises(GradebookRefusedError) as refused:
        read(HEAD + "Ada,1,,,A,5\n" + '"Ben"x,2,,,A,5\n')
    assert refused.value.line == 3


def test_columns_that_cannot_be_told_apart_cannot_be_taken() -> None:
    shape, rows = read("First name,Last name,Quiz: A (Real),Quiz:  a (Real),Quiz: B (Real)\nAda,O,1,2,3\n")
    assert [one.can_be_taken for one in shape.columns] == [False, False, True]
    assert [key for key, _ in rows[0].grades] == ["moodle:points:quiz: b"]


def test_a_short_row_is_not_graded() -> None:
    _, rows = read(HEAD + "Ada,1\n")
    assert rows[0].grades[0][1].state is EvidenceState.UNGRADED


# -- anything at all --------------------------------------------------------------------------------------------------

CELL = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=12)
HEADERS = [
    (FILES / name).read_bytes().decode(encoding).splitlines()[0]
    for name, encoding in (("canvas.csv", "utf-8-sig"), ("moodle.csv", "utf-8"), ("moodle-fr.csv", "cp1252"))
] + [
    (FILES / name).read_bytes().decode(encoding).splitlines()[0]
    for name, encoding in (
        ("brightspace.csv", "utf-8"),
        ("blackboard.xls", "utf-16"),
        ("oneroster-results.csv", "utf-8"),
    )
]


REFUSALS = {
    f"gradebook_{code}"
    for code in (
        "empty", "spreadsheet", "binary", "encoding", "malformed", "too_wide", "unknown", "no_columns", "no_rows"
    )
}  # fmt: skip


def read_or_refuse(content: bytes | str) -> tuple[GradebookShape, list[Row]] | str:
    """A file's shape and rows, or the code of its refusal; anything else is raised."""
    try:
        return read(content)
    except GradebookRefusedError as error:
        return error.code


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    found = read_or_refuse(content)
    assert isinstance(found, str) or found[1]


@given(st.sampled_from(HEADERS), st.lists(st.lists(CELL, max_size=20), min_size=1, max_size=5), st.sampled_from(",;\t"))
@settings(max_examples=200, deadline=None)
def test_any_cells_below_a_real_header_are_read_or_refused(header: str, rows: list[list[str]], delimiter: str) -> None:
    body = "\n".join(delimiter.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in rows)
    answer = read_or_refuse(f"{header}\n{body}\n")
    if isinstance(answer, str):
        assert answer in REFUSALS
        return
    shape, found = answer
    assert shape.rows == len(found)
    for row in found:
        for _, grade in row.grades:
            assert grade.score is None or grade.score.is_finite()
            assert not (grade.letter or "").startswith(("=", "+", "-", "@"))


# -- the source -------------------------------------------------------------------------------------------------------


def test_the_source_needs_nobodys_leave_and_is_never_read() -> None:
    capability = CsvSource().capability(Context())
    assert capability.is_available
    assert capability.is_pushed
    assert capability.decides == {ClauseKind.PERCENT, ClauseKind.POINTS, ClauseKind.LETTER}
    assert EvidenceState.HIDDEN in capability.unseen
    assert not capability.own_columns_only
    assert CsvSource().streams(Context(), []) == ()
