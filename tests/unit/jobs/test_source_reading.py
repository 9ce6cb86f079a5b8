"""Reading a source: from any crash to the same state, changes only where that is safe, failures where they belong."""

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from courses import START
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_source import Reader, ScriptedSource, column, reader_on, said
from sqlalchemy import delete, event, select, update

from lti_tool.domain.evidence import EvidenceState
from lti_tool.errors import GrantError, OutboundError, PlatformThrottledError, ServiceRefusedError
from lti_tool.evidence.base import EvidenceStream, PersonReading
from lti_tool.models import (
    Context,
    EvidenceColumn,
    Fact,
    LaunchSession,
    Membership,
    Observation,
    Organization,
    SourceReading,
    SyncRun,
    SyncState,
)
from lti_tool.services import course_sync, identities
from lti_tool.services.course_sync import LEASE
from lti_tool.services.source_readings import OVERLAP

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def reader(migrated_sqlite_url: str) -> Iterator[Reader]:
    with reader_on(migrated_sqlite_url) as reader:
        yield reader


class Killed(BaseException):
    """What a process feels when it is killed: no handler runs."""


def at(minute: int) -> Any:
    """A moment of the source's own clock."""
    return START - HOUR + minute * MINUTE


def two_columns(reader: Reader) -> None:
    """An essay and a lab, each of five people on three pages."""
    reader.source.columns = [column("essay"), column("lab")]
    for number, key in enumerate(("essay", "lab")):
        rows = [(key, said(f"p{one}", str(10 * one + number), at(one))) for one in range(5)]
        reader.source.pages[key] = [rows[:2], rows[2:4], rows[4:]]


def one_stream(reader: Reader, *, tells_changes: bool = True) -> None:
    """The same, all in one stream."""
    two_columns(reader)
    pages = reader.source.pages
    pages["all"] = [*pages.pop("essay"), *pages.pop("lab")]
    reader.source.streams_told = (EvidenceStream("all", ("essay", "lab"), tells_changes=tells_changes),)


FULL = {("essay", f"p{one}"): Decimal(10 * one) for one in range(5)} | {
    ("lab", f"p{one}"): Decimal(10 * one + 1) for one in range(5)
}


# -- crashes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_places", [True, False], ids=["pages with places", "no places"])
@pytest.mark.parametrize("shape", [two_columns, one_stream])
def test_any_crash_point_resumes_to_the_same_state(any_database: str, shape: Any, has_places: bool) -> None:
    """Killed before each page in turn, three times one after the other."""
    with reader_on(any_database, has_places=has_places) as reader:
        shape(reader)
        run_id = reader.ask()
        points = (
            [("essay", 1), ("lab", 0), ("lab", 2)] if shape is two_columns else [("all", 1), ("all", 3), ("all", 5)]
        )
        for point in points:

            def die(stream: str, page: int, point: tuple[str, int] = point) -> None:
                if (stream, page) == point:
                    raise Killed

            reader.source.before = die
            with pytest.raises(Killed):
                reader.go_on(run_id)
            assert reader.run(run_id).state is SyncState.RUNNING
            assert not reader.course.is_due()
            reader.course.now += LEASE + MINUTE
        reader.source.before = lambda _stream, _page: None
        reader.source.asked.clear()
        assert reader.go_on(run_id)
        assert (reader.run(run_id).state, reader.run(run_id).attempts) == (SyncState.DONE, 4)
        assert reader.scores() == FULL
        assert reader.observations() == len(FULL)
        assert all(one.checked_at is not None for one in reader.columns().values())
        if has_places:  # what was stored is not asked for again
            resumed = {two_columns: [("lab", None, "2")], one_stream: [("all", None, "5")]}
            assert reader.source.asked == resumed[shape]


def test_a_resumed_column_was_read_when_its_reading_began(reader: Reader) -> None:
    two_columns(reader)

    def die(stream: str, page: int) -> None:
        reader.course.now += MINUTE
        if (stream, page) == ("essay", 2):
            raise Killed

    reader.source.before = die
    run_id = reader.ask()
    with pytest.raises(Killed):
        reader.go_on(run_id)
    assert {one.checked_at for one in reader.columns().values()} == {None}
    reader.source.before = lambda _stream, _page: None
    reader.course.now += LEASE + MINUTE
    resumed_at = reader.course.now
    reader.go_on(run_id)
    columns = reader.columns()
    assert (columns["essay"].checked_at, columns["lab"].checked_at) == (START, resumed_at)


