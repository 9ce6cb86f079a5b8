"""Scores on their way to a strict platform: in order, once, tried again, and ended with a reason."""

import dataclasses
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from platforms.quirks import CANVAS, MOODLE, STANDARD
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_tool.domain.evidence import EvidenceState
from lti_tool.errors import OutboundError
from lti_tool.jobs.posting import post_score
from lti_tool.jobs.schedule import iter_due
from lti_tool.lti.advantage import ActivityProgress, GradingProgress
from lti_tool.models import Checkpoint, CheckpointKind, Context, Fact, Membership, Observation, ScorePost, ScoreState
from lti_tool.services import assessing, checkpoints, openings, scores
from lti_tool.services.checkpoint_drafts import Draft
from lti_tool.services.launching import ensure_membership, ensure_user
from lti_tool.services.wakeups import POST_SCORE

ALL_KINDS = pytest.mark.parametrize("quirks", [STANDARD, CANVAS, MOODLE], ids=lambda one: one.product)


class Bench:
    """A checkpoint with a line item, and one learner."""

    def __init__(
        self, tool: Any, kind: CheckpointKind = CheckpointKind.EVIDENCE, *, is_test_user: bool = False
    ) -> None:
        self.tool, self.services, self.platform = tool, tool.services, tool.platform
        self.sub = self.platform.personas["learner"]
        now = self.services.clock()
        with self.services.database.write() as session:
            context = session.get_one(Context, tool.context_id)
            draft = Draft(kind=kind, title="Water log", maximum=Decimal(10))
            made = checkpoints.create(session, context, draft, "user:1", now)
            user = ensure_user(
                session, tool.world.registration.id, context.organization_id, self.sub, now, name="Lea", email=None
            )
            ensure_membership(
                session,
                context.id,
                user.id,
                now,
                roles=["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"],
                is_learner=True,
                is_test_user=is_test_user,
                status="active",
            )
            self.checkpoint_id, self.public_id, self.user_id = made.id, made.public_id, user.id

    def teacher(self, session: Session) -> int:
        """Somebody who assesses."""
        registration_id, now = self.tool.world.registration.id, self.services.clock()
        organization_id = session.get_one(Context, self.tool.context_id).organization_id
        return ensure_user(session, registration_id, organization_id, "teacher-9", now, name=None, email=None).id

    def add_column(self, *, is_known: bool = True) -> Any:
        column = self.platform.add_line_item("Water log", {}, 10, resource_id=self.public_id, tag=checkpoints.TAG)
        if is_known:
            with self.services.database.write() as session:
                session.get_one(Checkpoint, self.checkpoint_id).line_item_url = self.platform.line_item_url(column)
        return column

    def queue(self, given: str | None = "7", **more: Any) -> int | None:
        values: dict[str, Any] = {"activity": ActivityProgress.COMPLETED, "grading": GradingProgress.FULLY_GRADED}
        with self.services.database.write() as session:
            checkpoint = session.get_one(Checkpoint, self.checkpoint_id)
            number = None if given is None else Decimal(given)
            return scores.queue(session, checkpoint, self.user_id, self.services.clock(), given=number, **values | more)

    def post(self, post_id: int | None) -> ScorePost:
        assert post_id is not None
        post_score(self.services, post_id)
        return self.row(post_id)

    def row(self, post_id: int) -> ScorePost:
        with self.services.database.read() as session:
            return session.get_one(ScorePost, post_id)

    def due(self) -> list[int]:
        return [row_id for task, row_id in iter_due(self.services) if task == POST_SCORE]


@ALL_KINDS
def test_a_score_arrives(make_tool: Any, quirks: Any) -> None:
    bench = Bench(make_tool(quirks))
    column = bench.add_column()
    row = bench.post(bench.queue("7.25", comment="Well done", submitted_at=bench.services.clock()))
    assert (row.state, row.error_code, row.lease_until) == (ScoreState.SENT, None, None)
    assert column.scores[bench.sub] == Decimal("7.25")
    (sent,) = bench.platform.scores
    assert sent["comment"] == "Well done"
    assert sent["submission"]["submittedAt"]


@ALL_KINDS
def test_scores_within_one_moment_are_told_apart(make_tool: Any, quirks: Any) -> None:
    bench = Bench(make_tool(quirks))
    column = bench.add_column()
    for given in ("1", "2", "3"):
        assert bench.post(bench.queue(given)).state is ScoreState.SENT
    assert column.scores[bench.sub] == Decimal(3)


def test_only_the_newest_is_sent(make_tool: Any) -> None:
    bench = Bench(make_tool())
    bench.add_column()
    first, second = bench.queue("1"), bench.queue("2")
    assert first is not None
    assert bench.due() == [second]
    assert bench.row(first).state is ScoreState.SUPERSEDED
    post_score(bench.services, first)
    assert bench.platform.scores == []
    bench.post(second)
    assert [one["scoreGiven"] for one in bench.platform.scores] == [2]


