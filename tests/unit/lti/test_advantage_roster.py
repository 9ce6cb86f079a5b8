"""Rosters with filters, custom parameters and differences, and groups."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from platforms.names import GROUP_READ, GROUPS
from platforms.quirks import CANVAS, MOODLE, PROFILES, STANDARD
from platforms.reading import Reading, reading
from sqlalchemy import Engine

from lti_tool.errors import AddressRefusedError, MissingScopeError, PlatformAnswerError, ServiceRefusedError
from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.advantage import Advantage, Group, GroupSet, GroupsOffer, Roster
from lti_tool.lti.claims import SignedClaims
from lti_tool.lti.course_groups import groups_offer
from lti_tool.models import MembershipStatus

COURSE = "http://purl.imsglobal.org/vocab/lis/v2/membership"


@pytest.fixture
def tool(engine: Engine) -> Iterator[Reading]:
    """A client and a platform to the letter of the standard, two members a page."""
    with reading(engine) as found:
        yield found


def roster(tool: Reading, **options: Any) -> Roster:
    """One reading of the roster."""
    return Advantage(tool.client).roster(tool.registration, tool.context, **options)


def ids(found: Roster) -> list[str]:
    """Everybody on it."""
    return [member.platform_user_id for page in found.pages() for member in page]


def with_people(tool: Reading, count: int = 5) -> None:
    for number in range(count):
        tool.platform.add_member(str(100 + number))


# -- filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PROFILES)
@pytest.mark.parametrize("limit", [None, 2])
def test_only_who_has_a_role(engine: Engine, product: str, limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the next pages are not filtered any more (Moodle with a limit)."""
    if limit is not None:
        monkeypatch.setattr("lti_tool.lti.names_and_roles.limit_of", lambda _: {"limit": str(limit)})
    with reading(engine, PROFILES[product]) as tool:
        with_people(tool)
        tool.platform.add_member("900", roles=["Instructor"])
        tool.platform.add_member("901", roles=["Mentor"])
        found = ids(roster(tool, role=f"{COURSE}#Instructor"))
        assert found == [tool.platform.personas["teacher"], "900"]
        asked = next(one for one in tool.platform.requests if one.kind == "members")
        assert asked.query["role"] == f"{COURSE}#Instructor"
        assert len(ids(roster(tool))) == 9


def test_a_platform_that_lists_everybody_for_an_unknown_role(engine: Engine) -> None:
    with reading(engine, MOODLE) as tool:
        assert ids(roster(tool, role=f"{COURSE}#Officer")) == []
        assert len(ids(roster(tool, role=f"{COURSE}#Learner"))) == 1


@pytest.mark.parametrize("product", PROFILES)
def test_custom_parameters_of_a_link_arrive_with_each_member(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        teacher, learner = tool.platform.personas["teacher"], tool.platform.personas["learner"]
        tool.platform.member_custom[learner] = {"canvas_user_id": 12, "empty": "", "sis": "$Canvas.user.sisSourceId",
                                                "odd": ["x"], "none": None, "name": "Léa"}  # fmt: skip
        found = roster(tool, resource_link_id="link-1").pages()
        custom = {member.platform_user_id: dict(member.custom) for page in found for member in page}
        assert custom == {teacher: {}, learner: {"canvas_user_id": "12", "empty": "", "name": "Léa"}}
        assert [dict(one.custom) for page in roster(tool).pages() for one in page] == [{}, {}]


@pytest.mark.parametrize(("quirks", "code"), [(STANDARD, "platform_not_found"), (CANVAS, "platform_refused")])
def test_a_link_that_is_not_the_tools(engine: Engine, quirks: Any, code: str) -> None:
    with reading(engine, quirks) as tool, pytest.raises(ServiceRefusedError) as caught:
        ids(roster(tool, resource_link_id="of another tool"))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("message", "custom"),
    [
        ("null", {}), ("7", {}), ("[null, 7, []]", {}), ('[{"CUSTOM": 5}]', {}), ('[{"CUSTOM": {"a": {}}}]', {}),
        ('[{"CUSTOM": {"a": "1"}}, {"CUSTOM": {"a": "2", "b": "3"}}]', {"a": "1", "b": "3"}),
        ('[{"CUSTOM": {"a": "\\u0000", "b": "\\ud800", "c": "LONG", "d": "ok"}}]', {"d": "ok"}),
        ('{"CUSTOM": {"a": "1"}}', {}),
    ],
)  # fmt: skip
def test_odd_messages(tool: Reading, message: str, custom: dict[str, str]) -> None:
    text = message.replace("CUSTOM", "https://purl.imsglobal.org/spec/lti/claim/custom").replace("LONG", "x" * 2000)
    tool.platform.answer_next(f'{{"members": [{{"user_id": "u", "roles": [], "message": {text}}}]}}')
    ((member,),) = roster(tool).pages()
    assert member.custom == custom


