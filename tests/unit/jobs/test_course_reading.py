"""Reading a course from platforms of every kind, over real HTTP, with everything that goes wrong there."""

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from platforms.quirks import PROFILES, SAKAI_READ_ALL, Quirks
from platforms.strict_tokens import LINE_ITEM, LINE_ITEM_READ, MEMBERSHIP_READ, RESULT_READ
from sqlalchemy import update
from structlog.testing import capture_logs
from werkzeug.wrappers import Response

from lti_tool.errors import OutboundError
from lti_tool.evidence.ags import AgsSource
from lti_tool.jobs.course_reading import read_course
from lti_tool.models import EvidenceColumn, MembershipStatus, Observation, Registration, SyncRun, SyncState, User
from lti_tool.services.course_sync import LEASE

ALL_PROFILES = [*PROFILES.values(), dataclasses.replace(SAKAI_READ_ALL, product="sakai-all")]
PEOPLE = [str(number) for number in range(10, 17)]


def fill(platform: Any, columns: int = 5) -> dict[tuple[str, str], Decimal | None]:
    """Enrol seven people and grade them in some columns; returns what the tool must find."""
    for one in PEOPLE:
        platform.add_member(one, f"Person {one}", f"{one}@school.example")
    expected: dict[tuple[str, str], Decimal | None] = {}
    for number in range(columns):
        scores = {one: Decimal(f"{number}.{one}") for one in PEOPLE[number:]}
        scores[PEOPLE[0]] = None if number % 2 else Decimal(0)
        platform.add_line_item(f"Work {number}", scores, maximum=20)
        expected |= {(f"Work {number}", one): score for one, score in scores.items()}
    return expected


# -- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quirks", ALL_PROFILES, ids=lambda quirks: quirks.product)
def test_a_course_on_every_platform(make_tool: Any, quirks: Quirks) -> None:
    tool = make_tool(quirks)
    expected = fill(tool.platform)
    run = tool.read()
    assert (run.state, run.error_code) == (SyncState.DONE, None)
    assert run.counts == {
        "members": 9, "departed": 0, "columns": 5, "observations": len(expected), "malformed": 0,
        "sources": {"ags": {"done": 5, "total": 5}},
    }  # fmt: skip
    teacher, learner = tool.platform.personas["teacher"], tool.platform.personas["learner"]
    members = tool.members()
    assert set(members) == {teacher, learner, *PEOPLE}
    assert {sub for sub, one in members.items() if one.is_learner} == {learner, *PEOPLE}
    assert all(one.status is MembershipStatus.ACTIVE for one in members.values())
    columns = tool.columns()
    assert list(columns) == [f"Work {number}" for number in range(5)]
    assert {one.maximum for one in columns.values()} == {Decimal(20)}
    assert all(one.checked_at is not None and one.failed_code is None for one in columns.values())
    assert tool.scores() == expected
    assert tool.is_due()

    assert tool.read().counts["observations"] == 0
    assert (tool.count(Observation), tool.count(EvidenceColumn), tool.count(User)) == (len(expected), 5, 9)

    tool.platform.columns[3].scores[PEOPLE[-1]] = Decimal("19.5")
    assert tool.read().counts["observations"] == 1
    assert tool.scores() == expected | {("Work 2", PEOPLE[-1]): Decimal("19.5")}


def test_names_and_addresses_come_from_the_roster(tool: Any) -> None:
    fill(tool.platform)
    tool.read()
    with tool.services.database.read() as session:
        user = session.query(User).filter_by(platform_user_id="10").one()
    assert (user.name, user.email) == ("Person 10", "10@school.example")


def test_a_result_of_somebody_not_on_the_roster_is_kept_without_a_membership(tool: Any) -> None:
    tool.platform.add_line_item("Essay", {"stranger": Decimal(80)})
    assert tool.read().counts["observations"] == 1
    assert "stranger" not in tool.members()
    assert tool.scores() == {("Essay", "stranger"): Decimal(80)}


