"""Grants: which one serves a course, tokens that end in the middle, refusals, and two who renew at once."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from platforms.canvas_api import html_page
from platforms.canvas_reading import ALL_SCOPES, CanvasReading, canvas_reading
from sqlalchemy import Engine, update

from lti_tool.errors import GrantError, PlatformAnswerError
from lti_tool.evidence import canvas_scopes
from lti_tool.evidence.base import ClauseKind
from lti_tool.evidence.grants import GrantTokens, place_of
from lti_tool.models import ApiGrant, GrantState, PlatformApi


@pytest.fixture
def tool(engine: Engine) -> Iterator[CanvasReading]:
    """A Canvas that is set up, with nobody's grant."""
    with canvas_reading(engine) as found:
        found.canvas.course.add_assignment("Work")
        yield found


def needs(tool: CanvasReading) -> tuple[str, ...]:
    """What has to be done before the course can be read."""
    return tool.source().capability(tool.context).needs


def change(tool: CanvasReading, table: type[Any], **values: Any) -> None:
    """Change every row of a table."""
    with tool.database.write() as session:
        session.execute(update(table).values(**values))


# -- which grant ------------------------------------------------------------------------------------------------------


def test_the_institutions_grant_goes_before_the_courses_own(tool: CanvasReading) -> None:
    own = tool.allow(place=place_of(tool.context.id))
    access = tool.grants().access(tool.context, "canvas")
    assert access is not None
    assert (access.token, access.place) == (own.access_token, f"context:{tool.context.id}")
    whole = tool.allow()
    access = tool.grants().access(tool.context, "canvas")
    assert access is not None
    assert (access.token, access.place) == (whole.access_token, "institution")
    assert whole.access_token not in repr(access)


def test_a_grant_of_another_course_serves_nobody_else(tool: CanvasReading) -> None:
    tool.allow(place=place_of(tool.context.id + 1))
    assert tool.grants().access(tool.context, "canvas") is None
    assert needs(tool) == ("grant_missing",)


def test_another_institutions_api_is_not_ours(tool: CanvasReading) -> None:
    tool.allow()
    tool.context.organization_id += 1
    assert tool.grants().access(tool.context, "canvas") is None
    assert needs(tool) == ("api_not_set_up",)


def test_where_the_institutions_grant_was_refused_the_courses_own_serves(tool: CanvasReading) -> None:
    tool.allow()
    tool.grants().refused(1, "grant_refused")
    assert needs(tool) == ("grant_refused",)
    tool.allow(place=place_of(tool.context.id))
    assert needs(tool) == ()


def test_switched_off_and_not_set_up(tool: CanvasReading) -> None:
    assert needs(tool) == ("grant_missing",)
    tool.allow()
    assert needs(tool) == ()
    change(tool, PlatformApi, disabled_at=tool.now())
    assert needs(tool) == ("api_disabled",)
    with pytest.raises(GrantError) as caught:
        tool.columns()
    assert caught.value.code == "api_disabled"
    change(tool, PlatformApi, disabled_at=None, source="moodle")
    assert needs(tool) == ("api_not_set_up",)


def test_what_a_grant_allows_says_what_can_be_decided(tool: CanvasReading) -> None:
    tool.allow(canvas_scopes.asked(["outcomes"]))
    found = tool.source().capability(tool.context)
    assert ClauseKind.LETTER in found.decides
    assert not found.own_columns_only
    assert {kind.value for kind in found.column_kinds} == {"line_item", "course_total", "outcome"}


def test_a_grant_too_narrow_for_anything_is_not_used(tool: CanvasReading) -> None:
    tool.allow([canvas_scopes.MODULES])
    assert needs(tool) == ("grant_narrowed",)


# -- tokens that end --------------------------------------------------------------------------------------------------


def test_a_token_that_is_about_to_end_is_renewed_before_it_is_used(tool: CanvasReading) -> None:
    given = tool.allow()
    tool.canvas.course.later(minutes=59, seconds=30)
    assert len(tool.columns()) == 2
    assert tool.canvas.calls["token"] == 1
    access = tool.grants().access(tool.context, "canvas")
    assert access is not None
    assert access.token == given.access_token
    assert access.expires_at == tool.now() + timedelta(hours=1)
    tool.columns()
    assert tool.canvas.calls["token"] == 1


def test_a_token_that_dies_in_the_middle_is_renewed_and_the_same_page_read(tool: CanvasReading) -> None:
    given = tool.allow()
    course = tool.canvas.course
    for number in range(9):
        course.grade(1, course.add_student(f"Student {number}"), number)
    tool.canvas.page_size = 2
    stream = tool.stream("submissions")

    def die() -> None:
        given.access_token = "another-one"

    tool.canvas.mishaps["submissions"] = [lambda: None, lambda: None, die]
    scores = [one.score for page in tool.pages(stream) for _, one in page.observations]
    assert scores == list(range(9))
    assert tool.canvas.calls["token"] == 1
    assert tool.grant_rows()[0].state is GrantState.ACTIVE