def test_a_score_under_way_gives_way_to_a_newer_one(make_tool: Any) -> None:
    """The older one fails while the newer one waits: it must neither be tried again nor stand as failed."""
    bench = Bench(make_tool())
    bench.add_column()
    first = bench.queue("1")
    assert first is not None
    with bench.services.database.write() as session:
        assert scores.take(session, first, bench.services.clock()) is not None
    second = bench.queue("2")
    assert bench.row(first).state is ScoreState.PENDING, "whoever sends it ends it"
    with bench.services.database.write() as session:
        scores.record_failure(session, first, "platform_unavailable", bench.services.clock(), retryable=True)
    assert bench.row(first).state is ScoreState.SUPERSEDED
    assert bench.post(second).state is ScoreState.SENT


def test_after_a_kill_an_older_score_is_not_sent_after_a_newer_one(make_tool: Any) -> None:
    bench = Bench(make_tool())
    column = bench.add_column()
    first = bench.queue("1")
    assert first is not None
    with bench.services.database.write() as session:
        assert scores.take(session, first, bench.services.clock()) is not None
    assert bench.post(bench.queue("2")).state is ScoreState.SENT
    bench.tool.world.clock.now += scores.LEASE + timedelta(seconds=1)
    assert bench.post(first).state is ScoreState.SUPERSEDED
    assert column.scores[bench.sub] == Decimal(2)
    assert len(bench.platform.scores) == 1, "the platform was not even asked"


def test_taken_by_one_worker_at_a_time_and_again_after_a_kill(make_tool: Any) -> None:
    bench = Bench(make_tool())
    bench.add_column()
    post_id = bench.queue()
    assert post_id is not None
    with bench.services.database.write() as session:
        taken = scores.take(session, post_id, bench.services.clock())
        assert taken is not None
        assert not taken.is_repeat
        assert scores.take(session, post_id, bench.services.clock()) is None
    assert bench.due() == []
    bench.tool.world.clock.now += scores.LEASE + timedelta(seconds=1)
    assert bench.due() == [post_id]
    with bench.services.database.write() as session:
        again = scores.take(session, post_id, bench.services.clock())
    assert again is not None
    assert again.is_repeat
    assert again.score.timestamp == taken.score.timestamp, "the very same score"


def test_killed_after_the_post_and_before_the_note(make_tool: Any) -> None:
    bench = Bench(make_tool())
    column = bench.add_column()
    post_id = bench.queue("7")
    assert post_id is not None
    bench.post(post_id)
    with bench.services.database.write() as session:  # the note of it is lost
        session.execute(update(ScorePost).values(state=ScoreState.PENDING, sent_at=None))
    assert bench.post(post_id).state is ScoreState.SENT
    assert column.scores[bench.sub] == Decimal(7)
    assert len(bench.platform.scores) == 1, "the platform took it once"


def test_an_outdated_score_is_stamped_anew_once(make_tool: Any) -> None:
    bench = Bench(make_tool())
    column = bench.add_column()
    later = bench.services.clock() + timedelta(minutes=5)
    bench.platform._score_times[column.number, bench.sub] = later
    post_id = bench.queue("7")
    row = bench.post(post_id)
    assert (row.state, row.error_code) == (ScoreState.PENDING, "score_outdated")
    bench.tool.world.clock.now += timedelta(minutes=6)
    with bench.services.database.write() as session:
        session.execute(update(ScorePost).values(timestamp=later - timedelta(minutes=1)))
    row = bench.post(post_id)
    assert (row.state, row.error_code) == (ScoreState.FAILED, "score_outdated")


def test_an_outdated_score_arrives_the_second_time(make_tool: Any) -> None:
    bench = Bench(make_tool())
    column = bench.add_column()
    bench.platform._score_times[column.number, bench.sub] = bench.services.clock() + timedelta(minutes=5)
    post_id = bench.queue("7")
    bench.tool.world.clock.now += timedelta(minutes=10)
    assert bench.post(post_id).state is ScoreState.PENDING, "its time is that of the assessment"
    assert bench.post(post_id).state is ScoreState.SENT
    assert column.scores[bench.sub] == Decimal(7)


@ALL_KINDS
def test_who_is_no_student_ends_at_once_with_the_reason(make_tool: Any, quirks: Any) -> None:
    bench = Bench(make_tool(quirks))
    bench.add_column()
    del bench.platform.members[bench.sub]
    row = bench.post(bench.queue())
    assert (row.state, row.error_code, row.attempts) == (ScoreState.FAILED, "score_refused", 1)


