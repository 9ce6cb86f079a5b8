"""Reading a course's people: whole or only what changed, with sections and groups where the platform tells them."""

from typing import Any

import pytest
from platforms.names import GROUP_READ
from platforms.quirks import CANVAS

from lti_tool.jobs.course_reading import read_course
from lti_tool.models import Context, MembershipStatus, PlatformIdentity, ResourceLink, SyncState
from lti_tool.services import roster


def change(tool: Any, **values: Any) -> None:
    with tool.services.database.write() as session:
        context = session.get_one(Context, tool.context_id)
        for name, value in values.items():
            setattr(context, name, value)


def read(tool: Any, reason: str = "schedule") -> list[str]:
    """Read once more; returns what the platform was asked about people."""
    before = len(tool.platform.requests)
    run_id = tool.ask(reason)
    read_course(tool.services, run_id)
    run = tool.run(run_id)
    assert (run.state, run.error_code) == (SyncState.DONE, None)
    kinds = ("members", "differences", "groups", "group_sets")
    return [one.kind for one in tool.platform.requests[before:] if one.kind in kinds]


def test_after_a_whole_reading_only_changes_are_asked_for(tool: Any) -> None:
    assert set(read(tool)) == {"members"}
    assert read(tool) == ["differences"]
    tool.platform.add_member("new", "Nils New")
    tool.platform.changes.append(("new", "Active"))
    tool.platform.remove_member("learner")
    assert set(read(tool)) == {"differences"}
    members = tool.members()
    assert members["new"].status is MembershipStatus.ACTIVE
    assert members["learner"].status is MembershipStatus.INACTIVE
    assert members["teacher"].status is MembershipStatus.ACTIVE  # not mentioned, and not departed
    assert read(tool) == ["differences"]


def test_who_asks_and_each_new_day_gets_the_whole_roster(tool: Any) -> None:
    read(tool)
    assert set(read(tool, "button")) == {"members"}
    tool.world.clock.forward(hours=23)
    assert read(tool) == ["differences"]
    tool.world.clock.forward(hours=2)
    assert set(read(tool)) == {"members"}


def test_changes_that_cannot_be_had_any_more_are_replaced_by_the_whole_roster(tool: Any) -> None:
    read(tool)
    change(tool, differences_url=f"{tool.platform.base_url}/services/gone/memberships/since/1")
    assert read(tool)[:2] == ["differences", "members"]


def test_an_address_of_changes_on_another_host_is_not_kept(tool: Any) -> None:
    change(tool, differences_url=None)
    tool.platform.foreign_next_page = "https://elsewhere.example"
    tool.platform.members.pop("teacher")
    read(tool)
    with tool.services.database.read() as session:
        assert session.get_one(Context, tool.context_id).differences_url is None


def test_sections_come_with_the_courses_own_link(make_tool: Any) -> None:
    tool = make_tool(CANVAS)
    tool.platform.member_custom["learner"] = {"canvas_section_ids": "12,34"}
    read(tool)
    assert tool.members()["learner"].sections is None
    with tool.services.database.write() as session:
        session.add(ResourceLink(context_id=tool.context_id, platform_id=tool.platform.context_id))
    read(tool)
    asked = [one.query.get("rlid") for one in tool.platform.requests if one.kind == "members"]
    assert asked == [None, tool.platform.context_id]
    members = tool.members()
    assert (members["learner"].sections, members["teacher"].sections) == (["12", "34"], None)


def test_what_canvas_calls_people_comes_with_the_courses_own_link(make_tool: Any) -> None:
    tool = make_tool(CANVAS)
    tool.platform.member_custom["learner"] = {"canvas_user_id": "17"}
    with tool.services.database.write() as session:
        session.add(ResourceLink(context_id=tool.context_id, platform_id=tool.platform.context_id))
    read(tool)
    learner = tool.members()["learner"].user_id
    with tool.services.database.read() as session:
        named = [(one.source, one.external_id, one.user_id) for one in session.query(PlatformIdentity)]
    assert named == [("canvas", "17", learner)]


def test_a_link_that_the_platform_does_not_know_costs_only_the_sections(make_tool: Any) -> None:
    tool = make_tool(CANVAS)
    with tool.services.database.write() as session:
        session.add(ResourceLink(context_id=tool.context_id, platform_id=tool.platform.context_id))
    tool.platform.link_ids = set
    assert read(tool) == ["members", "members"]
    assert set(tool.members()) == {"teacher", "learner"}


def test_groups_come_with_whoever_is_in_them(tool: Any) -> None:
    tool.platform.granted_scopes = tool.platform.granted_scopes | {GROUP_READ}
    tool.platform.team_sets["s"] = "Teams"
    tool.platform.add_team("g1", "Tank one", "learner", set_id="s")
    tool.platform.add_team("g2", "Tank two")
    base = f"{tool.platform.base_url}/services/{tool.platform.context_id}/groups"
    change(tool, groups_url=base, group_sets_url=f"{base}/sets")
    assert {"groups", "group_sets"} <= set(read(tool))
    with tool.services.database.read() as session:
        one, two = sorted(roster.groups_of(session, tool.context_id), key=lambda group: group.platform_id)
    learner = tool.members()["learner"].user_id
    assert (one.name, one.set_name, one.user_ids) == ("Tank one", "Teams", frozenset({learner}))
    assert (two.name, two.set_name, two.user_ids) == ("Tank two", None, frozenset())
    del tool.platform.teams["g1"]
    assert read(tool) == ["differences"]  # what changed does not say who is in which group
    read(tool, "button")
    with tool.services.database.read() as session:
        assert [one.name for one in roster.groups_of(session, tool.context_id)] == ["Tank two"]


@pytest.mark.parametrize(
    ("is_granted", "state", "code"),
    [(True, SyncState.FAILED, "platform_not_found"), (False, SyncState.DONE, None)],
)
def test_groups_that_fail_do_not_keep_grades_from_being_read(
    tool: Any, is_granted: bool, state: SyncState, code: str | None
) -> None:
    if is_granted:
        tool.platform.granted_scopes = tool.platform.granted_scopes | {GROUP_READ}
    tool.platform.add_line_item("Essay", {"learner": 5})
    change(tool, groups_url=f"{tool.platform.base_url}/services/{tool.platform.context_id}/nothing-here")
    run = tool.read()
    assert (run.state, run.error_code) == (state, code)
    assert ("Essay", "learner") in tool.scores()