def test_after_a_resumed_reading_nobody_vanishes_until_the_next(reader: Reader) -> None:
    one_stream(reader)
    reader.read()
    del reader.source.pages["all"][0][0]  # p0's essay

    def die(_stream: str, page: int) -> None:
        if page == 3:
            raise Killed

    reader.source.before = die
    run_id = reader.ask("button")
    with pytest.raises(Killed):
        reader.go_on(run_id)
    reader.source.before = lambda _stream, _page: None
    reader.course.now += LEASE + MINUTE
    reader.go_on(run_id)
    assert reader.scores() == FULL
    reader.course.later(minutes=1)
    reader.read("button")
    assert reader.scores() == FULL | {("essay", "p0"): None}


def test_another_run_does_not_go_on_where_one_failed(reader: Reader) -> None:
    two_columns(reader)

    def refuse(stream: str, page: int) -> None:
        if (stream, page) == ("essay", 1):
            raise GrantError("no", code="grant_refused")

    reader.source.before = refuse
    assert reader.read().error_code == "grant_refused"
    reader.source.before = lambda _stream, _page: None
    reader.source.asked.clear()
    assert reader.read().state is SyncState.DONE
    assert reader.source.asked == [("essay", None, None), ("lab", None, None)]


def test_a_place_that_the_platform_forgot_means_from_the_beginning(reader: Reader) -> None:
    two_columns(reader)

    def throttle(stream: str, page: int) -> None:
        if (stream, page) == ("essay", 1):
            raise PlatformThrottledError("slower")

    reader.source.before = throttle
    run = reader.read()
    assert (run.state, run.error_code) == (SyncState.REQUESTED, "platform_throttled")

    def forget(_stream: str, page: int) -> None:
        if page == 1 and reader.source.asked[-1][2] == "1":
            raise ServiceRefusedError("gone", code="platform_not_found")

    reader.source.before = forget
    reader.source.asked.clear()
    reader.course.later(minutes=1)
    reader.go_on(run.id)
    assert reader.run(run.id).state is SyncState.DONE
    assert reader.source.asked == [("essay", None, "1"), ("essay", None, None), ("lab", None, None)]
    assert reader.scores() == FULL


def test_who_lost_the_run_stops_without_a_word(reader: Reader) -> None:
    two_columns(reader)
    run_id = reader.ask()

    def sleep_long(stream: str, page: int) -> None:
        if (stream, page) == ("essay", 1):
            reader.source.before = lambda _stream, _page: None
            reader.course.now += LEASE + MINUTE
            assert reader.go_on(run_id), "another worker takes it, and brings it to its end"

    reader.source.before = sleep_long
    assert reader.go_on(run_id)
    run = reader.run(run_id)
    assert (run.state, run.attempts) == (SyncState.DONE, 2)
    assert reader.scores() == FULL
    assert reader.observations() == len(FULL)


PAGES = st.lists(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 9)), max_size=4), min_size=1, max_size=5
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=PAGES, crashes=st.lists(st.integers(0, 5), max_size=4))
def test_shrinking_repeating_and_crashing_pages_end_in_the_same_state(
    reader: Reader, rows: Any, crashes: list[int]
) -> None:
    """The newest word of each place holds, whichever pages came twice and wherever the reading was broken off."""
    with reader.course.database.write() as session:
        for table in (Fact, Observation, SourceReading, SyncRun, EvidenceColumn):
            session.execute(delete(table))
    score = {place: str(random.Random(str(place)).randint(0, 100)) for page in rows for place in page}
    reader.source.columns = [column("a"), column("b")]
    reader.source.streams_told = (EvidenceStream("all", ("a", "b")),)
    reader.source.pages = {
        "all": [[(key, said(f"p{one}", score[key, one, when], at(when))) for key, one, when in page] for page in rows]
    }
    run_id = reader.ask("button")
    for point in crashes:

        def die(_stream: str, page: int, point: int = point) -> None:
            if page == point:
                raise Killed

        reader.source.before = die
        try:
            reader.go_on(run_id)
        except Killed:
            reader.course.now += LEASE + MINUTE
    reader.source.before = lambda _stream, _page: None
    reader.go_on(run_id)
    reader.course.later(minutes=1)
    assert reader.run(run_id).state is SyncState.DONE
    expected = {(key, f"p{one}"): Decimal(score[key, one, when]) for key, one, when in sorted(score)}
    assert reader.scores() == expected


# -- changes only -----------------------------------------------------------------------------------------------------