def test_a_missing_scope_is_said(make_tool: Any) -> None:
    bench = Bench(make_tool())
    bench.add_column()
    with bench.services.database.write() as session:
        session.get_one(Context, bench.tool.context_id).ags_scopes = []
    row = bench.post(bench.queue())
    assert (row.state, row.error_code) == (ScoreState.FAILED, "missing_scope")


def test_an_outage_is_waited_out(make_tool: Any) -> None:
    bench = Bench(make_tool())
    column = bench.add_column()
    advantage = bench.services.advantage
    bench.services = dataclasses.replace(bench.services, advantage=Failing(advantage, 2))
    post_id = bench.queue("7")
    for attempt, seconds in enumerate((10, 60), start=1):
        row = bench.post(post_id)
        assert (row.state, row.error_code, row.attempts) == (ScoreState.PENDING, "host_unavailable", attempt)
        assert bench.due() == []
        bench.tool.world.clock.now += timedelta(seconds=seconds)
        assert bench.due() == [post_id]
    assert bench.post(post_id).state is ScoreState.SENT
    assert column.scores[bench.sub] == Decimal(7)


def test_an_outage_without_end_ends_in_a_failure_that_can_be_sent_again(make_tool: Any) -> None:
    bench = Bench(make_tool())
    column = bench.add_column()
    whole = bench.services
    bench.services = dataclasses.replace(whole, advantage=Failing(whole.advantage, 99))
    post_id = bench.queue("7")
    for _ in range(len(scores.RETRY_AFTER) + 1):
        bench.tool.world.clock.now += timedelta(days=1)
        row = bench.post(post_id)
    assert (row.state, row.error_code) == (ScoreState.FAILED, "host_unavailable")
    bench.services = whole
    with bench.services.database.write() as session:
        assert scores.send_again(session, bench.checkpoint_id, bench.services.clock()) == 1
    assert bench.post(post_id).state is ScoreState.SENT
    assert column.scores[bench.sub] == Decimal(7)


class Failing:
    """Advantage whose first posts fail."""

    def __init__(self, advantage: Any, times: int) -> None:
        self._advantage, self._times = advantage, times

    def post_score(self, *args: Any, **options: Any) -> None:
        self._times -= 1
        if self._times >= 0:
            raise OutboundError("lms.example could not be reached.")
        self._advantage.post_score(*args, **options)


# -- where the line item is -------------------------------------------------------------------------------------------


@ALL_KINDS
def test_a_line_item_no_launch_named_is_found_by_its_resource_id(make_tool: Any, quirks: Any) -> None:
    bench = Bench(make_tool(quirks))
    bench.platform.add_line_item("Other", {}, 10)
    column = bench.add_column(is_known=False)
    assert bench.post(bench.queue("7")).state is ScoreState.SENT
    assert column.scores[bench.sub] == Decimal(7)
    with bench.services.database.read() as session:
        known = session.get_one(Checkpoint, bench.checkpoint_id).line_item_url
    assert known == bench.platform.line_item_url(column)


@ALL_KINDS
def test_where_there_is_none_it_is_made_once(make_tool: Any, quirks: Any) -> None:
    bench = Bench(make_tool(quirks))
    bench.post(bench.queue("7"))
    with bench.services.database.write() as session:  # what was learned is lost
        session.execute(update(Checkpoint).values(line_item_url=None))
    assert bench.post(bench.queue("8")).state is ScoreState.SENT
    (column,) = bench.platform.columns.values()
    assert (column.label, column.maximum, column.resource_id) == ("Water log", Decimal(10), bench.public_id)


def test_a_column_that_moved_is_found_again(make_tool: Any) -> None:
    bench = Bench(make_tool())
    old = bench.add_column()
    new = bench.add_column(is_known=False)
    del bench.platform.columns[old.number]
    assert bench.post(bench.queue("7")).state is ScoreState.SENT
    assert new.scores[bench.sub] == Decimal(7)


def test_a_deleted_column_is_not_made_again(make_tool: Any) -> None:
    bench = Bench(make_tool())
    column = bench.add_column()
    del bench.platform.columns[column.number]
    row = bench.post(bench.queue("7"))
    assert (row.state, row.error_code) == (ScoreState.FAILED, "platform_not_found")
    assert bench.platform.columns == {}


def test_nobody_s_column_is_made_without_the_right_to(make_tool: Any) -> None:
    bench = Bench(make_tool())
    scope = "https://purl.imsglobal.org/spec/lti-ags/scope/"
    with bench.services.database.write() as session:
        session.get_one(Context, bench.tool.context_id).ags_scopes = [scope + "score", scope + "lineitem.readonly"]
    row = bench.post(bench.queue())
    assert (row.state, row.error_code) == (ScoreState.FAILED, "missing_scope")
    assert bench.platform.columns == {}