def test_pages_are_of_the_size_the_product_gives(engine: Engine) -> None:
    for quirks, limit in ((CANVAS, "50"), (MOODLE, None), (STANDARD, None)):
        with reading(engine, quirks, client_id=f"of {quirks.product}") as tool:
            ids(roster(tool))
            assert tool.platform.requests[-1].query.get("limit") == limit


# -- differences ------------------------------------------------------------------------------------------------------


def test_what_changed_since_a_reading(tool: Reading) -> None:
    with_people(tool)
    first = roster(tool)
    assert first.differences_url is None
    assert len(ids(first)) == 7
    assert first.differences_url is not None
    tool.platform.remove_member("101")
    tool.platform.members["102"].status = "Inactive"
    tool.platform.changes.append(("102", "Inactive"))
    tool.platform.add_member("new")
    tool.platform.changes.append(("new", "Active"))
    service = Advantage(tool.client).names_and_roles
    second = service.differences(tool.registration, tool.context, first.differences_url)
    found = [(one.platform_user_id, one.status, one.is_deleted) for page in second.pages() for one in page]
    assert found == [
        ("101", MembershipStatus.INACTIVE, True),
        ("102", MembershipStatus.INACTIVE, False),
        ("new", MembershipStatus.ACTIVE, False),
    ]
    assert second.differences_url not in {None, first.differences_url}
    third = service.differences(tool.registration, tool.context, second.differences_url or "")
    assert ids(third) == []


def test_most_platforms_offer_no_differences(engine: Engine) -> None:
    with reading(engine, CANVAS) as tool:
        found = roster(tool)
        assert len(ids(found)) == 2
        assert found.differences_url is None


def test_differences_elsewhere_are_none(tool: Reading) -> None:
    tool.platform.foreign_next_page = "https://elsewhere.example"
    found = roster(tool)
    assert len(ids(found)) == 2
    assert found.differences_url is None
    with pytest.raises(AddressRefusedError):
        ids(Advantage(tool.client).names_and_roles.differences(
            tool.registration, tool.context, "https://elsewhere.example/since/1"))  # fmt: skip


def test_differences_need_a_roster_that_is_offered(tool: Reading) -> None:
    tool.context.memberships_url = None
    with pytest.raises(MissingScopeError):
        Advantage(tool.client).names_and_roles.differences(
            tool.registration, tool.context, tool.platform.memberships_url
        )


# -- what a member has ------------------------------------------------------------------------------------------------


def test_a_member_has_no_picture_and_an_id_of_the_school(tool: Reading) -> None:
    tool.platform.answer_next(
        '{"members": [{"user_id": "u", "roles": [], "picture": "https://x.example/face.png", "family_name": "Lo",'
        '"lis_person_sourcedid": 4711, "lti11_legacy_user_id": "z"}]}'
    )
    ((member,),) = roster(tool).pages()
    assert (member.person_sourcedid, member.name) == ("4711", "Lo")
    assert not hasattr(member, "picture")


@pytest.mark.parametrize(
    ("enrolments", "expected"),
    [("null", ()), ("{}", ()), ('"g"', ()), ('[{"group_id": "g1"}, {"group_id": 2}, {"group_id": "g1"}]', ("g1", "2")),
     ('[null, "g", {}, {"group_id": null}, {"group_id": ""}, {"group_id": "ok"}]', ("ok",))],
)  # fmt: skip
def test_groups_of_a_member(tool: Reading, enrolments: str, expected: tuple[str, ...]) -> None:
    tool.platform.answer_next(f'{{"members": [{{"user_id": "u", "roles": [], "group_enrollments": {enrolments}}}]}}')
    ((member,),) = roster(tool).pages()
    assert member.group_ids == expected


def test_pages_without_end(tool: Reading) -> None:
    with_people(tool)
    tool.platform.endless_pages = True
    with pytest.raises(PlatformAnswerError) as caught:
        ids(roster(tool))
    assert caught.value.code == "pages_endless"


def test_the_same_page_under_ever_new_addresses(tool: Reading) -> None:
    counts = tool.platform.counts
    tool.platform._link = lambda *_: f'<?from={counts["members"]}>; rel="next"'  # type: ignore[method-assign]
    tool.platform._start = lambda *_: 0  # type: ignore[method-assign]
    tool.platform._members_answer = lambda request, context, entries: tool.platform._answer(  # type: ignore[method-assign]
        {"members": entries}, "application/json", {"Link": tool.platform._link(None, None, None)}
    )
    with pytest.raises(PlatformAnswerError) as caught:
        ids(roster(tool))
    assert (caught.value.code, counts["members"]) == ("pages_endless", 2)