def test_who_departed_keeps_everything_and_a_vanished_result_is_ungraded(tool: Any) -> None:
    essay = tool.platform.add_line_item("Essay", {"learner": Decimal(80), "10": Decimal(60)})
    tool.platform.add_member("10")
    tool.read()
    del tool.platform.members["10"]
    del essay.scores["learner"]
    run = tool.read()
    assert (run.counts["departed"], run.counts["observations"]) == (1, 1)
    assert tool.members()["10"].status is MembershipStatus.INACTIVE
    assert tool.scores() == {("Essay", "learner"): None, ("Essay", "10"): Decimal(60)}


def test_an_inactive_member_is_inactive(tool: Any) -> None:
    tool.platform.add_member("10", status="Inactive")
    tool.read()
    assert tool.members()["10"].status is MembershipStatus.INACTIVE


def test_a_column_no_longer_listed_is_gone_and_its_facts_stay(tool: Any) -> None:
    tool.platform.add_line_item("Essay", {"learner": Decimal(80)})
    tool.platform.add_line_item("Lab", {"learner": Decimal(70)})
    tool.read()
    tool.platform.columns[1].is_mine = False
    tool.read()
    assert {title: column.is_gone for title, column in tool.columns().items()} == {"Essay": True, "Lab": False}
    assert len(tool.scores()) == 2


# -- what cannot be read ----------------------------------------------------------------------------------------------


def test_an_entry_that_cannot_be_read_makes_nobody_absent(tool: Any) -> None:
    essay = tool.platform.add_line_item("Essay", {"learner": Decimal(80), "10": Decimal(60)})
    tool.platform.add_line_item("Lab", {"learner": Decimal(70)})
    tool.platform.add_member("10")
    tool.read()
    del tool.platform.members["10"]
    del essay.scores["10"]
    tool.platform.add_member("")
    essay.raw_results.append({"userId": "10", "resultScore": "sixty"})
    tool.platform.columns[2].raw["id"] = "no address"
    run = tool.read()
    assert (run.state, run.counts["malformed"]) == (SyncState.DONE, 3)
    assert tool.members()["10"].status is MembershipStatus.ACTIVE
    assert tool.scores() == {
        ("Essay", "learner"): Decimal(80), ("Essay", "10"): Decimal(60), ("Lab", "learner"): Decimal(70),
    }  # fmt: skip
    assert not tool.columns()["Lab"].is_gone


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("{base}/services/course-1/lineitems/99", "platform_not_found"),
        ("https://elsewhere.example/1", "address_refused"),
    ],
)
def test_one_column_that_fails_leaves_the_others_read(tool: Any, url: str, code: str) -> None:
    tool.platform.add_line_item("First", {"learner": Decimal(80)})
    bad = tool.platform.add_line_item("Bad", {"learner": Decimal(80)})
    tool.platform.add_line_item("Last", {"learner": Decimal(70)})
    bad.raw["id"] = url.format(base=tool.platform.base_url)
    run = tool.read()
    assert (run.state, run.error_code) == (SyncState.FAILED, code)
    assert {title: one.failed_code for title, one in tool.columns().items()} == {
        "First": None,
        "Bad": code,
        "Last": None,
    }
    assert tool.scores() == {("First", "learner"): Decimal(80), ("Last", "learner"): Decimal(70)}
    assert tool.is_due()


def test_a_column_that_failed_is_good_again_once_it_was_read(tool: Any) -> None:
    tool.platform.add_line_item("Essay", {"learner": Decimal(80)})
    tool.platform._results = lambda *_, **__: Response("No such column", 404)
    assert tool.read().error_code == "platform_not_found"
    assert tool.columns()["Essay"].failed_code == "platform_not_found"
    del tool.platform._results
    assert tool.read().state is SyncState.DONE
    assert tool.columns()["Essay"].failed_code is None


@pytest.mark.parametrize("quirks", ALL_PROFILES, ids=lambda quirks: quirks.product)
def test_throttled_for_good_the_reading_is_put_off_and_nothing_marked(make_tool: Any, quirks: Quirks) -> None:
    tool = make_tool(quirks)
    expected = fill(tool.platform)
    tool.read()
    tool.platform.throttle_next(4)
    before = len(tool.platform.requests)
    run = tool.read()
    assert (run.state, run.error_code) == (SyncState.REQUESTED, "platform_throttled")
    assert len(tool.platform.requests) == before + 4
    assert {one.failed_code for one in tool.columns().values()} == {None}
    tool.world.clock.forward(seconds=10)
    read_course(tool.services, run.id)
    assert tool.run(run.id).state is SyncState.DONE
    assert tool.scores() == expected


