"""Line items: found, made, changed and deleted, on platforms of every profile."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from platforms.quirks import BLACKBOARD, CANVAS, MOODLE, PROFILES, STANDARD
from platforms.reading import Reading, reading
from sqlalchemy import Engine

from lti_tool.errors import (
    AddressRefusedError,
    MissingScopeError,
    PlatformAnswerError,
    PlatformServiceError,
    PlatformThrottledError,
    ServiceRefusedError,
)
from lti_tool.lti.advantage import Advantage, LineItem, NewLineItem
from lti_tool.lti.quirks import CANVAS_SUBMISSION_TYPE

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
START, END = datetime(2026, 11, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, 30, tzinfo=timezone(timedelta(hours=1)))


@pytest.fixture
def tool(engine: Engine) -> Iterator[Reading]:
    """A client and a platform to the letter of the standard."""
    with reading(engine) as found:
        yield found


def advantage(tool: Reading) -> Advantage:
    """The tool's client."""
    return Advantage(tool.client)


def who(tool: Reading) -> tuple[Any, Any]:
    """The registration and the context."""
    return tool.registration, tool.context


def essay(**changes: Any) -> NewLineItem:
    """A column to be made."""
    fields: dict[str, Any] = {"label": "Essay", "score_maximum": Decimal("12.5"), "resource_id": "essay-1"}
    return NewLineItem(**fields | changes)


def sent(tool: Reading) -> Any:
    """The JSON of the last request."""
    return json.loads(tool.platform.requests[-1].body)


def refused(tool: Reading, kind: type[PlatformServiceError], action: Any, *args: Any, **options: Any) -> Any:
    """The error of an action, which tells no secrets."""
    with pytest.raises(kind) as caught:
        action(*who(tool), *args, **options)
    assert "secret" not in str(caught.value)
    assert "/services/" not in str(caught.value)
    return caught.value


