"""Platform variables in custom parameters."""

from datetime import UTC, datetime

import pytest

from lti_tool.lti.claims import custom_texts
from lti_tool.lti.variables import MOST, context_history, link_history, moment, section_ids


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("b,a", ["b", "a"]),
        (" b , a ,", ["b", "a"]),
        ("a%2Cb,c%20d", ["a,b", "c d"]),  # each id is URL-encoded
        ("a,b,a", ["a", "b"]),
        ("", []),
        ("a%00b,ok", ["ok"]),
        ("x" * 256 + ",ok", ["ok"]),
    ],
)
def test_a_history_is_a_list_nearest_first(text: str, found: list[str]) -> None:
    assert context_history({"context_history": text}) == found
    assert link_history({"resource_link_history": text}) == found


def test_what_the_platform_does_not_know_is_not_told() -> None:
    custom = custom_texts({"context_history": "$Context.id.history", "canvas_section_ids": "$Canvas.course.sectionIds"})
    assert context_history(custom) is None
    assert section_ids(custom) is None
    assert section_ids({"canvas_section_ids": ""}) == []


def test_sections_come_under_either_name_also_as_a_number() -> None:
    assert section_ids(custom_texts({"canvas_section_ids": 12})) == ["12"]
    assert section_ids({"section_ids": "7,8"}) == ["7", "8"]


def test_a_list_without_end_is_cut() -> None:
    assert len(context_history({"context_history": ",".join(map(str, range(1000)))}) or []) == MOST


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-09-01T00:00:00Z", datetime(2026, 9, 1, tzinfo=UTC)),
        ("2026-09-01T02:00:00+02:00", datetime(2026, 9, 1, tzinfo=UTC)),
        ("2026-09-01T00:00:00", None),  # nobody's time
        ("2026-09-01", None),
        ("soon", None),
        ("", None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_a_time_needs_a_zone(text: str, found: datetime | None) -> None:
    assert moment({"course_ends_at": text}, "course_ends_at") == found
