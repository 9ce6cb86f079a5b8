"""Competencies from CSV: the headers, delimiters and encodings spreadsheets write, and errors that name the row."""

import pytest

from lti_tool.errors import InvalidInputError
from lti_tool.frameworks import csv
from lti_tool.frameworks.csv import Competency, read_competencies


@pytest.mark.parametrize(
    "header", ["statement", "Full Statement", "fullStatement", "competency", "SKILL", "preferredLabel", "énoncé"]
)
def test_the_statement_column_has_many_names(header: str) -> None:
    assert read_competencies(f"{header}\nKeep fish\n".encode()) == [Competency("Keep fish")]


def test_columns_come_in_any_order_and_unknown_ones_are_left_out() -> None:
    content = b"uri,level,humanCodingScheme,statement,identifier\nhttps://x.example/1,3,AQ-1,Keep fish,guid-1\n"
    assert read_competencies(content) == [Competency("Keep fish", "AQ-1", "guid-1", "https://x.example/1")]


def test_the_first_of_two_columns_with_a_name_counts() -> None:
    assert read_competencies(b"statement,statement\nFirst,Second\n") == [Competency("First")]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_delimiters(mark: str) -> None:
    content = f'code{mark}statement\nA1{mark}"Keep{mark} fish"\n'
    assert read_competencies(content.encode()) == [
        Competency(f"Keep{mark} fish" if mark != "\t" else "Keep fish", "A1")
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends(encoding: str, end: str) -> None:
    content = f"énoncé;code{end}Élever des poissons;É1{end}".encode(encoding)
    assert read_competencies(content) == [Competency("Élever des poissons", "É1")]


def test_a_statement_may_run_over_lines_and_spaces_are_tidied() -> None:
    assert read_competencies(b'statement\n"Keep\n  the   fish"\n') == [Competency("Keep the fish")]


def test_empty_rows_and_short_rows_are_fine() -> None:
    assert read_competencies(b"code,statement,uri\n,,\n\nA1,Keep fish\n") == [Competency("Keep fish", "A1")]


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (b"", "csv_header", None),
        (b"colour,size\nred,2\n", "csv_header", None),
        (b"statement\n", "csv_empty", None),
        (b"statement\n\n  \n", "csv_empty", None),
        (b"statement,code\nFish,1\n,2\n", "csv_row_empty", "row 3"),
        (b"statement\nFish\n" + b"x" * 1001, "csv_cell_too_long", "row 3"),
        (b"statement,code\nFish," + b"x" * 256, "csv_cell_too_long", "row 2"),
        (b"statement,identifier\nFish," + b"x" * 256, "csv_cell_too_long", "row 2"),
        (b"statement\n\x81\x8d\n", "csv_encoding", None),
        (b"statement\n" + b"x" * 200_000, "csv_malformed", None),
    ],
)
def test_what_cannot_be_used(content: bytes, code: str, field: str | None) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_competencies(content)
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "not an address", "https://", "https://[x", "https://x.example/" + "y" * 2048]
)
def test_an_address_badges_cannot_point_to_is_left_out(address: str) -> None:
    assert read_competencies(f"statement,uri\nKeep fish,{address}\n".encode()) == [Competency("Keep fish")]


def test_what_no_database_stores_is_left_out() -> None:
    assert read_competencies(b"statement,code\nKeep\0 fish\x01,A\x1b1\n") == [Competency("Keep fish", "A1")]


def test_a_cell_at_the_limit_is_taken() -> None:
    assert len(read_competencies(b"statement\n" + b"x" * 1000)[0].statement) == 1000


def test_limits_of_size_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"statement\na\nb\nc\n"
    monkeypatch.setattr(csv, "MAX_ROWS", 3)
    assert len(read_competencies(content)) == 3
    monkeypatch.setattr(csv, "MAX_ROWS", 2)
    with pytest.raises(InvalidInputError) as caught:
        read_competencies(content)
    assert caught.value.code == "csv_too_many"
    monkeypatch.setattr(csv, "MAX_BYTES", len(content) - 1)
    with pytest.raises(InvalidInputError) as caught:
        read_competencies(content)
    assert caught.value.code == "csv_too_large"