# -- making -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PROFILES)
def test_an_item_is_made_found_changed_and_deleted(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        service = advantage(tool)
        made = service.create_line_item(*who(tool), essay(tag="badge"))
        assert (made.label, made.score_maximum, made.resource_id, made.tag) == (
            "Essay",
            Decimal("12.5"),
            "essay-1",
            "badge",
        )
        assert service.get_line_item(*who(tool), made.url) == made
        assert service.find_line_item(*who(tool), resource_id="essay-1") == made
        changed = service.update_line_item(*who(tool), made.url, label="Final essay", tag=None)
        assert (changed.label, changed.tag, changed.resource_id) == ("Final essay", None, "essay-1")
        service.delete_line_item(*who(tool), made.url)
        assert tool.platform.columns == {}
        assert service.find_line_item(*who(tool), resource_id="essay-1") is None
        assert all(asked.status < 300 for asked in tool.platform.requests)
        assert set(tool.platform.token_scopes) == {AGS + "lineitem", AGS + "lineitem.readonly"}


def test_an_item_carries_everything_the_standard_and_canvas_know(tool: Reading) -> None:
    review = {"reviewableStatus": ["Completed"], "label": "Look", "url": "https://tool.example/review"}
    kind = {"type": "external_tool", "external_tool_url": "https://tool.example/launch"}
    made = advantage(tool).create_line_item(
        *who(tool),
        essay(tag="t", resource_link_id="link-1", starts_at=START, ends_at=END, grades_released=False,
              submission_review=review, submission_type=kind),
    )  # fmt: skip
    assert sent(tool) == {
        "label": "Essay",
        "scoreMaximum": 12.5,
        "resourceId": "essay-1",
        "tag": "t",
        "resourceLinkId": "link-1",
        "startDateTime": "2026-11-01T08:00:00.000+00:00",
        "endDateTime": "2026-12-01T07:30:00.000+00:00",
        "gradesReleased": False,
        "submissionReview": review,
        CANVAS_SUBMISSION_TYPE: kind,
    }
    url = tool.platform.line_item_url(tool.platform.columns[1])
    assert made == LineItem(url, "Essay", Decimal("12.5"), "essay-1", "t", "link-1", START, END, False, review, kind)


def test_media_types_are_exact(tool: Reading) -> None:
    item = advantage(tool).create_line_item(*who(tool), essay())
    advantage(tool).update_line_item(*who(tool), item.url, label="Other")
    kinds = [(asked.method, asked.headers.get("Content-Type")) for asked in tool.platform.requests[1:]]
    whole = "application/vnd.ims.lis.v2.lineitem+json"
    assert kinds == [("POST", whole), ("GET", None), ("PUT", whole)]
    assert {asked.headers["Accept"] for asked in tool.platform.requests[1:]} == {whole}
    assert all(asked.headers["User-Agent"].startswith("LTI-Badges/") for asked in tool.platform.requests)


# -- changing ---------------------------------------------------------------------------------------------------------


def test_a_change_keeps_what_the_tool_does_not_know(tool: Reading) -> None:
    column = tool.platform.add_line_item("Essay", maximum=20, resource_id="r", tag="t")
    column.raw = {"https://lms.example/colour": {"name": "é", "share": Decimal("0.1"), "of": [1, None, True]}}
    item = advantage(tool).update_line_item(*who(tool), tool.platform.line_item_url(column), score_maximum=Decimal(30))
    assert item.score_maximum == 30
    assert sent(tool) == {
        "id": item.url, "label": "Essay", "scoreMaximum": 30, "resourceId": "r", "tag": "t",
        "https://lms.example/colour": {"name": "é", "share": 0.1, "of": [1, None, True]},
    }  # fmt: skip


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999999999", "9" * 500 + ".5"])
def test_numbers_that_are_none_are_not_sent_back(tool: Reading, value: str) -> None:
    column = tool.platform.add_line_item("Essay")
    url = tool.platform.line_item_url(column)
    tool.platform.answer_next(f'{{"id": "{url}", "label": "x", "scoreMaximum": 5, "https://x.example/a": {value}}}')
    refused(tool, PlatformAnswerError, advantage(tool).update_line_item, url, label="y")
    assert column.label == "Essay"


@pytest.mark.parametrize(
    "body",
    ["[]", "null", "7", '"x"', "<html>", '{"label": "x"}', '{"id": "no address"}', '{"id": 5}',
     '{"id": "https://lms.example/1", "scoreMaximum": "many"}'],
)  # fmt: skip
def test_what_is_no_line_item_is_refused(tool: Reading, body: str) -> None:
    url = tool.platform.line_item_url(tool.platform.add_line_item("Essay"))
    tool.platform.answer_next(body)
    refused(tool, PlatformAnswerError, advantage(tool).get_line_item, url)
    tool.platform.answer_next(body)
    refused(tool, PlatformAnswerError, advantage(tool).create_line_item, essay())


@pytest.mark.parametrize("moment", ['"soon"', '"2026-11-20T09:00:00"', '"0001-01-01T00:00:00+23:59"', "5", "null"])
def test_moments_that_cannot_be_read_are_none(tool: Reading, moment: str) -> None:
    url = tool.platform.line_item_url(tool.platform.add_line_item("Essay"))
    odd = '"gradesReleased": "no", "submissionReview": []'
    tool.platform.answer_next(f'{{"id": "{url}", "label": "x", "scoreMaximum": 5, "startDateTime": {moment}, {odd}}}')
    item = advantage(tool).get_line_item(*who(tool), url)
    assert (item.label, item.starts_at, item.grades_released, item.submission_review) == ("x", None, None, None)


def test_moodles_address_keeps_its_query(engine: Engine) -> None:
    with reading(engine, MOODLE) as tool:
        made = advantage(tool).create_line_item(*who(tool), essay())
        assert made.url.endswith("/lineitems/1/lineitem?type_id=1")
        advantage(tool).delete_line_item(*who(tool), made.url)
        assert all(asked.query == {"type_id": "1"} for asked in tool.platform.requests[1:])


# -- finding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quirks", [STANDARD, CANVAS, BLACKBOARD], ids=lambda one: one.product)
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"resource_id": "r1"}, ["a", "b"]),
        ({"tag": "t2"}, ["b", "c"]),
        ({"resource_id": "r1", "tag": "t2"}, ["b"]),
        ({"resource_link_id": "link-1"}, ["c"]),
        ({"resource_id": "r9"}, []),
        ({}, ["a", "b", "c", "d"]),
    ],
)
def test_items_are_found_whatever_the_platform_filters(
    engine: Engine, quirks: Any, wanted: dict[str, str], expected: list[str]
) -> None:
    with reading(engine, quirks) as tool:
        for label, resource_id, tag in (("a", "r1", "t1"), ("b", "r1", "t2"), ("c", "r2", "t2"), ("d", None, None)):
            column = tool.platform.add_line_item(label, resource_id=resource_id, tag=tag)
            column.raw = {"resourceLinkId": "link-1"} if label == "c" else {}
        pages = advantage(tool).iter_line_items(*who(tool), **wanted)
        assert [item.label for page in pages for item in page] == expected
        assert wanted.items() <= tool.platform.requests[-1].query.items()


