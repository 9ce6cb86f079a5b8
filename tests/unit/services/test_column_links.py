"""The same work in two sources: proposed, confirmed, refused, taken back; and what it then counts as."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import Course, course_on

from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness
from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import ConflictError, NotFoundError
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import Checkpoint, CheckpointKind, ColumnKind, Context, LinkGround, LinkState
from lti_tool.services import (
    assessing,
    checkpoints,
    column_links,
    evidence_sources,
    mapping,
    observing,
    overview,
    same_work,
)
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.services.course_rules import load_course
from lti_tool.services.gathering import gather, gather_facts
from lti_tool.services.rebuilding import RebuildOutcome, rebuild

TEACHER = "user:99"


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    with course_on(migrated_sqlite_url) as course:
        yield course


def column(course: Course, source: str, title: str = "Essay", maximum: str | None = "100", **more: Any) -> int:
    """A column that another source just read."""
    with course.database.write() as session:
        values = {"kind": ColumnKind.LINE_ITEM, "resource_id": None, "tag": None, "position": 1} | more
        key = values.pop("external_key", f"{source}-{title}")
        reading = ColumnReading(
            external_key=key, title=title, maximum=None if maximum is None else Decimal(maximum), **values
        )
        column_id = observing.store_column(session, course.context_id, source, reading)
        observing.mark_column_read(session, column_id, course.now)
        return column_id


def propose(course: Course) -> list[tuple[str, str, str]]:
    """Propose; returns (ground, state, titles) of every link."""
    with course.database.write() as session:
        column_links.propose(session, course.context_id, course.now)
    with course.database.read() as session:
        return [
            (one.ground.value, one.state.value, f"{one.column.source}-{one.other.source}")
            for one in column_links.course_links(session, course.context_id)
        ]


def decide(course: Course, state: LinkState, number: int = 0) -> None:
    with course.database.write() as session:
        link = column_links.course_links(session, course.context_id)[number]
        column_links.decide(session, course.context_id, link.id, state, TEACHER, course.now)


def seen(course: Course, user_id: int) -> Evidence:
    """The one piece of evidence about a user."""
    with course.database.read() as session:
        loaded = load_course(session, course.context_id)
        (evidence,) = gather_facts(session, loaded, [user_id], course.now)[user_id].evidence.values()
        return evidence


# -- finding them -----------------------------------------------------------------------------------------------------


def test_the_same_title_and_maximum_is_proposed_once(course: Course) -> None:
    course.column("Final  Essay")
    column(course, "canvas", "final essay")
    column(course, "canvas", "Other")
    assert propose(course) == [("title", "proposed", "ags-canvas")]
    assert propose(course) == [("title", "proposed", "ags-canvas")]


@pytest.mark.parametrize(
    "other",
    [{"maximum": "50"}, {"maximum": None}, {"title": "Essays"}, {"kind": ColumnKind.MODULE}],
    ids=["another maximum", "none", "another title", "another kind"],
)
def test_what_is_not_alike_is_not_proposed(course: Course, other: dict[str, Any]) -> None:
    course.column("Essay")
    column(course, "canvas", **other)
    assert propose(course) == []


def test_a_title_that_a_source_has_twice_says_nothing(course: Course) -> None:
    course.column("Essay")
    column(course, "canvas", external_key="1")
    column(course, "canvas", external_key="2")
    column(course, "csv_upload", external_key="3")
    assert propose(course) == [("title", "proposed", "ags-csv_upload")]


def test_an_id_of_lti_says_more_than_a_title(course: Course) -> None:
    course.column("Essay", key="https://lms.example/items/1")
    column(course, "canvas", "Renamed", "20", lti_ids=("https://lms.example/items/1",))
    column(course, "canvas", "Essay")
    assert propose(course) == [("lti_id", "proposed", "ags-canvas"), ("title", "proposed", "ags-canvas")]


def test_one_source_alone_has_nothing_to_link(course: Course) -> None:
    course.column("Essay", key="1")
    course.column("Essay", key="2")
    assert propose(course) == []


# -- a person decides -------------------------------------------------------------------------------------------------


def linked(course: Course, state: LinkState = LinkState.CONFIRMED) -> tuple[int, int]:
    """A column of AGS that counts, and one of Canvas that is the same work."""
    own = course.column()
    other = column(course, "canvas")
    propose(course)
    if state is not LinkState.PROPOSED:
        decide(course, state)
    return own, other


def test_a_decision_is_on_record_and_can_be_taken_back(course: Course) -> None:
    linked(course)
    course.evaluate()
    decide(course, LinkState.PROPOSED)
    assert course.is_due()
    decide(course, LinkState.REFUSED)
    decide(course, LinkState.REFUSED)
    assert propose(course) == [("title", "refused", "ags-canvas")]
    actions = [(one.action, one.actor) for one in course.events("column_link.")]
    assert actions == [
        ("column_link.confirmed", TEACHER),
        ("column_link.reopened", TEACHER),
        ("column_link.refused", TEACHER),
    ]


def test_a_link_of_another_course_is_none_of_ours(course: Course) -> None:
    linked(course)
    elsewhere = course.add_course("course-2")
    with course.database.write() as session:
        (link,) = column_links.course_links(session, course.context_id)
        with pytest.raises(NotFoundError):
            column_links.decide(session, elsewhere, link.id, LinkState.REFUSED, TEACHER, course.now)


def test_one_source_cannot_show_the_same_work_twice(course: Course) -> None:
    course.column("Essay", key="https://lms.example/items/1")
    column(course, "canvas", "One", lti_ids=("https://lms.example/items/1",))
    column(course, "canvas", "Essay")
    propose(course)
    decide(course, LinkState.CONFIRMED, 0)
    with pytest.raises(ConflictError) as caught:
        decide(course, LinkState.CONFIRMED, 1)
    assert caught.value.code == "link_same_source"


def test_work_that_several_see_is_listed_once(course: Course) -> None:
    own, other = linked(course, LinkState.PROPOSED)

    def listed() -> list[int]:
        with course.database.read() as session:
            return [one.id for one in mapping.course_columns(session, course.context_id)]

    assert listed() == [own, other]
    decide(course, LinkState.CONFIRMED)
    assert listed() == [own]
    course.skill("Write", {other: "70"})
    assert listed() == [other], "what fills a slot is what is shown"


# -- what it counts as ------------------------------------------------------------------------------------------------


def test_linked_columns_count_as_one(course: Course) -> None:
    own, other = linked(course)
    ada, ben = course.person("ada"), course.person("ben")
    badge = course.badge_for(own)
    course.grade(other, ada, "80")
    assert (seen(course, ada).score, seen(course, ada).source) == (Decimal(80), "canvas")
    assert seen(course, ben).state is EvidenceState.UNGRADED
    course.evaluate()
    assert course.states() == {(badge, ada): AwardState.OFFERED}
    (trace,) = course.traces()
    (slot,) = trace.document["basis"]["slots"].values()
    assert (slot["column"], slot["source"]) == (other, "canvas")
    with course.database.read() as session:
        (rebuilt,) = rebuild(session, course.award().id)
        assert rebuilt.outcome is RebuildOutcome.SAME


@pytest.mark.parametrize("state", [LinkState.PROPOSED, LinkState.REFUSED])
def test_nothing_counts_together_before_it_is_confirmed(course: Course, state: LinkState) -> None:
    own, other = linked(course, state)
    ada = course.person("ada")
    course.badge_for(own)
    course.grade(other, ada, "80")
    assert seen(course, ada).state is EvidenceState.UNGRADED


def test_sources_that_differ_make_it_unknown_and_say_so(course: Course) -> None:
    own, other = linked(course)
    ada = course.person("ada")
    badge = course.badge_for(own)
    course.grade(own, ada, "80")
    course.evaluate()
    course.grade(other, ada, "40")
    assert seen(course, ada).freshness is Freshness.DISAGREEING
    course.evaluate()
    assert course.states() == {(badge, ada): AwardState.OFFERED}, "unknown takes nothing away"
    with course.database.read() as session:
        loaded = load_course(session, course.context_id)
        (found,) = same_work.disagreements(session, loaded, [ada], course.now)
        assert {(one.source, reading.evidence.score) for one, reading in found.readings} == {
            ("ags", Decimal(80)),
            ("canvas", Decimal(40)),
        }
        assert overview.load_board(session, course.context_id, course.now).disagreements == 1
        (view,) = evidence_sources.link_views(
            session, course.context_id, overview.course_learners(session, course.context_id), course.now
        )
        assert (view.same, len(view.different), view.only_one) == (0, 1, 0)
    course.later(hours=1)
    course.grade(own, ada, "40")
    course.read_again(own, other)
    assert seen(course, ada).freshness is Freshness.FRESH


def test_a_source_that_failed_leaves_it_to_the_other(course: Course) -> None:
    own, other = linked(course)
    ada = course.person("ada")
    course.badge_for(own)
    course.grade(own, ada, "80")
    course.grade(other, ada, "40")
    course.set_column(other, failed_code="platform_unavailable")
    assert (seen(course, ada).score, seen(course, ada).freshness) == (Decimal(80), Freshness.FRESH)
    course.later(days=8)
    assert seen(course, ada).freshness is Freshness.FAILED or seen(course, ada).freshness is Freshness.STALE


def test_an_uploaded_gradebook_does_not_get_old_by_itself(course: Course) -> None:
    uploaded = column(course, "csv_upload")
    ada = course.person("ada")
    course.badge_for(uploaded)
    course.grade(uploaded, ada, "80")
    course.later(days=60)
    assert seen(course, ada).freshness is Freshness.FRESH


# -- a checkpoint and its assessors -----------------------------------------------------------------------------------


def test_a_checkpoint_s_own_columns_belong_together_at_once(course: Course) -> None:
    teacher, ada = course.person("teacher", is_learner=False), course.person("ada")
    identifier = course.skill("Keep records", {})
    with course.database.write() as session:
        context = session.get_one(Context, course.context_id)
        from lti_tool.services.frameworks import course_items

        item_id = course_items(session, course.context_id)[0].id
        draft = Draft(kind=CheckpointKind.EVIDENCE, title="Log", maximum=Decimal(10), item_id=item_id)
        made = checkpoints.create(session, context, draft, "user:1", course.now)
    own = column(course, "ags", "Log", "10", resource_id=made.public_id, external_key="https://lms.example/items/7")
    badge = course.badge("Keeper", {"competency": identifier})
    with course.database.write() as session:
        checkpoint = session.get_one(Checkpoint, made.id)
        assessing.assess(session, checkpoint, ada, teacher, Decimal(8), "", course.now)
    assert propose(course) == [("checkpoint", "confirmed", "ags-assessor")]
    with course.database.write() as session:
        (link,) = column_links.course_links(session, course.context_id)
        with pytest.raises(ConflictError) as caught:
            column_links.decide(session, course.context_id, link.id, LinkState.REFUSED, TEACHER, course.now)
        assert caught.value.code == "link_fixed"
        assert link.ground is LinkGround.CHECKPOINT
    course.evaluate()
    assert course.states() == {(badge, ada): AwardState.OFFERED}, "before the platform told anything"
    assert (seen(course, ada).source, seen(course, ada).score) == ("assessor", Decimal(8))

    # The gradebook has it now, on another scale; later somebody overrides it there.
    course.later(minutes=5)
    course.grade(own, ada, "80", source_updated_at=course.now)
    course.read_again(own)
    assert seen(course, ada).freshness is Freshness.FRESH
    course.later(hours=1)
    course.grade(own, ada, "5", "10", source_updated_at=course.now)
    course.read_again(own)
    assert (seen(course, ada).source, seen(course, ada).score) == ("ags", Decimal(5))


def test_a_score_on_its_way_does_not_disagree_with_the_gradebook_of_before(course: Course) -> None:
    own, other = linked(course)
    ada = course.person("ada")
    course.badge_for(own)
    course.grade(own, ada, "40")
    course.later(minutes=10)
    reading = ObservationReading(
        platform_user_id="",
        state=EvidenceState.GRADED,
        score=Decimal(90),
        maximum=Decimal(100),
        graded_at=course.now - timedelta(minutes=1),
    )
    with course.database.write() as session:
        observing.store_observations(session, other, [(ada, reading)], course.now)
        observing.mark_column_read(session, other, course.now)
    assert (seen(course, ada).score, seen(course, ada).freshness) == (Decimal(90), Freshness.FRESH)
    course.read_again(own)
    assert seen(course, ada).freshness is Freshness.DISAGREEING


def test_gathering_asks_once_more_only_where_columns_are_linked(course: Course) -> None:
    own, other = linked(course)
    people = [course.person(f"learner-{one}") for one in range(5)]
    course.badge_for(own)
    for one in people:
        course.grade(other, one, "80")
    with course.database.read() as session:
        loaded = load_course(session, course.context_id)
        found = gather(session, loaded, people, course.now)
        assert {found.column_ids[one]["essay"] for one in people} == {other}
        assert all(found.facts[one].evidence["essay"].title == "Essay" for one in people)
