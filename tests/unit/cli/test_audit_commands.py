"""``lti-badges audit``: what was altered is named in one line, with its code, and the exit code says so."""

from typing import Any

import pytest
from courses import Course, course_on
from sqlalchemy import delete, update

from lti_tool.cli.audit import SENTENCES
from lti_tool.domain.audit_chain import FindingCode
from lti_tool.domain.award_states import AwardState
from lti_tool.models import Award, Trace


@pytest.fixture
def course(migrated_sqlite_url: str) -> Any:
    """A course with one badge offered to one learner, in the command's database."""
    with course_on(migrated_sqlite_url) as course:
        column = course.column()
        course.badge_for(column)
        course.grade(column, course.person("ada"), "90")
        course.evaluate()
        yield course


def test_every_finding_has_a_sentence() -> None:
    assert SENTENCES.keys() == {code.value for code in FindingCode}


@pytest.mark.parametrize(
    ("alteration", "code", "row"),
    [
        (update(Trace).values(document={"verdict": "met"}), "trace_altered", "trace:1"),
        (delete(Trace), "trace_missing", "trace:1"),
        (update(Award).values(state=AwardState.CLAIMED), "award_altered", "award:1"),
    ],
)
def test_what_was_altered_beside_the_chain_is_named(
    course: Course, command: Any, alteration: Any, code: str, row: str
) -> None:
    assert "intact" in command("audit", "verify")
    with course.database.write() as session:
        session.execute(alteration)
    text = command("audit", "verify", code=1)
    assert "WRONG" in text
    assert row in text
    assert f"[{code}]" in text
    document = command.json("audit", "verify", code=1)
    (finding,) = [one for chain in document["chains"] for one in chain["findings"]]
    assert (finding["code"], finding["row"]) == (code, row)