def test_finding_asks_for_something(tool: Reading) -> None:
    with pytest.raises(ValueError, match="resource id"):
        advantage(tool).find_line_item(*who(tool), tag=None)
    with pytest.raises(ValueError, match="resource id"):
        advantage(tool).find_or_create_line_item(*who(tool), essay(resource_id=None))
    assert tool.platform.requests == []


def test_it_is_made_once(tool: Reading) -> None:
    first = advantage(tool).find_or_create_line_item(*who(tool), essay())
    again = advantage(tool).find_or_create_line_item(*who(tool), essay(label="Another label"))
    assert again == first
    assert len(tool.platform.columns) == 1
    other = advantage(tool).find_or_create_line_item(*who(tool), essay(tag="other"))
    assert other != first


def test_it_is_made_once_when_the_answer_is_lost(tool: Reading) -> None:
    tool.platform.add_line_item("Another")
    service, post = advantage(tool), tool.platform._create_item

    def lose(request: Any, context: str) -> Any:
        tool.platform.answers_to_lose = 1
        return post(request, context)

    tool.platform._create_item = lose  # type: ignore[method-assign]
    made = service.find_or_create_line_item(*who(tool), essay())
    assert [column.label for column in tool.platform.columns.values()] == ["Another", "Essay"]
    assert made.label == "Essay"
    error = refused(tool, PlatformServiceError, service.create_line_item, essay(resource_id="e2"))
    assert (error.http_status, error.retryable) == (504, True)
    assert len(tool.platform.columns) == 3  # it was made, and was not sent a second time


def test_an_answer_without_an_item_is_looked_up(tool: Reading) -> None:
    post = tool.platform._create_item

    def silent(request: Any, context: str) -> Any:
        post(request, context)
        return _empty()

    tool.platform._create_item = silent  # type: ignore[method-assign]
    assert advantage(tool).find_or_create_line_item(*who(tool), essay()).label == "Essay"
    assert len(tool.platform.columns) == 1


def test_an_item_that_was_not_made_is_an_error(tool: Reading) -> None:
    tool.platform._create_item = lambda *_: _empty(502)  # type: ignore[method-assign]
    assert refused(tool, PlatformServiceError, advantage(tool).find_or_create_line_item, essay()).http_status == 502
    tool.platform._create_item = lambda *_: _empty(429)  # type: ignore[method-assign]
    refused(tool, PlatformThrottledError, advantage(tool).find_or_create_line_item, essay())
    assert tool.platform.requests[-1].method == "POST"  # nothing was made, so nothing is looked for


def _empty(status: int = 201) -> Any:
    from werkzeug.wrappers import Response

    return Response(status=status)


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_items_of_other_tools_stay_closed(engine: Engine) -> None:
    for quirks, code in ((STANDARD, "platform_not_found"), (CANVAS, "line_item_precondition")):
        with reading(engine, quirks, client_id=f"at {code}") as tool:
            column = tool.platform.add_line_item("Exam", mine=False)
            url = tool.platform.line_item_url(column)
            service = advantage(tool)
            if quirks is STANDARD:
                assert refused(tool, ServiceRefusedError, service.get_line_item, url).code == code
                assert refused(tool, ServiceRefusedError, service.update_line_item, url, label="x").code == code
                service.delete_line_item(*who(tool), url)
            else:
                assert refused(tool, ServiceRefusedError, service.delete_line_item, url).code == code
            assert column.label == "Exam"
            assert tool.platform.columns[1] is column