def test_a_longer_wait_that_the_platform_asks_for_is_kept(tool: Any) -> None:
    tool.platform.throttle_next(1, retry_after="600")
    run = tool.read()
    assert (run.due_at - tool.services.clock()).total_seconds() == 600


def test_throttled_for_a_moment_nobody_notices(tool: Any) -> None:
    expected = fill(tool.platform)
    tool.platform.throttle_next(2, retry_after="1")
    assert tool.read().state is SyncState.DONE
    assert tool.scores() == expected


def test_a_roster_that_fails_leaves_the_evidence_read(tool: Any) -> None:
    expected = fill(tool.platform)
    tool.platform.fail_next(4, status=500)
    run = tool.read()
    assert (run.state, run.error_code) == (SyncState.REQUESTED, "platform_unavailable")
    assert tool.scores() == expected
    assert tool.is_due()
    tool.world.clock.forward(seconds=10)
    read_course(tool.services, run.id)
    assert (tool.run(run.id).state, len(tool.members())) == (SyncState.DONE, 9)


def test_a_login_page_instead_of_json(tool: Any) -> None:
    fill(tool.platform)
    tool.platform.answer_html_next()
    run = tool.read()
    assert (run.state, run.error_code) == (SyncState.FAILED, "platform_answer_malformed")


def test_a_failure_that_passes_decides_over_one_that_stays(tool: Any) -> None:
    """The roster is refused for good, a column fails for a moment: trying again can help."""
    tool.platform.add_line_item("Essay", {"learner": Decimal(80)})
    tool.platform.answer_html_next()
    listing = tool.services.sources[0].iter_columns

    def then_fail(*args: Any, **options: Any) -> Iterator[Any]:
        yield from listing(*args, **options)
        tool.platform.fail_next(4)

    tool.services.sources[0].iter_columns = then_fail
    run = tool.read()
    assert (run.state, run.error_code) == (SyncState.REQUESTED, "platform_unavailable")


def test_pages_without_an_end(make_tool: Any) -> None:
    tool = make_tool(page_limit=12)
    fill(tool.platform)
    tool.platform.endless_pages = True
    run = tool.read()
    assert (run.state, run.error_code) == (SyncState.FAILED, "pages_endless")
    assert all(one.status is MembershipStatus.ACTIVE for one in tool.members().values())


@pytest.mark.parametrize(
    ("missing", "state", "code", "failed"),
    [
        ({MEMBERSHIP_READ}, SyncState.DONE, None, None),
        ({LINE_ITEM, LINE_ITEM_READ}, SyncState.FAILED, "missing_scope", "missing_scope"),
        ({RESULT_READ}, SyncState.FAILED, "missing_scope", "missing_scope"),
    ],
    ids=["roster", "line items", "results"],
)
def test_a_scope_taken_back(
    tool: Any, missing: set[str], state: SyncState, code: str | None, failed: str | None
) -> None:
    expected = fill(tool.platform)
    tool.read()
    tool.platform.granted_scopes = tool.platform.granted_scopes - missing
    tool.platform.end_tokens()
    tool.world.clock.forward(hours=2)
    run = tool.read()
    assert (run.state, run.error_code) == (state, code)
    assert {one.failed_code for one in tool.columns().values()} == {failed}
    assert tool.scores() == expected
    assert {one.status for one in tool.members().values()} == {MembershipStatus.ACTIVE}


def test_a_course_without_services_is_read_at_once(tool: Any) -> None:
    fill(tool.platform)
    with tool.services.database.write() as session:
        tool.world.context.line_items_url = tool.world.context.memberships_url = None
        session.merge(tool.world.context)
    run = tool.read()
    assert (run.state, len(tool.platform.requests)) == (SyncState.DONE, 0)


def test_a_platform_out_of_reach_is_asked_no_further(tool: Any) -> None:
    fill(tool.platform)
    tool.read()
    asked = len(tool.platform.requests)
    tool.world.clock.forward(hours=2)
    with tool.services.database.write() as session:
        session.execute(update(Registration).values(auth_token_url="http://127.0.0.1:9/token"))
    run = tool.read()
    assert (run.state, run.error_code) == (SyncState.REQUESTED, "host_unavailable")
    assert len(tool.platform.requests) == asked
    assert {one.failed_code for one in tool.columns().values()} == {None}


