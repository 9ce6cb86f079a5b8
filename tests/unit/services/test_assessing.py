"""Handing in and assessing: who waits, what counts, what is told to the platform, what is kept."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import START, Course, course_on
from sqlalchemy import select

from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError
from lti_tool.models import Assessment, Blob, Checkpoint, CheckpointKind, Context, ScorePost, ScoreState, Submission
from lti_tool.services import assessing, checkpoints, health, openings, scores, submissions
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.services.uploads import Upload


class Desk:
    """A checkpoint of a course, with a teacher, Ada and Ben."""

    def __init__(self, course: Course, **values: Any) -> None:
        self.course = course
        self.teacher = course.person("teacher", is_learner=False)
        self.ada, self.ben = course.person("ada"), course.person("ben")
        draft = Draft(**{"kind": CheckpointKind.EVIDENCE, "title": "Log", "maximum": Decimal(10)} | values)
        with course.database.write() as session:
            context = session.get_one(Context, course.context_id)
            self.id = checkpoints.create(session, context, draft, "user:1", course.now).id

    def hand_in(self, user_id: int, text: str = "Work", **more: Any) -> Submission:
        with self.course.database.write() as session:
            checkpoint = session.get_one(Checkpoint, self.id)
            return submissions.hand_in(session, checkpoint, user_id, self.course.now, text=text, **more)[0]

    def assess(self, user_id: int, score: str | None, comment: str = "") -> int | None:
        with self.course.database.write() as session:
            checkpoint = session.get_one(Checkpoint, self.id)
            number = None if score is None else Decimal(score)
            return assessing.assess(session, checkpoint, user_id, self.teacher, number, comment, self.course.now)

    def open(self, user_id: int) -> None:
        with self.course.database.write() as session:
            openings.open_checkpoint(session, session.get_one(Checkpoint, self.id), user_id, self.course.now)

    def states(self) -> dict[int, str]:
        with self.course.database.read() as session:
            found = assessing.rows(session, session.get_one(Checkpoint, self.id))
            return {row.learner.user_id: row.state for row in found}

    def posts(self) -> list[tuple[str, str, Decimal | None]]:
        """Scores that wait or were sent."""
        with self.course.database.read() as session:
            found = select(ScorePost).where(ScorePost.state != ScoreState.SUPERSEDED).order_by(ScorePost.id)
            return [(one.activity_progress, one.grading_progress, one.score_given) for one in session.scalars(found)]

    def work(self, user_id: int) -> submissions.LearnerWork:
        with self.course.database.read() as session:
            return submissions.work_of(session, session.get_one(Checkpoint, self.id), user_id)


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    with course_on(migrated_sqlite_url) as course:
        yield course


@pytest.fixture
def desk(course: Course) -> Desk:
    return Desk(course)


def test_the_way_of_one_piece_of_work(desk: Desk) -> None:
    assert desk.states() == {desk.ada: "not_opened", desk.ben: "not_opened"}, "the teacher is nobody to assess"
    desk.open(desk.ada)
    assert desk.states()[desk.ada] == "opened"
    desk.hand_in(desk.ada)
    assert desk.states()[desk.ada] == "handed_in"
    desk.assess(desk.ada, "7.5", "Good")
    assert desk.states()[desk.ada] == "assessed"
    assert desk.posts() == [("Completed", "FullyGraded", Decimal("7.5"))]
    desk.assess(desk.ada, None)
    assert desk.states()[desk.ada] == "handed_in"
    assert desk.posts() == [("Submitted", "PendingManual", None)]
    assert desk.states()[desk.ben] == "not_opened"


def test_handing_in_again_waits_again_and_keeps_the_grade(desk: Desk) -> None:
    desk.hand_in(desk.ada, "First")
    desk.assess(desk.ada, "7", "Good")
    desk.course.later(hours=1)
    desk.hand_in(desk.ada, "Second")
    assert desk.states()[desk.ada] == "handed_in"
    assert desk.posts() == [("Submitted", "FullyGraded", Decimal(7))], "a score without points would clear it"
    work = desk.work(desk.ada)
    assert [(one.number, one.text) for one in work.submissions] == [(2, "Second"), (1, "First")]
    assert work.assessment is not None
    assert not work.is_assessed


def test_earlier_assessments_are_kept(desk: Desk) -> None:
    desk.hand_in(desk.ada)
    desk.assess(desk.ada, "3", "So so")
    desk.assess(desk.ada, "5", "Better")
    with desk.course.database.read() as session:
        assert session.scalars(select(Assessment.score).order_by(Assessment.id)).all() == [Decimal(3), Decimal(5)]
    assert [event.action for event in desk.course.events("assessment.")] == ["assessment.made", "assessment.made"]


def test_only_learners_of_the_course_are_assessed(desk: Desk) -> None:
    tess = desk.course.person("tess", is_test_user=True)
    stranger = desk.course.person("stranger", enrolled=False)
    for user_id in (tess, stranger, desk.teacher, 999):
        with pytest.raises(NotFoundError):
            desk.assess(user_id, "5")
    assert desk.posts() == []


@pytest.mark.parametrize(("text", "score"), [("7", Decimal(7)), ("7,25", Decimal("7.25")), ("0", Decimal(0))])
def test_scores_as_typed(text: str, score: Decimal) -> None:
    assert assessing.read_score(text, Decimal(10)) == score


@pytest.mark.parametrize("text", ["", "x", "-1", "10.0001", "11", "1e1", "NaN", "7.12345"])
def test_scores_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        assessing.read_score(text, Decimal(10))
    assert (caught.value.code, caught.value.field) == ("score_invalid", "score")


def test_a_comment_has_an_end(desk: Desk) -> None:
    with pytest.raises(InvalidInputError) as caught:
        desk.assess(desk.ada, "5", "x" * 4001)
    assert caught.value.field == "comment"


def test_ticks_for_many_leave_out_who_has_one(course: Course) -> None:
    desk = Desk(course, kind=CheckpointKind.CHECK_OFF, maximum=Decimal(1))
    desk.assess(desk.ada, "1")
    with course.database.write() as session:
        checkpoint = session.get_one(Checkpoint, desk.id)
        posts = assessing.tick(session, checkpoint, {desk.ada, desk.ben, desk.teacher, 999}, desk.teacher, course.now)
    assert len(posts) == 1
    assert desk.states() == {desk.ada: "assessed", desk.ben: "assessed"}


# -- handing in -------------------------------------------------------------------------------------------------------


def test_a_text_a_link_and_a_file_are_kept(desk: Desk) -> None:
    file = Upload("log.txt", "text/plain", b"pH 7")
    made = desk.hand_in(desk.ada, " a\r\nb \x07", link=" https://files.example/x ", file=file)
    assert (made.text, made.link, made.file_name) == ("a\nb", "https://files.example/x", "log.txt")
    with desk.course.database.read() as session:
        checkpoint = session.get_one(Checkpoint, desk.id)
        name, blob = submissions.get_file(session, checkpoint, desk.ada, made.id)
        assert (name, blob.content) == ("log.txt", b"pH 7")
        for wrong in ((desk.ben, made.id), (desk.ada, made.id + 1)):
            with pytest.raises(NotFoundError):
                submissions.get_file(session, checkpoint, *wrong)


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"text": "  "}, "submission_empty", "text"),
        ({"text": "x" * 20_001}, "submission_text_too_long", "text"),
        ({"link": "javascript:alert(1)"}, "submission_link_invalid", "link"),
        ({"link": "files.example/x"}, "submission_link_invalid", "link"),
        ({"link": "https://"}, "submission_link_invalid", "link"),
        ({"link": "https://[::1"}, "submission_link_invalid", "link"),
        ({"link": "https://a.example/" + "x" * 2048}, "submission_link_invalid", "link"),
    ],
)
def test_what_cannot_be_handed_in(desk: Desk, values: dict[str, str], code: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        desk.hand_in(desk.ada, **values)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_the_doors(course: Course) -> None:
    desk = Desk(course, opens_at=START + timedelta(days=1), due_at=START + timedelta(days=2),
                closes_at=START + timedelta(days=3))  # fmt: skip
    with pytest.raises(ConflictError) as early:
        desk.hand_in(desk.ada)
    course.later(days=1)
    on_time = desk.hand_in(desk.ada)
    course.later(days=1, seconds=1)
    late = desk.hand_in(desk.ada)
    course.later(days=1)
    with pytest.raises(ConflictError) as closed:
        desk.hand_in(desk.ada)
    assert early.value.code == closed.value.code == "checkpoint_not_open"
    checkpoint = desk.work(desk.ada).checkpoint
    assert (submissions.is_late(checkpoint, on_time), submissions.is_late(checkpoint, late)) == (False, True)


@pytest.mark.parametrize("kind", [CheckpointKind.CHECK_OFF, CheckpointKind.PROGRESS])
def test_other_kinds_take_no_work(course: Course, kind: CheckpointKind) -> None:
    desk = Desk(course, kind=kind)
    with pytest.raises(ConflictError) as caught:
        desk.hand_in(desk.ada)
    assert caught.value.code == "checkpoint_takes_no_work"


def test_there_is_an_end_to_handing_in(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submissions, "MOST", 2)
    desk.hand_in(desk.ada)
    desk.hand_in(desk.ada)
    with pytest.raises(ConflictError) as caught:
        desk.hand_in(desk.ada)
    assert caught.value.code == "submissions_exhausted"


def test_the_same_file_of_two_learners_is_stored_once(desk: Desk) -> None:
    for user_id in (desk.ada, desk.ben):
        desk.hand_in(user_id, file=Upload("a.txt", "text/plain", b"same"))
    with desk.course.database.read() as session:
        assert len(session.scalars(select(Blob.sha256)).all()) == 1


def test_admins_see_what_did_not_arrive_by_course_and_reason(desk: Desk) -> None:
    for user_id in (desk.ada, desk.ben):
        desk.assess(user_id, "5")
    with desk.course.database.write() as session:
        assert health.list_failed_scores(session) == []
        for post in session.scalars(select(ScorePost)):
            post.state, post.error_code = ScoreState.FAILED, "missing_scope"
    with desk.course.database.read() as session:
        (entry,) = health.list_failed_scores(session)
        assert (entry.error_code, entry.number) == ("missing_scope", 2)
        assert health.count(session).scores == {"pending": 0, "sent": 0, "failed": 2, "superseded": 0}


@pytest.mark.parametrize("round_", range(3))
def test_two_at_once_are_both_taken(any_database: str, round_: int) -> None:
    """Numbers and times are given one after the other, whoever comes at the same moment."""
    with course_on(any_database) as course:
        desk = Desk(course)
        start = threading.Barrier(4)

        def hand_in(number: int) -> int:
            start.wait()
            return desk.hand_in(desk.ada, f"Work {round_} {number}").number

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(hand_in, range(4))) == [1, 2, 3, 4]
        assert len(desk.posts()) == 1, "the newest one"


def test_of_two_assessments_at_once_the_platform_gets_the_one_that_holds(
    any_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with course_on(any_database) as course:
        desk, pool = Desk(course), ThreadPoolExecutor(1)
        queue, others = scores.queue, list[Future[int | None]]()

        def slowly(*args: Any, **options: Any) -> int | None:
            if not others:
                others.append(pool.submit(desk.assess, desk.ada, "9"))
                wait(others, timeout=1)  # as far as it comes
            return queue(*args, **options)

        monkeypatch.setattr(scores, "queue", slowly)
        desk.assess(desk.ada, "3")
        others[0].result(timeout=20)
        pool.shutdown()
        held = desk.work(desk.ada).assessment
        with course.database.read() as session:
            newest = session.scalars(select(ScorePost).order_by(ScorePost.timestamp.desc()).limit(1)).one()
        assert held is not None
        assert newest.score_given == held.score == Decimal(9)


def test_learners_who_open_a_checkpoint_at_once_do_not_wait_for_each_other(
    any_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with course_on(any_database) as course:
        desk, queue, both = Desk(course), scores.queue, threading.Barrier(2)

        def together(*args: Any, **options: Any) -> int | None:
            with suppress(threading.BrokenBarrierError):  # on SQLite one writes after the other
                both.wait(timeout=1)
            return queue(*args, **options)

        monkeypatch.setattr(scores, "queue", together)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(desk.open, (desk.ada, desk.ben)))
        assert desk.posts() == [("Initialized", "PendingManual", None)] * 2
