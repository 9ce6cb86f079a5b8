"""Uploading a gradebook takes as much memory for 50,000 rows as for 5,000: looked through, stored and imported."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path

import pytest
from gradebook_world import confirm, get
from instructor_world import CourseWorld, make_course
from sqlalchemy import func, insert, select
from web_world import START, make_world

from lti_tool.evidence.csv_upload.table import MAX_BYTES
from lti_tool.jobs.importing import import_gradebook
from lti_tool.models import Context, Fact, Membership, MembershipStatus, UploadState, User
from lti_tool.services import gradebook_uploads

FEW, MANY = 5_000, 50_000
FLAT = 1.3


@pytest.fixture(scope="module")
def course(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CourseWorld]:
    """A course with very many learners, whose e-mail addresses the roster told."""
    path = tmp_path_factory.mktemp("many") / "many.db"
    path.write_bytes(sqlite_template.read_bytes())
    world = make_world(f"sqlite:///{path}")
    course = make_course(world)
    with world.services.database.write() as session:
        connection = session.connection()
        people = [
            {
                "registration_id": world.registration_id,
                "organization_id": world.organization_id,
                "platform_user_id": f"sub-{number}",
                "email": f"learner{number}@example.org",
                "name": f"Learner {number}",
                "created_at": START,
            }
            for number in range(MANY)
        ]
        connection.execute(insert(User), people)
        rows = session.execute(select(User.id).where(User.email.is_not(None)))
        members = [
            {
                "context_id": course.context_id,
                "user_id": user_id,
                "roles": [],
                "is_learner": True,
                "is_test_user": False,
                "status": MembershipStatus.ACTIVE,
                "seen_at": START,
            }
            for (user_id,) in rows
        ]
        connection.execute(insert(Membership), members)
    yield course
    world.services.database.engine.dispose()


def write_file(path: Path, rows: int, columns: int = 1, key: int = 0) -> Path:
    """A Canvas gradebook."""
    titles = ",".join(f"Piece of work number {place} ({key + place})" for place in range(columns))
    with path.open("w") as file:
        file.write(f"Student,ID,SIS User ID,SIS Login ID,Section,{titles}\n")
        file.write("    Points Possible,,,,," + ",".join(["100"] * columns) + "\n")
        for number in range(rows):
            scores = ",".join(str((number * 7 + place) % 100) for place in range(columns))
            name = f'"Family {number}, Given"'
            file.write(f"{name},{number},SIS{number:06},learner{number}@example.org,Section {number % 40},{scores}\n")
    return path


def peak(act: Callable[[], object]) -> int:
    """The most memory that was taken meanwhile beyond what was taken before, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peaks(course: CourseWorld, path: Path) -> dict[str, int]:
    """Peaks of what an upload does, step by step."""
    services, made = course.world.services, []

    def receive(file: BufferedReader) -> None:
        previewed = gradebook_uploads.look_through(services.database.read, course.context_id, file, None, START)
        with services.database.write() as session:
            context = session.get_one(Context, course.context_id)
            made.append(gradebook_uploads.store(session, context, 1, path.name, previewed, START).id)

    with path.open("rb") as file:
        receiving = peak(lambda: receive(file))
    confirm(course, made[0])
    importing = peak(lambda: import_gradebook(services, made[0]))
    assert get(course, made[0]).state is UploadState.DONE
    return {"receiving": receiving, "importing": importing}


def test_memory_does_not_grow_with_the_file(course: CourseWorld, tmp_path: Path) -> None:
    peaks(course, write_file(tmp_path / "warm.csv", 600, key=900))  # what is loaded once counts for neither
    few = peaks(course, write_file(tmp_path / "few.csv", FEW, key=100))
    many = peaks(course, write_file(tmp_path / "many.csv", MANY, key=200))
    assert {step: many[step] <= FLAT * few[step] for step in few} == {"receiving": True, "importing": True}, (few, many)
    with course.world.services.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Fact)) == 600 + FEW + MANY


def test_a_large_gradebook_fits(tmp_path: Path) -> None:
    path = write_file(tmp_path / "large.csv", MANY, columns=8)
    assert path.stat().st_size < MAX_BYTES / 2  # twice as much in UTF-16