def test_after_a_whole_reading_only_changes_are_asked_for(reader: Reader) -> None:
    one_stream(reader)
    reader.read()
    assert reader.source.asked == [("all", None, None)]
    reader.course.later(hours=1)
    reader.source.pages["all"].append([("essay", said("p0", "99", at(70)))])
    run = reader.read()
    assert reader.source.asked[-1] == ("all", at(4) - OVERLAP, None)
    assert (run.counts["observations"], reader.scores()["essay", "p0"]) == (1, Decimal(99))
    columns = reader.columns()
    assert {one.checked_at for one in columns.values()} == {reader.course.now}, "what did not change was looked at, too"
    reader.course.later(hours=1)
    reader.read()
    assert reader.source.asked[-1] == ("all", at(70) - OVERLAP, None)


def test_who_is_not_among_the_changes_has_not_vanished(reader: Reader) -> None:
    one_stream(reader)
    reader.read()
    reader.course.later(hours=1)
    reader.source.pages["all"] = [[("essay", said("p0", "99", at(70)))]]
    reader.read()
    assert reader.scores() == FULL | {("essay", "p0"): Decimal(99)}


@pytest.mark.parametrize(
    "why",
    ["a day went by", "a person asks", "it failed", "a new column", "another maximum", "a column came back"],
)
def test_everything_is_read_again_when(reader: Reader, why: str) -> None:
    one_stream(reader)
    reader.read()
    reader.course.later(hours=1)
    reason = "schedule"
    if why == "a day went by":
        reader.course.later(days=1)
    elif why == "a person asks":
        reason = "button"
    elif why == "it failed":

        def refuse(_stream: str, _page: int) -> None:
            raise GrantError("no", code="grant_refused")

        reader.source.before = refuse
        reader.read()
        reader.source.before = lambda _stream, _page: None
    elif why == "a new column":
        reader.source.columns = [*reader.source.columns, column("quiz")]
        reader.source.streams_told = (EvidenceStream("all", ("essay", "lab", "quiz"), tells_changes=True),)
    elif why == "another maximum":
        reader.source.columns[0] = column("essay", "50")
    else:
        columns = list(reader.source.columns)
        reader.source.columns = columns[:1]
        reader.read()
        assert reader.columns()["lab"].is_gone
        reader.source.columns = columns
        reader.course.later(minutes=1)
    reader.source.asked.clear()
    assert reader.read(reason).state is SyncState.DONE
    assert reader.source.asked == [("all", None, None)]
    assert reader.columns()["lab"].is_gone is False


def test_with_another_maximum_nothing_is_known_until_it_was_read_anew(reader: Reader) -> None:
    two_columns(reader)
    reader.read()
    reader.source.columns[0] = column("essay", "50")

    def throttle(_stream: str, _page: int) -> None:
        raise PlatformThrottledError("slower")

    reader.source.before = throttle
    reader.course.later(minutes=1)
    run = reader.read()
    columns = reader.columns()
    assert (columns["essay"].maximum, columns["essay"].checked_at) == (Decimal(50), None)
    assert columns["lab"].checked_at == START
    reader.source.before = lambda _stream, _page: None
    reader.course.later(minutes=1)
    reader.go_on(run.id)
    assert reader.columns()["essay"].checked_at == reader.course.now


def test_an_excused_hidden_and_graded_again_piece_of_work(reader: Reader) -> None:
    reader.source.columns = [column("essay", grading_scheme=("A", "B"), lti_ids=("link-1",))]
    states = [
        said("p0", "80", at(1), attempt=1),
        said("p0", None, at(2), state=EvidenceState.EXCUSED),
        said("p0", "80", at(3), state=EvidenceState.HIDDEN),
        said("p0", "85", at(4), letter="A", attempt=2),
    ]
    seen = []
    for one in states:
        reader.source.pages = {"essay": [[("essay", one)]]}
        reader.course.later(minutes=1)
        reader.read()
        seen.append(reader.state()["essay", "p0"])
    assert seen == [
        (EvidenceState.GRADED, Decimal(80), None, 1),
        (EvidenceState.EXCUSED, None, None, None),
        (EvidenceState.HIDDEN, Decimal(80), None, None),
        (EvidenceState.GRADED, Decimal(85), "A", 2),
    ]
    assert (reader.columns()["essay"].grading_scheme, reader.columns()["essay"].lti_ids) == (["A", "B"], ["link-1"])


# -- who is who -------------------------------------------------------------------------------------------------------


