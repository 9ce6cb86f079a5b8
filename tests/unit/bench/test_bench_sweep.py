"""The sweep's institution answers as platforms do, and its contestants read the same pages."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet

from bench import institution, sweep, sweep_once, sweep_tool, sweep_worker
from bench.frame import Measured, Round
from bench.institution import Course, Gradebook
from bench.institution_host import FUNCTIONS, Bucket, Institution
from bench.sweep_worker import Watch
from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.canvas_rows import submission_observation
from lti_tool.evidence.moodle_rows import item_reading
from lti_tool.lti.links import next_link

COURSE = Course(7, 230, 3)


@pytest.fixture
def canvas() -> Institution:
    return served("canvas")


def served(profile: str) -> Institution:
    found = Institution(profile)
    found.address = "http://127.0.0.1:9"
    return found


def decoded(body: bytes) -> object:
    """As this tool reads JSON."""
    return json.loads(body, parse_float=Decimal)


def pages(host: Institution, target: str) -> Iterator[object]:
    """The bodies of all pages, as the links say."""
    following: str | None = f"{host.address}{target}"
    while following is not None:
        parts = urlsplit(following)
        reply = host.reply("GET", f"{parts.path}?{parts.query}", b"")
        assert reply.status == "200 OK"
        yield decoded(reply.body)
        link = reply.headers.removeprefix("Link: ").strip() if reply.headers.startswith("Link") else None
        following = next_link(link, following)


def test_a_course_is_in_its_name() -> None:
    assert Course.named(COURSE.name) == COURSE
    assert COURSE.learner(COURSE.user(229)) == 229
    with pytest.raises(ValueError, match="no such learner"):
        COURSE.learner(COURSE.user(230))


def test_grades_are_the_same_each_time_and_of_every_state() -> None:
    work = [Gradebook().work(COURSE, learner, column) for learner in range(230) for column in range(3)]
    assert work == [Gradebook().work(COURSE, learner, column) for learner in range(230) for column in range(3)]
    assert {one.state for one in work} == set(institution._STATES)
    assert 0.75 < sum(one.state == "graded" for one in work) / len(work) < 0.9


def test_canvas_tells_every_submission_once_a_hundred_a_page_of_the_size_of_a_real_one(canvas: Institution) -> None:
    found = list(
        pages(canvas, f"/api/v1/courses/{COURSE.name}/students/submissions?per_page=100&student_ids%5B%5D=all")
    )
    assert [len(page) for page in found] == [100] * 6 + [90]
    rows = [row for page in found for row in page]
    assert len({(row["user_id"], row["assignment_id"]) for row in rows}) == 690
    assert min(len(json.dumps(row, separators=(",", ":"), default=float)) for row in rows) >= 700
    states = {submission_observation(row)[1].state for row in rows}
    assert states == set(EvidenceState) & {
        EvidenceState.GRADED, EvidenceState.HIDDEN, EvidenceState.EXCUSED, EvidenceState.MISSING,
        EvidenceState.SUBMITTED, EvidenceState.UNGRADED,
    }  # fmt: skip


def test_canvas_tells_what_was_graded_since(canvas: Institution) -> None:
    since = datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
    target = f"/api/v1/courses/{COURSE.name}/students/submissions?per_page=100&graded_since={since}"
    assert list(pages(canvas, target)) == [[]]
    canvas.reply("POST", "/control", json.dumps({"change": [[COURSE.name, 5, 1, 12.5]]}).encode())
    ((row,),) = pages(canvas, target)
    key, reading = submission_observation(row)
    assert (key, reading.external_id) == (f"assignment:{COURSE.column(1)}", str(COURSE.user(5)))
    assert reading.score == Decimal("12.5")


def test_ags_and_the_roster_have_fifty_a_page() -> None:
    host = served("ags")
    results = [
        row for page in pages(host, f"/lti/{COURSE.name}/lineitems/2/lineitem/results?type_id=3") for row in page
    ]
    members = [row for page in pages(host, f"/lti/{COURSE.name}/memberships") for row in page["members"]]
    assert [row["userId"] for row in results] == [row["user_id"] for row in members]
    assert len(members) == 230
    first = host.reply("GET", f"/lti/{COURSE.name}/memberships", b"")
    assert len(json.loads(first.body)["members"]) == 50


def test_moodle_tells_a_roster_at_once_and_reports_one_by_one() -> None:
    host = served("moodle")
    (roster,) = pages(host, f"/lti/{COURSE.name}/memberships")
    asked = f"wsfunction={FUNCTIONS[1]}&courseid={COURSE.name}&userid={COURSE.user(3)}"
    (report,) = decoded(host.reply("POST", "/webservice/rest/server.php", asked.encode()).body)["usergrades"]
    assert roster["members"][3]["user_id"] == str(report["userid"]) == str(COURSE.user(3))
    works = [Gradebook().work(COURSE, 3, column) for column in range(3)]
    states = [item_reading("3", one).state for one in report["gradeitems"]]
    assert [one is EvidenceState.GRADED for one in states] == [one.state == "graded" for one in works]
    everybody = asked.replace(str(COURSE.user(3)), "0")
    assert (
        len(json.loads(host.reply("POST", "/webservice/rest/server.php", everybody.encode()).body)["usergrades"]) == 230
    )


def test_a_full_bucket_refuses_until_it_drained() -> None:
    bucket = Bucket(capacity=10.0, refill=2.0, costs=(6.0, 1.0))
    assert bucket.take(100.0, is_large=True) == (6.0, 4.0)
    assert bucket.take(100.0, is_large=True) == (6.0, -2.0)
    assert bucket.take(100.5, is_large=False) is None
    assert bucket.take(102.0, is_large=False) == (1.0, pytest.approx(1.0))


def test_throttling_is_said_as_canvas_says_it(canvas: Institution) -> None:
    throttle = {"capacity": 1.0, "refill": 0.0, "costs": [1.0, 1.0]}
    canvas.reply("POST", "/control", json.dumps({"throttle": throttle}).encode())
    target = f"/api/v1/courses/{COURSE.name}/assignments?per_page=100"
    assert "X-Rate-Limit-Remaining: 0.0" in canvas.reply("GET", target, b"").headers
    refused = canvas.reply("GET", target, b"")
    assert (refused.status, b"Rate Limit Exceeded" in refused.body) == ("403 Forbidden", True)
    assert json.loads(canvas.reply("POST", "/control", b"").body)["refused"] == 1


@pytest.mark.parametrize("profile", sweep.COURSES)
def test_a_reading_is_whole_and_the_bare_client_reads_the_same_pages(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sweep_tool.KEY, Fernet.generate_key().decode("ascii"))
    note = tmp_path / "pages.json"
    with ExitStack() as stack:
        address = stack.enter_context(sweep.institution(profile))
        database = f"sqlite:///{tmp_path}/lti-badges.db"
        batch = sweep_tool.reading(profile, "unchanged", address, database, "60", "2", str(note))
        watch = Watch()
        before = sweep_tool.control(address, {})["calls"]
        assert batch(watch) == sweep_tool.results_of(profile, Course(1, 60, 2))
        middle = sweep_tool.control(address, {})["calls"]
        assert sweep_worker.bare(str(note))(watch) == sweep_tool.results_of(profile, Course(1, 60, 2))
        assert sweep_tool.control(address, {})["calls"] - middle == middle - before > 3
        assert len(watch.milliseconds) == 2
    methods = {one[0] for one in json.loads(note.read_text(encoding="utf-8"))["pages"]}
    assert methods == ({"GET", "POST"} if profile == "moodle" else {"GET"})


def test_one_changed_grade_is_stored_by_a_reading_of_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sweep_tool.KEY, Fernet.generate_key().decode("ascii"))
    database = f"sqlite:///{tmp_path}/lti-badges.db"
    with sweep.institution("canvas") as address:
        sweep_tool.set_up("canvas", address, database)
        found = sweep_once.throttled(address, database, "120", "5")
    assert found["cold"]["calls"] > found["one_grade"]["calls"] > 0


def test_time_is_compared_round_by_round() -> None:
    mine = Measured("a", [Round(10, 1.0, milliseconds=(30.0,)), Round(10, 1.0, milliseconds=(20.0, 20.0))])
    peer = Measured("b", [Round(10, 1.0, milliseconds=(10.0,)), Round(20, 1.0, milliseconds=(20.0, 20.0))])
    assert sweep.wall(mine, peer) == 2.5


def test_every_contestant_stands_next_to_a_bare_client() -> None:
    found = sweep.contestants()
    assert {one.profile for one in found} == set(sweep.COURSES)
    assert len({one.name for one in found}) == len(found)