# -- groups -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def offer(tool: Reading) -> GroupsOffer:
    """What a launch says of the groups of a course, after some were made."""
    tool.platform.granted_scopes = tool.platform.granted_scopes | {GROUP_READ}
    tool.platform.team_sets = {"s1": "Labs", "s2": "Projects", "s3": "Empty"}
    tool.platform.add_team("g1", "Red", "learner", set_id="s1")
    tool.platform.add_team("g2", "Blue", set_id="s1")
    tool.platform.add_team("g3", "Alone", "learner")
    claims = tool.platform.claims("learner", "nonce")
    found = groups_offer(SignedClaims(claims), AddressPolicy(["127.0.0.1"]))
    assert found is not None
    return found


def test_groups_and_sets_are_read_page_by_page(tool: Reading, offer: GroupsOffer) -> None:
    service = Advantage(tool.client)
    assert [group for page in service.iter_groups(tool.registration, tool.context, offer) for group in page] == [
        Group("g1", "Red", None, "s1"),
        Group("g2", "Blue", None, "s1"),
        Group("g3", "Alone", None, None),
    ]
    sets = service.groups.iter_group_sets(tool.registration, tool.context, offer)
    assert [one for page in sets for one in page] == [
        GroupSet("s1", "Labs"),
        GroupSet("s2", "Projects"),
        GroupSet("s3", "Empty"),
    ]
    assert (tool.platform.counts["groups"], tool.platform.counts["group_sets"]) == (2, 2)
    assert list(tool.platform.token_scopes) == [GROUP_READ]


def test_groups_of_one_person(tool: Reading, offer: GroupsOffer) -> None:
    service = Advantage(tool.client)
    mine = service.iter_groups(tool.registration, tool.context, offer, platform_user_id="learner")
    assert [group.group_id for page in mine for group in page] == ["g1", "g3"]
    members = [member for page in roster(tool).pages() for member in page]
    assert {one.platform_user_id: one.group_ids for one in members} == {"teacher": (), "learner": ("g1", "g3")}


@pytest.mark.parametrize(
    "claim",
    [None, 5, {}, {"context_groups_url": 5}, {"context_groups_url": "ftp://x"}, {"scope": ["x"]},
     {"context_groups_url": "http://10.0.0.1/groups"}],
    ids=str,
)  # fmt: skip
def test_a_launch_without_groups(claim: object) -> None:
    assert groups_offer(SignedClaims({GROUPS: claim}), AddressPolicy([])) is None


def test_groups_that_are_not_offered_or_granted(tool: Reading) -> None:
    service = Advantage(tool.client)
    with pytest.raises(MissingScopeError) as caught:
        list(service.iter_groups(tool.registration, tool.context, None))
    assert caught.value.code == "service_not_offered"
    with pytest.raises(MissingScopeError) as caught:
        list(service.groups.iter_group_sets(tool.registration, tool.context, None))
    assert caught.value.code == "service_not_offered"
    ungranted = GroupsOffer(f"{tool.platform.base_url}/services/course-1/groups", None, ("other",))
    with pytest.raises(MissingScopeError, match="contextgroup"):
        list(service.iter_groups(tool.registration, tool.context, ungranted))
    assert list(service.groups.iter_group_sets(tool.registration, tool.context, ungranted)) == []
    assert tool.platform.requests == []


@pytest.mark.parametrize("body", ["[]", "null", '{"groups": {}}', "<html>", '{"members": []}'])
def test_what_is_no_group_container_is_refused(tool: Reading, offer: GroupsOffer, body: str) -> None:
    service = Advantage(tool.client)
    for pages in (service.iter_groups, service.groups.iter_group_sets):
        tool.platform.answer_next(body)
        with pytest.raises(PlatformAnswerError):
            list(pages(tool.registration, tool.context, offer))


def test_odd_groups_are_left_out_and_counted(tool: Reading, offer: GroupsOffer) -> None:
    tool.platform.answer_next(
        '{"groups": [7, {}, {"id": null}, {"id": 3, "name": "A\\u0000\\nB", "tag": 1, "set_id": 2}]}'
    )
    malformed: Counter[str] = Counter()
    service = Advantage(tool.client)
    pages = service.iter_groups(tool.registration, tool.context, offer, malformed=malformed)
    assert [one for page in pages for one in page] == [Group("3", "A B", "1", "2")]
    tool.platform.answer_next('{"sets": [{"name": "no id"}, {"id": "s"}]}')
    sets = service.groups.iter_group_sets(tool.registration, tool.context, offer, malformed=malformed)
    assert [one for page in sets for one in page] == [GroupSet("s", "")]
    assert malformed == {"group": 3, "group_set": 1}