def test_results_of_people_nobody_explained_are_counted_and_make_nobody(reader: Reader) -> None:
    one_stream(reader)
    reader.source.pages["all"].append([("essay", said("#17", "50", at(2))), ("lab", said("#18", "60", at(3)))])
    reader.source.people = [PersonReading("#18", "ada")]
    run = reader.read()
    assert run.counts["unmatched"] == 1
    assert reader.scores() == FULL | {("lab", "ada"): Decimal(60)}

    reader.course.later(hours=1)
    ben = reader.course.person("ben")
    with reader.course.database.write() as session:
        school = identities.School(reader.course.registration_id, reader.course.organization_id)
        identities.store_identities(session, school, "scripted", {"#17": ben}, reader.course.now)
    reader.course.later(minutes=1)
    run = reader.read()
    assert reader.source.asked[-1] == ("all", None, None), "everything, since a change since then would not show it"
    assert "unmatched" not in run.counts
    assert reader.scores()["essay", "ben"] == Decimal(50)
    reader.course.later(hours=1)
    reader.read()
    assert reader.source.asked[-1][1] is not None


def test_somebody_new_alone_is_no_reason_to_read_everything(reader: Reader) -> None:
    one_stream(reader)
    reader.read()
    reader.course.later(hours=1)
    reader.course.person("ada")
    reader.source.people = [PersonReading("#18", "ada")]
    reader.read()
    assert reader.source.asked[-1][1] is not None


def test_test_users_are_marked_and_never_asked_about(reader: Reader) -> None:
    two_columns(reader)
    ada = reader.course.person("ada")
    reader.source.people = [PersonReading("#1", "ada", is_test_user=True), PersonReading("#2", None, is_test_user=True)]
    reader.source.pages["essay"][0] += [("essay", said("#1", "100")), ("essay", said("#2", "100"))]
    run = reader.read()
    assert "unmatched" not in run.counts
    with reader.course.database.read() as session:
        assert session.scalar(select(Membership.is_test_user).where(Membership.user_id == ada))
    assert reader.scores()["essay", "ada"] == Decimal(100)


def test_two_ids_of_a_merged_user_have_one_fact_the_newer(reader: Reader) -> None:
    reader.source.columns = [column("essay")]
    reader.source.people = [PersonReading("#1", "ada"), PersonReading("#2", "ada")]
    for newer, older in (("#1", "#2"), ("#2", "#1")):
        reader.source.pages = {"essay": [[("essay", said(newer, "90", at(5)))], [("essay", said(older, "40", at(1)))]]}
        run = reader.read()
        assert "unmatched" not in run.counts
        assert reader.scores() == {("essay", "ada"): Decimal(90)}
        assert reader.observations() == 1


def test_a_test_user_whom_a_launch_made_known_is_nobodys_learner(reader: Reader) -> None:
    """The source knows that it is a test user, and not what LTI calls it."""
    two_columns(reader)
    student = reader.course.person("preview")
    with reader.course.database.write() as session:
        context = session.scalars(select(Context)).one()
        school = identities.School(context.deployment.registration_id, context.organization_id)
        identities.store_identities(session, school, reader.source.name, {"#2": student}, reader.course.now)
    reader.source.people = [PersonReading("#2", None, is_test_user=True)]
    reader.read()
    with reader.course.database.read() as session:
        assert session.scalar(select(Membership.is_test_user).where(Membership.user_id == student))


# -- failures ---------------------------------------------------------------------------------------------------------


def test_a_source_that_may_not_be_read_any_more_has_stale_columns_and_a_reason(reader: Reader) -> None:
    two_columns(reader)
    reader.read()
    reader.course.evaluate()
    reader.source.needs = ("grant_refused",)
    reader.course.later(hours=1)
    run = reader.read()
    assert (run.state, run.error_code) == (SyncState.DONE, None)
    assert {one.failed_code for one in reader.columns().values()} == {"grant_refused"}
    assert (reader.reading().failed_code, reader.reading().failed_at) == ("grant_refused", reader.course.now)
    assert reader.scores() == FULL
    assert reader.course.is_due()
    reader.source.needs = ()
    reader.course.later(hours=1)
    reader.read()
    assert {one.failed_code for one in reader.columns().values()} == {None}
    assert reader.reading().failed_code is None


def test_a_source_that_was_never_set_up_leaves_no_trace(reader: Reader) -> None:
    reader.source.needs = ("api_not_set_up",)
    reader.read()
    with reader.course.database.read() as session:
        assert session.scalars(select(SourceReading)).all() == []


