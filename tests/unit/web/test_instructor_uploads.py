"""The pages for uploading a gradebook: who may, what stands next to the field, and only what was shown is taken."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from gradebook_world import FILES, get, gradebook_course, known, upload
from instructor_world import CourseWorld, make_course
from web_world import LEARNER, SAME_ORIGIN, START, make_world
from werkzeug.test import TestResponse

from lti_tool.errors import InvalidInputError
from lti_tool.jobs import schedule
from lti_tool.models import UploadState
from lti_tool.services.wakeups import IMPORT_GRADEBOOK
from lti_tool.web import instructor_uploads, rates
from lti_tool.web.instructor_uploads import read_day

CANVAS = FILES / "canvas.csv"


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[CourseWorld]:
    """People whose gradebook is uploaded."""
    world = make_world(migrated_sqlite_url)
    rates.limiter.reset()
    yield gradebook_course(world)
    world.services.database.engine.dispose()


def send(course: CourseWorld, content: bytes, name: str = "gradebook.csv", **fields: str) -> TestResponse:
    """Send a file as a browser does."""
    form = {"csrf_token": course.token(), "file": (io.BytesIO(content), name), **fields}
    return course.client.post(f"{course.base}/gradebook", data=form, headers=SAME_ORIGIN)


def seen(page: str) -> str:
    """The digest of what a page shows."""
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found
    return found[1]


def test_a_file_is_shown_then_taken_and_a_worker_is_woken(course: CourseWorld) -> None:
    answer = send(course, CANVAS.read_bytes())
    assert answer.status_code == 303
    address = answer.headers["Location"]
    page = course.client.get(address).text
    assert "Take 6 grades" in page
    assert "in 2 columns" in page
    assert "=1+1" in page
    assert known(course) == {}
    taken = course.post("/gradebook/1/take", do="take", seen=seen(page), column=["canvas:4711", "canvas:4712"])
    assert taken.status_code == 303
    assert course.world.queue.woken[-1] == (IMPORT_GRADEBOOK, 1)
    assert "0 of 8 rows" in course.client.get(address).text
    schedule.run_due(course.world.services)
    assert "The grades are in." in course.client.get(address).text
    assert len(known(course)) == 6


def test_another_choice_than_shown_is_shown_again(course: CourseWorld) -> None:
    upload_id = upload(course, CANVAS)
    page = course.get(f"/gradebook/{upload_id}")
    answer = course.post(f"/gradebook/{upload_id}/take", do="take", seen=seen(page), column="canvas:4711")
    assert answer.status_code == 200
    assert "You chose something else than was shown." in answer.text
    assert "Take 4 grades" in answer.text
    assert get(course, upload_id).state is UploadState.PREVIEWED
    again = course.post(f"/gradebook/{upload_id}/take", do="take", seen=seen(answer.text), column="canvas:4711")
    assert again.status_code == 303


def test_what_the_preview_does_not_offer_cannot_be_chosen(course: CourseWorld) -> None:
    upload_id = upload(course, CANVAS)
    form = {"near-9": "yes", "near-x": "yes", "column": ["canvas:4711", "canvas:1", "ags:1"]}
    course.post_on(f"/gradebook/{upload_id}/take", do="look", **form)
    assert get(course, upload_id).choices == {"columns": ["canvas:4711"], "near": []}


def test_no_column_is_no_choice(course: CourseWorld) -> None:
    upload_id = upload(course, CANVAS)
    answer = course.post(f"/gradebook/{upload_id}/take", do="take", seen="x")
    assert "Choose at least one column." in answer.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"a,b\n1,2\n", "This is not a gradebook of Canvas"),
        (b"PK\x03\x04" + b"x" * 99, "The file is damaged"),
        (b'Student,ID,SIS Login ID,Section,Essay (1)\nAda,1,,A,5\n"Ben"x,1,,A,5\n', "(line 3)"),
    ],
)
def test_a_refusal_stands_next_to_the_field_and_keeps_what_was_typed(
    course: CourseWorld, content: bytes, words: str
) -> None:
    answer = send(course, content, exported_on="2026-02-01")
    assert answer.status_code == 200
    assert words in answer.text
    assert 'id="file-error"' in answer.text
    assert 'value="2026-02-01"' in answer.text
    assert "Files so far" not in answer.text


def test_without_a_file_there_is_nothing_to_look_at(course: CourseWorld) -> None:
    assert "Choose a file first." in course.post("/gradebook").text


def test_the_day_of_the_export() -> None:
    assert read_day(" ", START) is None
    assert read_day("2026-02-01", START) == datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert read_day("2026-03-02", START) == START
    for text, code in (("2026-03-04", "exported_in_future"), ("1.2.2026", "exported_invalid")):
        with pytest.raises(InvalidInputError) as refused:
            read_day(text, START)
        assert (refused.value.code, refused.value.field) == (code, "exported_on")


def test_the_moodle_file_knows_when_it_was_made_unless_a_person_says_else(course: CourseWorld) -> None:
    send(course, (FILES / "moodle.csv").read_bytes())
    send(course, (FILES / "moodle.csv").read_bytes(), exported_on="2026-01-31")
    assert get(course, 1).exported_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert get(course, 2).exported_at == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_file_from_the_future_counts_from_now(course: CourseWorld) -> None:
    content = (FILES / "moodle.csv").read_bytes().replace(b"1772438400", b"1972438400")
    send(course, content)
    assert get(course, 1).exported_at == START


def test_larger_files_than_elsewhere_are_accepted_but_not_any(
    course: CourseWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.world.app.config["MAX_CONTENT_LENGTH"] = 10_000
    monkeypatch.setattr(instructor_uploads, "MAX_BYTES", 50_000)
    monkeypatch.setattr(instructor_uploads, "FORM_BYTES", 10_000)
    content = CANVAS.read_bytes()
    assert send(course, content + b"\n" * 40_000).status_code == 303
    assert send(course, content + b"\n" * 70_000).status_code == 413
    assert course.post("/gradebook/1/take", do="look", near="x" * 20_000).status_code == 413


def test_a_file_is_decided_about_once(course: CourseWorld) -> None:
    upload_id = upload(course, CANVAS)
    assert "thrown away" in course.post_on(f"/gradebook/{upload_id}/discard")
    assert course.post(f"/gradebook/{upload_id}/discard").status_code == 409
    assert course.post(f"/gradebook/{upload_id}/take", do="take", seen="x").status_code == 409


def test_only_so_many_undecided_files_are_kept(course: CourseWorld) -> None:
    ids = [upload(course, CANVAS) for _ in range(12)]
    states = [get(course, one).state for one in ids]
    assert states == [UploadState.DISCARDED] * 2 + [UploadState.PREVIEWED] * 10


def test_it_is_for_the_courses_own_instructors(course: CourseWorld) -> None:
    upload_id = upload(course, CANVAS)
    learner = make_course(course.world, roles=(LEARNER,))
    assert learner.client.get(f"{course.base}/gradebook").status_code == 403
    other = make_course(course.world, "course-2")
    assert other.client.get(f"{course.base}/gradebook/{upload_id}").status_code == 403
    assert other.client.get(f"{other.base}/gradebook/{upload_id}").status_code == 404
    assert other.post(f"/gradebook/{upload_id}/discard").status_code == 404


def test_nobody_may_send_very_many_files(course: CourseWorld) -> None:
    answers = [send(course, b"a,b\n").status_code for _ in range(31)]
    assert answers == [200] * 30 + [429]


def test_a_cell_is_never_markup(course: CourseWorld) -> None:
    content = CANVAS.read_bytes().replace(b"Water log", b"<b>Log</b>").replace(b"=1+1", b"<script>x</script>")
    page = course.client.get(send(course, content, "<i>.csv").headers["Location"]).text
    for raw in ("<b>Log", "<script>x", "<i>.csv"):
        assert raw not in page
