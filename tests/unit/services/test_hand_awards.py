"""Given by hand, one or a whole table: with a reason, at most once, never to those who may not have it."""

from collections.abc import Iterator

import pytest
from award_world import PERSON, WHY, award_of, crowd, held_run, items, rows, set_policy, state_of, take, told
from courses import Course, course_on
from sqlalchemy import select

from lti_tool.domain.lifecycle import AwardState
from lti_tool.domain.traces import judgement_from_document
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import ConflictError, InvalidInputError
from lti_tool.models import (
    Achievement,
    AchievementState,
    AuditPayload,
    Award,
    AwardRun,
    CredentialVersion,
    RunKind,
    User,
    VersionState,
)
from lti_tool.services import bulk_awards, hand_awards, rebuilding, revoking
from lti_tool.services.bulk_awards import BulkPreview, RowOutcome
from lti_tool.services.hand_awards import Giving, HandRun

OFFERED, CLAIMED, LAPSED, REVOKED = AwardState.OFFERED, AwardState.CLAIMED, AwardState.LAPSED, AwardState.REVOKED


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course on SQLite and on PostgreSQL."""
    with course_on(any_database) as course:
        yield course


def give(course: Course, badge: int, *people: int, reason: str = WHY, evidence: str | None = "A poster.") -> HandRun:
    with course.database.write() as session:
        return hand_awards.award_by_hand(session, badge, people, reason, evidence, PERSON, course.now)


def named(course: Course, user_id: int, name: str | None, email: str | None) -> int:
    with course.database.write() as session:
        user = session.get_one(User, user_id)
        user.name, user.email = name, email
    return user_id


# -- one by one -------------------------------------------------------------------------------------------------------


def test_what_is_given_says_who_and_why_and_no_grade_takes_it_away(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    badge = course.badge_for(column)
    course.grade(column, ada, "10")
    run = give(course, badge, ada)
    award = award_of(course, ada)
    assert (award.state, award.is_by_hand, award.note, award.award_run_id) == (OFFERED, True, WHY, run.run_id)
    (trace,) = course.traces()
    assert judgement_from_document(trace.document).verdict is Verdict.MET
    words = {"actor": PERSON, "action": "offer", "reason": WHY, "evidence": "A poster."}
    assert trace.document["by_hand"] == words
    event = course.events("award.offered")[-1]
    with course.database.read() as session:
        payload = session.get_one(AuditPayload, event.id).payload
        assert (payload["reason"], payload["evidence"]) == (WHY, "A poster.")
        assert rebuilding.rebuild(session, award.id)[0].is_sound
    course.evaluate()
    take(course, ada)
    course.evaluate()
    assert state_of(course, ada) is CLAIMED
    assert told(course, ada) == ["award.offered"]


def test_nobody_is_given_it_twice(course: Course) -> None:
    column, (ada, ben) = course.column(), crowd(course, 2)
    badge = course.badge_for(column)
    course.grade(column, ada, "90")
    course.evaluate()
    run = give(course, badge, ada, ben, ben)
    assert run.counts[Giving.GIVEN] == run.counts[Giving.HAS_IT] == 1
    assert give(course, badge, ada, ben).run_id is None
    assert len(rows(course, Award)) == 2
    (kept,) = rows(course, AwardRun, AwardRun.kind == RunKind.BY_HAND)
    assert [item.user_id for item in items(course, kept.id)] == [ben]


def test_who_is_barred_is_refused_and_with_them_everybody(course: Course) -> None:
    column, (ada, ben) = course.column(), crowd(course, 2)
    badge = course.badge_for(column)
    with course.database.write() as session:
        revoking.bar(session, badge, ada, WHY, PERSON, course.now)
    with pytest.raises(ConflictError) as refusal:
        give(course, badge, ben, ada)
    assert refusal.value.code == "award_barred"
    assert rows(course, Award) == []


@pytest.mark.parametrize("kind", [{"is_learner": False}, {"is_test_user": True}, {"enrolled": False}])
def test_staff_test_users_and_strangers_are_never_given_it(course: Course, kind: dict[str, bool]) -> None:
    badge = course.badge_for(course.column())
    with pytest.raises(ConflictError) as refusal:
        give(course, badge, course.person("other", **kind))
    assert refusal.value.code == "not_a_learner"


def test_a_reason_and_somebody_are_needed(course: Course) -> None:
    badge, ada = course.badge_for(course.column()), course.person("ada")
    for people, options, code in (
        ([ada], {"reason": " "}, "reason_missing"),
        ([], {}, "nobody_chosen"),
        ([ada], {"evidence": "x" * 4001}, "evidence_too_long"),
    ):
        with pytest.raises(InvalidInputError) as refusal:
            give(course, badge, *people, **options)  # type: ignore[arg-type]
        assert refusal.value.code == code


def test_only_live_badges_are_given(course: Course) -> None:
    badge, ada = course.badge_for(course.column()), course.person("ada")
    with course.database.write() as session:
        session.get_one(Achievement, badge).state = AchievementState.DRAFT
    with pytest.raises(ConflictError) as refusal:
        give(course, badge, ada)
    assert refusal.value.code == "achievement_not_live"


def test_what_was_revoked_can_be_given_anew_as_another_award(course: Course) -> None:
    column, ada = course.column(), course.person("ada")
    badge = course.badge_for(column)
    give(course, badge, ada)
    take(course, ada)
    with course.database.write() as session:
        revoking.revoke_award(session, award_of(course, ada).id, WHY, PERSON, course.now)
    course.later(days=1)
    give(course, badge, ada)
    first, second = rows(course, Award)
    assert (first.state, second.state, second.occasion) == (REVOKED, OFFERED, "renewal 1")
    course.evaluate()
    assert state_of(course, ada) is OFFERED


def test_where_no_claim_is_needed_it_is_given_and_waits_for_its_signature(course: Course) -> None:
    badge, ada = course.badge_for(course.column()), course.person("ada")
    set_policy(course, badge, claim_mode="auto", validity_days=30)
    give(course, badge, ada)
    award = award_of(course, ada)
    assert (award.state, (award.valid_until - course.now).days) == (CLAIMED, 30)  # type: ignore[operator]
    (version,) = rows(course, CredentialVersion)
    assert (version.state, version.name) == (VersionState.PENDING, None)
    assert told(course, ada) == ["award.given"]


# -- a table ----------------------------------------------------------------------------------------------------------


def preview(course: Course, badge: int, table: str | bytes) -> BulkPreview:
    with course.database.read() as session:
        return bulk_awards.preview_bulk(session, badge, table, course.now)


def outcomes(found: BulkPreview) -> list[str]:
    return [row.outcome.value for row in found.rows]


def apply(course: Course, badge: int, lines: dict[int, int], digest: str) -> HandRun:
    with course.database.write() as session:
        return bulk_awards.apply_bulk(session, badge, lines, digest, WHY, None, PERSON, course.now)


def test_people_are_found_in_the_roster_by_id_or_address_and_never_by_name(course: Course) -> None:
    badge = course.badge_for(course.column())
    ada = named(course, course.person("ada"), "Ada Okafor", "Ada@Lakeside.example")
    ben = named(course, course.person("ben"), "Bén Lévesque", "ben@lakeside.example")
    named(course, course.person("eve", enrolled=False), "Eve", "eve@lakeside.example")
    teacher = named(course, course.person("teacher", is_learner=False), "Tea Cher", "tea@lakeside.example")
    has, barred = course.person("has"), course.person("barred")
    give(course, badge, has)
    with course.database.write() as session:
        revoking.bar(session, badge, barred, WHY, PERSON, course.now)
    table = (
        "Nom;Courriel;User ID\r\n"
        "x;ada@lakeside.EXAMPLE ;\r\n"
        "ben levesque;;\r\n"
        "Eve;eve@lakeside.example;\r\n"
        ";tea@lakeside.example;\r\n"
        ";;has\r\n"
        ";;barred\r\n"
        ";ada@lakeside.example;ben\r\n"
        ";;ada\r\n"
        ";;\r\n"
        ";ben@lakeside.exampl;\r\n"
    )
    found = preview(course, badge, table.encode("cp1252"))
    assert outcomes(found) == [
        "match", "near", "unknown", "not_a_learner", "has_it", "barred", "conflict", "repeated", "unknown",
    ]  # fmt: skip
    assert [row.line for row in found.rows] == [2, 3, 4, 5, 6, 7, 8, 9, 11]
    assert (found.user_ids, found.rows[1].user_id, found.rows[3].user_id) == ((ada,), ben, teacher)
    assert found.counts[RowOutcome.MATCH] == 1


def test_exactly_what_was_shown_is_applied(course: Course) -> None:
    badge, people = course.badge_for(course.column()), crowd(course, 3)
    table = "user id\nlearner-0\nlearner-1\nlearner-2\n"
    found = preview(course, badge, table)
    assert found.lines == {people[0]: 2, people[1]: 3, people[2]: 4}
    with pytest.raises(ConflictError) as refusal:
        apply(course, badge, {people[0]: 2}, found.digest)
    assert refusal.value.code == "preview_outdated"
    run = apply(course, badge, found.lines, found.digest)
    assert run.counts[Giving.GIVEN] == 3
    assert {award.user_id for award in rows(course, Award)} == set(people)
    assert rows(course, AwardRun)[0].kind is RunKind.BULK
    with pytest.raises(ConflictError) as refusal:
        apply(course, badge, found.lines, found.digest)
    assert refusal.value.code == "preview_outdated"


def test_who_is_of_another_course_is_given_nothing_whatever_was_kept(course: Course) -> None:
    badge, eve = course.badge_for(course.column()), course.person("eve", enrolled=False)
    found = preview(course, badge, "user id\neve\n")
    with pytest.raises(InvalidInputError) as refusal:
        apply(course, badge, {eve: 2}, found.digest)
    assert refusal.value.code == "nobody_chosen"
    assert rows(course, Award) == []


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("", "csv_empty"),
        ("user id\n", "csv_empty"),
        ("name\nAda\n", "csv_no_identifier"),
        ('user id\n"ada\n', "csv_unreadable"),
        (b"\x00\x01user id", "csv_unreadable"),
        ("user id\n" + "a\n" * 5001, "csv_too_long"),
        ("x" * 1_000_001, "csv_too_large"),
    ],
)
def test_what_is_no_table_of_people_is_refused(course: Course, table: str | bytes, code: str) -> None:
    badge = course.badge_for(course.column())
    with pytest.raises(InvalidInputError) as refusal:
        preview(course, badge, table)
    assert refusal.value.code == code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_as_spreadsheets_save_them(course: Course, encoding: str, delimiter: str) -> None:
    badge, ada = course.badge_for(course.column()), course.person("ada")
    named(course, ada, "Åda", "åda@lakeside.example")
    table = delimiter.join(("Étudiant", "E-mail")) + "\n" + delimiter.join(("Åda", "åda@lakeside.example"))
    assert preview(course, badge, table.encode(encoding)).user_ids == (ada,)


def test_fifty_at_once_give_it_once(course: Course) -> None:
    from concurrent.futures import ThreadPoolExecutor

    badge, ada = course.badge_for(course.column()), course.person("ada")
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: give(course, badge, ada), range(50)))
    assert sum(run.counts[Giving.GIVEN] for run in runs) == 1
    assert len(rows(course, Award)) == len(rows(course, AwardRun)) == len(course.traces()) == 1
    with course.database.read() as session:
        assert session.scalar(select(AwardRun.figures)) == {"learners": 1, "actions": {"offer": 1}}


def test_a_large_table_is_not_held_back(course: Course) -> None:
    """What a person previewed and applied needs no circuit breaker, and the next evaluation leaves it alone."""
    badge, people = course.badge_for(course.column()), crowd(course, 30)
    give(course, badge, *people)
    course.evaluate()
    assert {state_of(course, one) for one in people} == {OFFERED}
    with pytest.raises(ValueError, match="unpack"):
        held_run(course)