@pytest.mark.parametrize(
    ("error", "failed", "state"),
    [
        (GrantError("no", code="grant_narrowed"), "grant_narrowed", SyncState.FAILED),
        (PlatformThrottledError("slower"), None, SyncState.REQUESTED),
        (OutboundError("away"), None, SyncState.REQUESTED),
    ],
    ids=["refused for good", "throttled", "away"],
)
def test_what_stops_a_source_stops_only_that_source(
    reader: Reader, error: Exception, failed: str | None, state: SyncState
) -> None:
    two_columns(reader)
    other = ScriptedSource("other", columns=[column("quiz")], pages={"quiz": [[("quiz", said("p0", "7"))]]})
    object.__setattr__(reader.services, "sources", (reader.source, other))

    def stop(stream: str, _page: int) -> None:
        if stream == "lab":
            raise error

    reader.source.before = stop
    run = reader.read()
    assert (run.state, run.counts["sources"]) == (
        state,
        {"scripted": {"done": 1, "total": 2}, "other": {"done": 1, "total": 1}},
    )
    assert reader.scores()["quiz", "p0"] == Decimal(7)
    assert {key: one.failed_code for key, one in reader.columns().items()} == {
        "essay": failed, "lab": failed, "quiz": None,
    }  # fmt: skip
    assert reader.reading().failed_code == error.code  # type: ignore[attr-defined]
    assert reader.course.is_due()


def test_a_stream_that_fails_leaves_the_others_read(reader: Reader) -> None:
    two_columns(reader)

    def fail(stream: str, page: int) -> None:
        if (stream, page) == ("essay", 2):
            raise ServiceRefusedError("no", code="platform_not_found")

    reader.source.before = fail
    run = reader.read()
    assert (run.state, run.error_code) == (SyncState.FAILED, "platform_not_found")
    columns = reader.columns()
    assert (columns["essay"].failed_code, columns["essay"].checked_at) == ("platform_not_found", None)
    assert (columns["lab"].failed_code, columns["lab"].checked_at) == (None, START)


def test_an_entry_that_could_not_be_read_makes_nobody_absent(reader: Reader) -> None:
    two_columns(reader)
    reader.read()
    reader.source.pages["essay"] = [[("essay", said("p0", "0", at(0)))]]
    reader.source.malformed = 1
    reader.course.later(minutes=1)
    reader.read()
    assert reader.scores() == FULL
    reader.source.malformed = 0
    reader.course.later(minutes=1)
    reader.read()
    assert reader.scores() == FULL | {("essay", f"p{one}"): None for one in range(1, 5)}


def test_a_column_of_two_streams_is_read_when_both_ended(reader: Reader) -> None:
    reader.source.columns = [column("essay")]
    reader.source.streams_told = tuple(EvidenceStream(key, ("essay",)) for key in ("active", "concluded"))
    reader.source.pages = {key: [[("essay", said(key, "5"))]] for key in ("active", "concluded")}

    def fail(stream: str, _page: int) -> None:
        if stream == "concluded":
            raise PlatformThrottledError("slower")

    reader.source.before = fail
    run = reader.read()
    assert reader.columns()["essay"].checked_at is None
    reader.source.before = lambda _stream, _page: None
    reader.course.later(minutes=1)
    reader.go_on(run.id)
    assert reader.columns()["essay"].checked_at is not None
    assert reader.scores() == {("essay", "active"): Decimal(5), ("essay", "concluded"): Decimal(5)}


# -- evaluation, statements, memory -----------------------------------------------------------------------------------


def test_an_unchanged_reading_asks_for_no_evaluation(reader: Reader) -> None:
    two_columns(reader)
    reader.read()
    reader.course.evaluate()
    reader.course.later(hours=1)
    reader.read()
    assert not reader.course.is_due()
    reader.source.pages["lab"][0][0] = ("lab", said("p0", "77", at(9)))
    reader.course.later(hours=1)
    reader.read()
    assert reader.course.is_due()


def test_what_was_not_looked_at_for_a_day_is_evaluated_when_it_is(reader: Reader) -> None:
    two_columns(reader)
    reader.read()
    reader.course.evaluate()
    reader.course.later(days=8)
    reader.read()
    assert reader.course.is_due()


