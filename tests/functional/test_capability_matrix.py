"""The capability matrix in the documentation is what the sources say of themselves today."""

from pathlib import Path

import pytest
from capability_matrix import PAGE, block, cases, table, written

from lti_tool.evidence.base import ClauseKind
from lti_tool.settings import load_settings
from lti_tool.wiring import build_services

FOUND = list(cases())


def test_the_documentation_shows_the_matrix_of_today() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run: python tests/capability_matrix.py"


def test_every_source_of_the_tool_is_in_it(tmp_path: Path) -> None:
    services = build_services(load_settings({"LTI_BADGES_ENV": "test"}, database_url=f"sqlite:///{tmp_path}/none.db"))
    assert {source.name for source in services.sources} <= {case.source for case in FOUND}


def test_every_kind_of_clause_can_be_decided_somewhere() -> None:
    assert set().union(*(case.capability.decides for case in FOUND if case.capability.is_available)) == set(ClauseKind)


def test_nothing_is_decided_by_what_was_not_granted() -> None:
    rows = [line.split(" | ") for line in block().splitlines() if line.startswith("| `")]
    missing = [row for row in rows if len(row) == 10 and row[-1].startswith("`")]
    assert len(missing) >= 3 + 6 + 6
    assert all(set(row[3:-1]) == {"-"} for row in missing)


def test_rows_of_several_platforms_that_say_the_same_are_one() -> None:
    assert table(FOUND).count("| `csv_upload` | every LMS |") == 1
    sakai = [line for line in table(FOUND).splitlines() if "| Sakai |" in line]
    assert [("(this tool's own)" in line, line.startswith("| `ags` |")) for line in sakai] == [(False, True)]


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers"):
        written("no markers")