@pytest.mark.parametrize(
    ("quirks", "code", "status"),
    [(STANDARD, "platform_not_found", 404), (CANVAS, "line_item_precondition", 412), (MOODLE, "platform_refused", 403)],
    ids=lambda one: getattr(one, "product", None),
)
def test_a_link_that_is_not_the_tools(engine: Engine, quirks: Any, code: str, status: int) -> None:
    with reading(engine, quirks) as tool:
        new = essay(resource_link_id="of another tool")
        error = refused(tool, ServiceRefusedError, advantage(tool).create_line_item, new)
        assert (error.code, error.http_status, error.retryable) == (code, status, False)


@pytest.mark.parametrize("changes", [{"label": ""}, {"score_maximum": Decimal(0)}, {"score_maximum": Decimal(-1)}])
def test_an_item_that_breaks_the_rules_is_refused_for_good(tool: Reading, changes: dict[str, Any]) -> None:
    error = refused(tool, ServiceRefusedError, advantage(tool).create_line_item, essay(**changes))
    assert (error.code, error.retryable) == ("line_item_refused", False)
    assert tool.platform.columns == {}


def test_canvas_keeps_a_column_that_came_with_its_assignment(engine: Engine) -> None:
    with reading(engine, CANVAS) as tool:
        made = advantage(tool).create_line_item(*who(tool), essay(resource_link_id="link-1"))
        error = refused(tool, ServiceRefusedError, advantage(tool).delete_line_item, made.url)
        assert (error.code, error.http_status) == ("line_item_kept", 401)
        assert len(tool.platform.columns) == 1


def test_deleting_what_is_gone_is_no_error(tool: Reading) -> None:
    made = advantage(tool).create_line_item(*who(tool), essay())
    tool.platform.answers_to_lose = 1  # carried out, but the answer is lost: the repetition finds nothing
    advantage(tool).delete_line_item(*who(tool), made.url)
    advantage(tool).delete_line_item(*who(tool), made.url)
    assert [asked.status for asked in tool.platform.requests if asked.method == "DELETE"] == [504, 404, 404]


@pytest.mark.parametrize("granted", [[], [AGS + "lineitem.readonly"], [AGS + "score", AGS + "result.readonly"]])
def test_writing_needs_the_scope_for_it(tool: Reading, granted: list[str]) -> None:
    url = tool.platform.line_item_url(tool.platform.add_line_item("Essay"))
    tool.context.ags_scopes = granted
    service = advantage(tool)
    for action, args, options in (
        (service.create_line_item, (essay(),), {}),
        (service.update_line_item, (url,), {"label": "x"}),
        (service.delete_line_item, (url,), {}),
    ):
        error = refused(tool, MissingScopeError, action, *args, **options)
        assert str(error).startswith(f"The platform has not granted {AGS}lineitem to")
    assert tool.platform.requests == []


def test_reading_one_takes_the_smallest_scope(tool: Reading) -> None:
    url = tool.platform.line_item_url(tool.platform.add_line_item("Essay"))
    advantage(tool).get_line_item(*who(tool), url)
    assert list(tool.platform.token_scopes) == [AGS + "lineitem.readonly"]


def test_a_course_without_a_gradebook_says_so(tool: Reading) -> None:
    tool.context.line_items_url = None
    assert refused(tool, MissingScopeError, advantage(tool).create_line_item, essay()).code == "service_not_offered"


@pytest.mark.parametrize("url", ["https://elsewhere.example/1", "https://[", "", "ftp://x/1"])
def test_other_addresses_are_not_called(tool: Reading, url: str) -> None:
    for action in (advantage(tool).get_line_item, advantage(tool).delete_line_item):
        with pytest.raises(AddressRefusedError):
            action(*who(tool), url)
    with pytest.raises(AddressRefusedError):
        advantage(tool).update_line_item(*who(tool), url, label="x")
    assert tool.platform.requests == []