def test_the_refresh_token_that_serves_for_ever_is_kept(tool: CanvasReading) -> None:
    given = tool.allow()
    for _ in range(3):
        tool.canvas.course.later(hours=2)
        tool.columns()
    assert tool.canvas.calls["token"] == 3
    client = tool.grants().client(1)
    assert client is not None
    assert client.tokens.refresh_token == given.refresh_token


def test_tokens_are_encrypted_where_they_are_stored(tool: CanvasReading) -> None:
    given = tool.allow()
    stored = tool.grant_rows()[0].tokens
    assert stored is not None
    assert given.access_token not in stored
    assert GrantTokens.opened(stored, tool.vault).refresh_token == given.refresh_token


# -- refusals ---------------------------------------------------------------------------------------------------------


def refused_with(tool: CanvasReading) -> str:
    """The code of the error a reading ends with."""
    with pytest.raises(GrantError) as caught:
        tool.columns()
    return caught.value.code


def test_a_grant_withdrawn_on_canvas(tool: CanvasReading) -> None:
    tool.allow().is_revoked = True
    assert refused_with(tool) == "grant_refused"
    (row,) = tool.grant_rows()
    assert (row.state, row.error_code) == (GrantState.NEEDED, "grant_refused")
    assert tool.audited() == ["api_grant.refused"]
    assert needs(tool) == ("grant_refused",)
    asked = sum(tool.canvas.calls.values())
    assert refused_with(tool) == "grant_refused"
    assert sum(tool.canvas.calls.values()) == asked


def test_a_service_account_that_is_disabled(tool: CanvasReading) -> None:
    tool.allow()
    tool.canvas.is_account_disabled = True
    assert refused_with(tool) == "grant_refused"
    assert needs(tool) == ("grant_refused",)


def test_a_developer_key_that_is_switched_off_or_has_another_secret(tool: CanvasReading) -> None:
    tool.allow()
    tool.canvas.is_key_on = False
    assert refused_with(tool) == "client_refused"
    assert needs(tool) == ("client_refused",)


def test_a_scope_that_is_gone_ends_the_grant_and_says_what_is_lost(tool: CanvasReading) -> None:
    given = tool.allow()
    tool.canvas.course.add_module("Week 1")
    given.scopes = frozenset(ALL_SCOPES) - {canvas_scopes.MODULES}
    assert refused_with(tool) == "grant_narrowed"
    found = tool.source().capability(tool.context)
    assert found.needs == ("grant_narrowed",)
    assert {kind.value for kind in found.column_kinds} == {"line_item", "course_total", "outcome"}
    assert tool.canvas.calls["token"] == 0


def test_a_refusal_of_a_token_that_was_replaced_meanwhile_does_not_count(tool: CanvasReading) -> None:
    tool.allow()
    assert not tool.grants().refused(1, "grant_refused", token="an older one")
    assert needs(tool) == ()
    assert tool.grants().refused(1, "grant_refused")
    assert not tool.grants().refused(1, "grant_refused")
    assert tool.audited() == ["api_grant.refused"]


def test_a_token_endpoint_that_answers_html_says_nothing_about_the_grant(tool: CanvasReading) -> None:
    given = tool.allow()
    given.access_token = "ended"
    tool.canvas.oauth = lambda *_: html_page()  # type: ignore[method-assign]
    with pytest.raises(PlatformAnswerError):
        tool.columns()
    assert needs(tool) == ()


# -- two at once ------------------------------------------------------------------------------------------------------


def test_two_processes_that_find_the_token_ended_end_with_one_good_token(tool: CanvasReading) -> None:
    given = tool.allow()
    tool.canvas.course.later(hours=2)
    failures: list[Exception] = []

    def read() -> None:
        try:
            assert len(tool.columns(tool.source())) == 2
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    access = tool.grants().access(tool.context, "canvas")
    assert access is not None
    assert access.token == given.access_token
    assert tool.grant_rows()[0].state is GrantState.ACTIVE


def test_only_one_process_has_the_turn_until_it_ends_or_dies(tool: CanvasReading) -> None:
    tool.allow()
    one, other = tool.grants(), tool.grants()
    assert one.begin_renewal(1)
    assert not other.begin_renewal(1)
    one.end_renewal(1)
    assert other.begin_renewal(1)
    one.end_renewal(1)
    assert not one.begin_renewal(1)
    tool.canvas.course.later(minutes=2)
    assert one.begin_renewal(1)


def test_tokens_that_come_after_a_grant_was_given_up_are_not_kept(tool: CanvasReading) -> None:
    tool.allow()
    change(tool, ApiGrant, state=GrantState.ENDED, tokens=None)
    tool.grants().renewed(1, GrantTokens("new"))
    assert tool.grant_rows()[0].tokens is None
    assert needs(tool) == ("grant_missing",)