# -- who and what -----------------------------------------------------------------------------------------------------


def test_nothing_is_ever_sent_for_a_test_user(make_tool: Any) -> None:
    bench = Bench(make_tool(), is_test_user=True)
    assert bench.queue() is None
    assert bench.due() == []


def test_nothing_is_sent_without_points(make_tool: Any) -> None:
    bench = Bench(make_tool())
    with bench.services.database.write() as session:
        session.get_one(Checkpoint, bench.checkpoint_id).maximum = None
    assert bench.queue() is None


def test_looking_at_progress_is_complete_at_once(make_tool: Any) -> None:
    bench = Bench(make_tool(), CheckpointKind.PROGRESS)
    column = bench.add_column()
    with bench.services.database.write() as session:
        checkpoint = session.get_one(Checkpoint, bench.checkpoint_id)
        post_id = openings.open_checkpoint(session, checkpoint, bench.user_id, bench.services.clock())
        assert openings.open_checkpoint(session, checkpoint, bench.user_id, bench.services.clock()) is None
    assert bench.post(post_id).state is ScoreState.SENT
    assert column.scores[bench.sub] == Decimal(10)


def test_a_graded_score_asks_for_a_reading(make_tool: Any) -> None:
    bench = Bench(make_tool())
    bench.add_column()
    bench.post(bench.queue(None, activity=ActivityProgress.INITIALIZED, grading=GradingProgress.PENDING_MANUAL))
    assert not [row for task, row in iter_due(bench.services) if task == "read_course"]
    bench.post(bench.queue("7"))
    assert [row for task, row in iter_due(bench.services) if task == "read_course"]


# -- not opened -------------------------------------------------------------------------------------------------------


def state(bench: Bench) -> EvidenceState | None:
    with bench.services.database.read() as session:
        found = select(Observation.state).join(Fact, Fact.observation_id == Observation.id)
        return session.scalars(found.where(Fact.user_id == bench.user_id)).one_or_none()


def test_on_canvas_who_never_opened_it_is_told_apart(make_tool: Any) -> None:
    bench = Bench(make_tool(CANVAS))
    column = bench.add_column()
    bench.platform.grade_by_hand(column, bench.sub, 9)
    bench.tool.read()
    assert state(bench) is EvidenceState.NOT_OPENED, "the grade by hand is invisible"
    before = bench.tool.count(Observation)
    bench.tool.read()
    assert bench.tool.count(Observation) == before, "reading again adds nothing"

    with bench.services.database.write() as session:
        checkpoint = session.get_one(Checkpoint, bench.checkpoint_id)
        post_id = openings.open_checkpoint(session, checkpoint, bench.user_id, bench.services.clock())
    bench.tool.read()
    assert state(bench) is EvidenceState.UNGRADED, "opened, and the score is on its way"
    bench.post(post_id)
    bench.platform.grade_by_hand(column, bench.sub, 9)
    bench.tool.read()
    assert state(bench) is EvidenceState.GRADED


def test_elsewhere_absence_says_nothing(make_tool: Any) -> None:
    bench = Bench(make_tool(MOODLE))
    bench.add_column()
    bench.tool.read()
    assert state(bench) is None


def test_other_columns_of_canvas_say_nothing(make_tool: Any) -> None:
    bench = Bench(make_tool(CANVAS))
    bench.platform.add_line_item("Other", {}, 10)
    bench.tool.read()
    assert state(bench) is None


def test_test_users_are_not_said_to_have_opened_nothing(make_tool: Any) -> None:
    bench = Bench(make_tool(CANVAS))
    bench.add_column()
    with bench.services.database.write() as session:
        session.execute(update(Membership).values(is_test_user=True))
    bench.tool.read()
    assert state(bench) is None


def test_an_assessment_becomes_a_score(make_tool: Any) -> None:
    bench = Bench(make_tool())
    column = bench.add_column()
    with bench.services.database.write() as session:
        checkpoint = session.get_one(Checkpoint, bench.checkpoint_id)
        now = bench.services.clock()
        teacher_id = bench.teacher(session)
        post_id = assessing.assess(session, checkpoint, bench.user_id, teacher_id, Decimal(4), "Hm", now)
    assert bench.post(post_id).state is ScoreState.SENT
    assert column.scores[bench.sub] == Decimal(4)
    with bench.services.database.write() as session:
        checkpoint = session.get_one(Checkpoint, bench.checkpoint_id)
        post_id = assessing.assess(session, checkpoint, bench.user_id, teacher_id, None, "", now)
    bench.post(post_id)
    assert column.scores[bench.sub] is None, "taken back"