def test_a_platform_that_goes_away_half_way_is_asked_no_further(tool: Any) -> None:
    fill(tool.platform)
    tool.read()
    source = with_stopping(tool, OutboundError("lms.example could not be reached."))
    run = tool.read()
    assert (run.state, run.error_code) == (SyncState.REQUESTED, "host_unavailable")
    assert source.begun == 2
    assert {one.failed_code for one in tool.columns().values()} == {None}


# -- killed, broken, slow ---------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What a process feels when it is killed: no handler runs."""


class Stopping(AgsSource):
    """A source that stops the process in the middle of the second column."""

    error: BaseException | None = Killed()
    begun = 0

    def iter_pages(self, *args: Any, **options: Any) -> Iterator[Any]:
        self.begun += 1
        for page in super().iter_pages(*args, **options):
            yield page
            if self.error is not None and "/lineitems/2" in args[2].key:
                raise self.error


def with_stopping(tool: Any, error: BaseException | None) -> Stopping:
    """Put the stopping source in."""
    source = Stopping(tool.services.advantage)
    source.error = error
    tool.services = dataclasses.replace(tool.services, sources=(source,))
    return source


def test_after_a_kill_another_worker_finishes(tool: Any) -> None:
    expected = fill(tool.platform)
    source = with_stopping(tool, Killed())
    run_id = tool.ask()
    with pytest.raises(Killed):
        read_course(tool.services, run_id)
    assert tool.run(run_id).state is SyncState.RUNNING
    stored = tool.count(Observation)
    assert 0 < stored < len(expected)
    assert [one.checked_at is None for one in tool.columns().values()] == [False, True, True, True, True]

    source.error = None
    read_course(tool.services, run_id)  # the lease still holds
    assert (tool.run(run_id).state, tool.count(Observation)) == (SyncState.RUNNING, stored)
    tool.world.clock.forward(seconds=LEASE.total_seconds() + 1)
    read_course(tool.services, run_id)
    run = tool.run(run_id)
    assert (run.state, run.attempts, run.counts["observations"]) == (SyncState.DONE, 2, len(expected) - stored)
    assert (tool.scores(), tool.count(Observation)) == (expected, len(expected))


def test_a_bug_ends_the_run_visibly_instead_of_repeating_for_ever(tool: Any) -> None:
    fill(tool.platform)
    with_stopping(tool, ZeroDivisionError())
    with capture_logs() as logged:
        run = tool.read()
        assert (run.state, run.error_code) == (SyncState.REQUESTED, "internal")
        for _ in range(4):
            tool.world.clock.forward(hours=1)
            read_course(tool.services, run.id)
    assert [(one["event"], one["error"]) for one in logged] == [("course_reading.broken", "ZeroDivisionError")] * 5
    assert tool.run(run.id).state is SyncState.FAILED
    assert tool.count(SyncRun) == 1


def test_no_transaction_is_open_while_the_platform_is_called(tool: Any) -> None:
    fill(tool.platform)
    refusal, asked = tool.platform._refusal, []

    def write_meanwhile(*args: Any) -> Any:
        with tool.services.database.write() as session:  # would wait for half a minute
            session.execute(update(Registration).values(product=None))
        asked.append(args)
        return refusal(*args)

    tool.platform._refusal = write_meanwhile
    assert tool.read().state is SyncState.DONE
    assert len(asked) > 5


def test_the_lease_is_renewed_with_every_page(tool: Any) -> None:
    """A reading that takes longer than one lease, page after page, is not taken by another."""
    fill(tool.platform)
    refusal, due = tool.platform._refusal, []

    def slowly(*args: Any) -> Any:
        with tool.services.database.read() as session:
            due.append(session.query(SyncRun).filter(SyncRun.lease_until < tool.services.clock()).count())
        tool.world.clock.forward(seconds=LEASE.total_seconds() / 2)
        return refusal(*args)

    tool.platform._refusal = slowly
    assert tool.read().state is SyncState.DONE
    assert len(due) > 5
    assert set(due) == {0}
