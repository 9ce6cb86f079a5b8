"""Rosters, line items and results, read from platforms of every profile."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from platforms.quirks import BLACKBOARD, CANVAS, MOODLE, PROFILES, SAKAI_READ_ALL, STANDARD
from platforms.reading import Reading, reading
from sqlalchemy import Engine

from lti_tool.errors import AddressRefusedError, MissingScopeError, PlatformAnswerError, ServiceRefusedError
from lti_tool.lti.advantage import LINE_ITEM_SCOPES, Advantage, LineItem, Member, Result
from lti_tool.lti.claims import is_learner_role
from lti_tool.models import MembershipStatus

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"


@pytest.fixture
def tool(engine: Engine) -> Iterator[Reading]:
    """A client and a platform to the letter of the standard."""
    with reading(engine) as found:
        yield found


def members_of(tool: Reading, malformed: Counter[str] | None = None) -> list[Member]:
    """The whole roster."""
    pages = Advantage(tool.client).iter_members(tool.registration, tool.context, malformed=malformed)
    return [member for page in pages for member in page]


def line_items_of(tool: Reading, malformed: Counter[str] | None = None) -> list[LineItem]:
    """All line items."""
    pages = Advantage(tool.client).iter_line_items(tool.registration, tool.context, malformed=malformed)
    return [item for page in pages for item in page]


def results_of(tool: Reading, url: str, **options: Any) -> list[Result]:
    """All results of a line item."""
    pages = Advantage(tool.client).iter_results(tool.registration, tool.context, url, **options)
    return [result for page in pages for result in page]


# -- every profile ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PROFILES)
def test_a_course_is_read_whole_with_three_tokens(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        people = [str(1000 + number) for number in range(120)]
        for person in people:
            tool.platform.add_member(person, f"Learner {person}", f"{person}@school.example")
        scores: dict[str, Decimal | None] = {one: Decimal(index) + Decimal("0.1") for index, one in enumerate(people)}
        columns = [tool.platform.add_line_item(f"Work {number}", scores, maximum=150) for number in range(12)]
        tool.platform.add_line_item("Of another tool", scores, mine=False)
        malformed: Counter[str] = Counter()
        for _ in range(2):
            assert [one.platform_user_id for one in members_of(tool, malformed)][2:] == people
            items = line_items_of(tool, malformed)
            assert [item.url for item in items] == [tool.platform.line_item_url(column) for column in columns]
            results = results_of(tool, items[-1].url, malformed=malformed)
            assert {one.platform_user_id: one.score for one in results} == scores
            assert {one.maximum for one in results} == {Decimal(150)}
        assert malformed == {}
        assert set(tool.platform.token_scopes.values()) == {1}
        assert len(tool.platform.token_scopes) == 3
        assert {asked.status for asked in tool.platform.requests} == {200}


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        ("canvas", {"members": 2, "line_items": 1, "results": 2}),  # 50 members and 100 results at most
        ("moodle", {"members": 1, "line_items": 1, "results": 1}),
        ("blackboard", {"members": 1, "line_items": 1, "results": 1}),
    ],
)
def test_pages_are_as_large_as_the_platform_allows(engine: Engine, product: str, expected: dict[str, int]) -> None:
    with reading(engine, PROFILES[product]) as tool:
        people = [str(1000 + number) for number in range(98)]
        for person in people:
            tool.platform.add_member(person)
        column = tool.platform.add_line_item("Essay", dict.fromkeys([*people, "2001", "2002", "2003"], Decimal(1)))
        assert len(members_of(tool)) == 100
        assert len(line_items_of(tool)) == 1
        assert len(results_of(tool, tool.platform.line_item_url(column))) == 101
        assert {kind: tool.platform.counts[kind] for kind in expected} == expected


# -- rosters ----------------------------------------------------------------------------------------------------------


def test_a_member_has_what_the_platform_shares(tool: Reading) -> None:
    tool.platform.add_member("u-9", None, None, roles=["Learner"], status="Inactive")
    teacher, learner, silent = members_of(tool)
    assert teacher.name == "Tara Tench"
    assert (learner.email, learner.status, is_learner_role(learner.roles)) == (
        "lea@school.example",
        MembershipStatus.ACTIVE,
        True,
    )
    assert (silent.name, silent.email, silent.status, silent.locale) == (None, None, MembershipStatus.INACTIVE, None)


@pytest.mark.parametrize("status", ["Deleted", "inactive", "Suspended"])
def test_only_active_is_active(tool: Reading, status: str) -> None:
    tool.platform.answer_next(f'{{"members": [{{"user_id": "u", "roles": [], "status": "{status}"}}]}}')
    assert [one.status for one in members_of(tool)] == [MembershipStatus.INACTIVE]


def test_names_are_put_together_cleaned_and_cut(tool: Reading) -> None:
    tool.platform.answer_next(
        '{"members": [{"user_id": 7, "roles": null, "given_name": "Ada ", "family_name": "Bream", "locale": "fr-CA"},'
        '{"user_id": "8", "name": "A\\u0000B\\ud800", "email": "' + "x" * 400 + '"}]}'
    )
    first, second = members_of(tool)
    assert first == Member("7", "Ada Bream", None, (), MembershipStatus.ACTIVE, "fr-CA")
    assert (second.name, second.email) == ("AB", None)


@pytest.mark.parametrize(
    "entry",
    ["{}", "null", '"u"', '{"user_id": null}', '{"user_id": true}', '{"user_id": ""}', '{"user_id": 1.5}',
     '{"user_id": "a\\u0000"}', '{"user_id": "' + "x" * 256 + '"}', '{"user_id": "u", "roles": "Learner"}',
     '{"user_id": "u", "roles": [1]}'],
)  # fmt: skip
def test_a_member_without_an_id_or_with_odd_roles_is_left_out_and_counted(tool: Reading, entry: str) -> None:
    tool.platform.answer_next(f'{{"members": [{entry}, {{"user_id": "good", "roles": []}}]}}')
    malformed: Counter[str] = Counter()
    assert [one.platform_user_id for one in members_of(tool, malformed)] == ["good"]
    assert malformed == {"member": 1}


@pytest.mark.parametrize("body", ["[]", "{}", '{"members": {}}', "null", "7"])
def test_what_is_no_membership_container_is_refused(tool: Reading, body: str) -> None:
    tool.platform.answer_next(body)
    with pytest.raises(PlatformAnswerError):
        members_of(tool)


def test_moodles_short_roles_are_understood(engine: Engine) -> None:
    with reading(engine, MOODLE) as tool:
        teacher, learner = members_of(tool)
        assert (teacher.roles, is_learner_role(teacher.roles)) == (("Instructor",), False)
        assert is_learner_role(learner.roles)


# -- line items -------------------------------------------------------------------------------------------------------


def test_a_line_item_has_all_its_parts(tool: Reading) -> None:
    column = tool.platform.add_line_item("Essay", maximum=Decimal("12.50"), resource_id="essay-1", tag="badge")
    column.raw = {"resourceLinkId": "link-1"}
    assert line_items_of(tool) == [
        LineItem(tool.platform.line_item_url(column), "Essay", Decimal("12.50"), "essay-1", "badge", "link-1")
    ]


def test_only_the_tools_own_items_are_listed_and_others_stay_closed(tool: Reading) -> None:
    foreign = tool.platform.add_line_item("Exam", {"learner": Decimal(9)}, mine=False)
    assert line_items_of(tool) == []
    with pytest.raises(ServiceRefusedError) as caught:
        results_of(tool, tool.platform.line_item_url(foreign))
    assert caught.value.code == "platform_not_found"


def test_sakais_opt_in_shows_all_columns(engine: Engine) -> None:
    with reading(engine, SAKAI_READ_ALL) as tool:
        tool.platform.add_line_item("Exam", {"learner": Decimal(9)}, mine=False)
        (item,) = line_items_of(tool)
        assert [one.score for one in results_of(tool, item.url)] == [Decimal(9)]


@pytest.mark.parametrize(
    "raw",
    [{"id": None}, {"id": ""}, {"id": 7}, {"id": "not an address"}, {"id": "https://[x/1"}, {"id": "x" * 3000},
     {"scoreMaximum": True}, {"scoreMaximum": "ten"}, {"scoreMaximum": -1}, {"scoreMaximum": [10]}],
)  # fmt: skip
def test_a_line_item_that_breaks_the_standard_is_left_out_and_counted(tool: Reading, raw: dict[str, Any]) -> None:
    tool.platform.add_line_item("Broken").raw = raw
    tool.platform.add_line_item("Good")
    malformed: Counter[str] = Counter()
    assert [item.label for item in line_items_of(tool, malformed)] == ["Good"]
    assert malformed == {"line_item": 1}


def test_a_line_item_may_lack_its_maximum_and_label(tool: Reading) -> None:
    tool.platform.add_line_item("Essay").raw = {"scoreMaximum": None, "label": None}
    (item,) = line_items_of(tool)
    assert (item.score_maximum, item.label) == (None, "")


@pytest.mark.parametrize("body", ["{}", "null", '{"lineItems": []}'])
def test_what_is_no_list_is_refused(tool: Reading, body: str) -> None:
    tool.platform.answer_next(body)
    with pytest.raises(PlatformAnswerError):
        line_items_of(tool)


# -- results ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def essay(tool: Reading) -> str:
    """A line item with a grade, a zero, a result without a score, and a learner without any result."""
    scores = {"graded": Decimal("69.5"), "zero": Decimal(0), "ungraded": None}
    return tool.platform.line_item_url(tool.platform.add_line_item("Essay", scores))


def test_ungraded_is_not_zero(tool: Reading, essay: str) -> None:
    found = {one.platform_user_id: (one.score, one.maximum) for one in results_of(tool, essay)}
    assert found == {
        "graded": (Decimal("69.5"), Decimal(100)),
        "zero": (Decimal(0), Decimal(100)),
        "ungraded": (None, Decimal(100)),
    }


@pytest.mark.parametrize(
    ("fields", "score", "maximum"),
    [
        ('"resultScore": null, "resultMaximum": 10', None, "10"),
        ('"resultMaximum": null', None, None),
        ('"resultScore": 0.5', "0.5", "1"),
        ('"resultScore": 33.333333333333336, "resultMaximum": 100.0', "33.333333333333336", "100.0"),
        ('"resultScore": 1e1, "resultMaximum": 12', "10", "12"),
        ('"resultScore": "85.5", "resultMaximum": "100"', "85.5", "100"),
        ('"resultScore": 7, "resultMaximum": 0', "7", "0"),
        ('"resultScore": 120, "resultMaximum": 100', "120", "100"),
    ],
)
def test_scores_are_exact(tool: Reading, essay: str, fields: str, score: str | None, maximum: str | None) -> None:
    tool.platform.answer_next(f'[{{"userId": "u", {fields}}}]')
    (found,) = results_of(tool, essay)
    assert found.score == (None if score is None else Decimal(score))
    assert found.maximum == (None if maximum is None else Decimal(maximum))


@pytest.mark.parametrize(
    "fields",
    ['"resultScore": true', '"resultScore": "A"', '"resultScore": ""', '"resultScore": "85,5"', '"resultScore": []',
     '"resultScore": {"value": 3}', '"resultScore": NaN', '"resultScore": Infinity', '"resultScore": 1e999999999',
     '"resultScore": 1e-999999999', '"resultScore": "NaN"', '"resultScore": 5, "resultMaximum": false',
     '"resultScore": 5, "resultMaximum": -1', '"resultScore": ' + "9" * 100, '"resultScore": "٣"'],
)  # fmt: skip
def test_what_is_no_number_never_becomes_a_score(tool: Reading, essay: str, fields: str) -> None:
    tool.platform.answer_next(f'[{{"userId": "u", {fields}}}, {{"userId": "good", "resultScore": 1}}]')
    malformed: Counter[str] = Counter()
    assert [one.platform_user_id for one in results_of(tool, essay, malformed=malformed)] == ["good"]
    assert malformed == {"result": 1}


def test_malformed_entries_may_go_uncounted(tool: Reading, essay: str) -> None:
    tool.platform.answer_next('[{"userId": null, "resultScore": 1}, 7]')
    assert results_of(tool, essay) == []


def test_moodles_addresses_keep_their_query_and_its_numbers_become_ids(engine: Engine) -> None:
    with reading(engine, MOODLE) as tool:
        column = tool.platform.add_line_item("Essay", {"4": Decimal(8)}, maximum=10)
        url = tool.platform.line_item_url(column)
        assert url.endswith("/lineitem?type_id=1")
        (result,) = results_of(tool, url)
        assert (result.platform_user_id, result.score) == ("4", Decimal(8))
        assert result.updated_at is not None
        assert result.updated_at.isoformat() == "2026-11-02T09:30:00+00:00"
        asked = tool.platform.requests[-1]
        assert (asked.path.endswith("/lineitem/results"), dict(asked.query)) == (True, {"type_id": "1"})


@pytest.mark.parametrize("quirks", [STANDARD, CANVAS, MOODLE, BLACKBOARD], ids=lambda one: one.product)
def test_results_of_one_person(engine: Engine, quirks: Any) -> None:
    with reading(engine, quirks) as tool:
        column = tool.platform.add_line_item("Essay", {"11": Decimal(1), "12": Decimal(2), "13": Decimal(3)})
        found = results_of(tool, tool.platform.line_item_url(column), platform_user_id="12")
        assert [(one.platform_user_id, one.score) for one in found] == [("12", Decimal(2))]
        assert tool.platform.requests[-1].query["user_id"] == "12"


def test_a_final_slash_is_not_doubled(tool: Reading, essay: str) -> None:
    results_of(tool, essay + "/")
    assert tool.platform.requests[-1].path.endswith("/lineitems/1/results")


# -- grants -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granted", "asked"),
    [(LINE_ITEM_SCOPES, LINE_ITEM_SCOPES[0]), (LINE_ITEM_SCOPES[:1], LINE_ITEM_SCOPES[0]),
     (LINE_ITEM_SCOPES[1:], LINE_ITEM_SCOPES[1])],
)  # fmt: skip
def test_the_smallest_granted_scope_is_asked_for(tool: Reading, granted: tuple[str, ...], asked: str) -> None:
    tool.context.ags_scopes = list(granted)
    line_items_of(tool)
    assert list(tool.platform.token_scopes) == [asked]


def test_a_scope_no_launch_granted_is_not_asked_for(tool: Reading, essay: str) -> None:
    tool.context.ags_scopes = [AGS + "score"]
    with pytest.raises(MissingScopeError, match=r"lineitem\.readonly"):
        line_items_of(tool)
    with pytest.raises(MissingScopeError, match=r"result\.readonly"):
        results_of(tool, essay)
    assert tool.platform.requests == []


def test_a_course_without_the_services_says_so(tool: Reading) -> None:
    tool.context.line_items_url = tool.context.memberships_url = None
    for read in (line_items_of, members_of):
        with pytest.raises(MissingScopeError) as caught:
            read(tool)
        assert caught.value.code == "service_not_offered"


def test_a_line_item_on_another_origin_is_not_called(tool: Reading) -> None:
    with pytest.raises(AddressRefusedError):
        results_of(tool, "https://elsewhere.example/lineitems/1")
    assert tool.platform.requests == []