def test_an_unchanged_page_costs_one_question(reader: Reader) -> None:
    """A reading of 40 pages more asks 40 questions more, and writes 40 places."""

    def counted(pages: int) -> tuple[int, int]:
        reader.source.columns = [column("essay")]
        rows = [("essay", said(f"p{one}", "50", at(1))) for one in range(pages * 10)]
        reader.source.pages = {"essay": [rows[one : one + 10] for one in range(0, len(rows), 10)]}
        reader.read()
        asked: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            asked.append(statement.split()[0])

        event.listen(reader.course.database.engine, "before_cursor_execute", note)
        reader.read()
        event.remove(reader.course.database.engine, "before_cursor_execute", note)
        reading = sum(one == "SELECT" for one in asked)
        return reading, len(asked) - reading

    few, many = counted(5), counted(45)
    # Who is on a page is remembered between columns, and asked for once a reading: two questions a page in this one.
    assert many[0] - few[0] <= 2 * 40
    assert many[1] - few[1] == 40


# -- one polite stream, and who goes first ----------------------------------------------------------------------------


def ask_for(reader: Reader, context_id: int, reason: str = "schedule") -> int:
    with reader.course.database.write() as session:
        run_id = course_sync.request_sync(session, session.get_one(Context, context_id), reason, reader.course.now)
    assert run_id is not None
    return run_id


def test_one_course_of_an_institution_is_read_at_a_time(reader: Reader) -> None:
    two_columns(reader)
    first = reader.ask()
    second = ask_for(reader, reader.course.add_course("course-2"))
    tried: list[bool] = []

    def meanwhile(stream: str, page: int) -> None:
        if (stream, page) == ("essay", 0):
            reader.source.before = lambda _stream, _page: None
            tried.append(reader.go_on(second))

    reader.source.before = meanwhile
    assert reader.go_on(first)
    assert tried == [False]
    assert reader.run(second).state is SyncState.REQUESTED
    with reader.course.database.read() as session:
        assert course_sync.next_run(session, first, reader.course.now) == second
    assert reader.go_on(second)


def test_a_dead_reader_holds_the_others_up_no_longer_than_its_lease(reader: Reader) -> None:
    first = reader.ask()
    second = ask_for(reader, reader.course.add_course("course-2"))
    with reader.course.database.write() as session:
        assert course_sync.take_run(session, first, reader.course.now) is not None
    assert not reader.go_on(second)
    reader.course.now += LEASE + MINUTE
    assert reader.go_on(second)


def test_who_waits_goes_first_then_who_looks_then_who_waited_longest(reader: Reader) -> None:
    reasons = ["schedule", "event", "launch", "button", "schedule"]
    runs = {}
    for number, reason in enumerate(reasons):
        runs[reason, number] = ask_for(reader, reader.course.add_course(f"course-{number + 2}"), reason)
        reader.course.later(seconds=1)
    order = [runs[key] for key in [("button", 3), ("launch", 2), ("event", 1), ("schedule", 0), ("schedule", 4)]]
    with reader.course.database.read() as session:
        assert course_sync.due_runs(session, reader.course.now) == order


def test_a_launch_makes_a_waiting_run_go_before_others(reader: Reader) -> None:
    course = reader.course
    courses = [course.add_course(f"course-{number}") for number in (2, 3)]
    first, second = (ask_for(reader, one) for one in courses)
    with course.database.write() as session:
        session.execute(update(SyncRun).where(SyncRun.id == first).values(due_at=course.now - MINUTE))
        session.add(
            LaunchSession(
                secret_hash="x", deployment_id=course.deployment_id, context_id=courses[1], roles=[], data={},
                frame_ancestors=[], created_at=course.now, seen_at=course.now, expires_at=course.now + HOUR,
            )
        )  # fmt: skip
        session.flush()
        assert course_sync.due_runs(session, course.now) == [first, second]
        course_sync.favour_watched(session, course.now)
        assert course_sync.due_runs(session, course.now) == [second, first]


def test_the_first_of_each_institution_come_before_the_many_of_one(reader: Reader) -> None:
    many = [ask_for(reader, reader.course.add_course(f"course-{number + 2}")) for number in range(5)]
    with reader.course.database.write() as session:
        school = Organization(name="Another school", created_at=START)
        session.add(school)
        session.flush()
        course = Context(
            deployment_id=reader.course.deployment_id, organization_id=school.id, platform_id="theirs",
            created_at=START, launched_at=START,
        )  # fmt: skip
        session.add(course)
        session.flush()
        late = course_sync.request_sync(session, course, "schedule", reader.course.now + MINUTE)
    with reader.course.database.read() as session:
        assert course_sync.due_runs(session, reader.course.now + MINUTE, limit=2) == [many[0], late]
