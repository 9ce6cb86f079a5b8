"""A course whose gradebook is uploaded: people with names in several scripts, and what their platform calls them."""

from datetime import datetime
from io import BytesIO
from pathlib import Path

from instructor_world import CourseWorld, make_course
from sqlalchemy import select
from web_world import World

from lti_tool.jobs import schedule
from lti_tool.models import Context, EvidenceColumn, Fact, GradebookUpload, Observation, User
from lti_tool.services import gradebook_uploads
from lti_tool.services.gradebook_uploads import Choice, amount_of, choice_of
from lti_tool.services.identities import STUDENT_SYSTEM, School, store_identities

FILES = Path(__file__).parent / "fixtures" / "gradebooks"
PEOPLE = {
    "ada": ("Ada Okafor", "S1001", "101"),
    "zoe": ("Zoë Müller", "S1002", "102"),
    "sato": ("佐藤 花子", "S1003", "103"),
    "layla": ("ليلى حداد", "S1004", "104"),
    "emile": ("Émile Côté", None, None),
    "ben": ("Ben Noor", "S1006", None),
}
"""Name, id of the student system, and Canvas's number, where the platform told them."""


def gradebook_course(world: World) -> CourseWorld:
    """A course with these learners, an instructor and a test user."""
    course = make_course(world)
    for name, (full_name, _, _) in PEOPLE.items():
        course.add_learner(name, full_name)
    course.add_learner("tess", "Test Student", is_test_user=True)
    school = School(world.registration_id, world.organization_id)
    with world.services.database.write() as session:
        for place, source in ((1, STUDENT_SYSTEM), (2, "canvas")):
            told = {str(row[place]): course.users[name] for name, row in PEOPLE.items() if row[place] is not None}
            store_identities(session, school, source, told, world.now[0])
    return course


def upload(course: CourseWorld, file: Path | bytes, exported_at: datetime | None = None) -> int:
    """Upload a file as the page does; returns the upload's number."""
    content, name = (file, "gradebook.csv") if isinstance(file, bytes) else (file.read_bytes(), file.name)
    database, now = course.world.services.database, course.world.now[0]
    previewed = gradebook_uploads.look_through(database.read, course.context_id, BytesIO(content), exported_at, now)
    with database.write() as session:
        user_id = session.scalars(select(User.id).where(User.platform_user_id == "course-1-opener")).one()
        context = session.get_one(Context, course.context_id)
        return gradebook_uploads.store(session, context, user_id, name, previewed, now).id


def confirm(course: CourseWorld, upload_id: int, *columns: str, near: frozenset[int] = frozenset()) -> None:
    """Confirm what is proposed, or these columns."""
    with course.world.services.database.write() as session:
        row = session.get_one(GradebookUpload, upload_id)
        choice = Choice(frozenset(columns) or choice_of(row).columns, near)
        digest = amount_of(row, choice).digest
        gradebook_uploads.confirm(session, row, choice, digest, "user:1", course.world.now[0])


def take(
    course: CourseWorld, file: Path | bytes, exported_at: datetime | None = None, *columns: str
) -> GradebookUpload:
    """Upload, confirm and import a file; returns the upload as it ended."""
    upload_id = upload(course, file, exported_at)
    confirm(course, upload_id, *columns)
    schedule.run_due(course.world.services)
    return get(course, upload_id)


def get(course: CourseWorld, upload_id: int) -> GradebookUpload:
    """An upload as it is now."""
    with course.world.services.database.read() as session:
        return session.get_one(GradebookUpload, upload_id)


def known(course: CourseWorld) -> dict[tuple[str, str], str]:
    """What is known: by column key and learner the score, else the letter, else the state."""
    names = {user_id: name for name, user_id in course.users.items()}
    with course.world.services.database.read() as session:
        rows = session.execute(
            select(EvidenceColumn.external_key, Fact.user_id, Observation)
            .join(Fact, Fact.column_id == EvidenceColumn.id)
            .join(Observation, Observation.id == Fact.observation_id)
            .where(EvidenceColumn.context_id == course.context_id, EvidenceColumn.source == "csv_upload")
        )
        return {
            (key, names.get(user_id, str(user_id))): (
                format(one.score.normalize(), "f") if one.score is not None else one.letter or one.state.value
            )
            for key, user_id, one in rows
        }


def observations(course: CourseWorld) -> int:
    """How many observations there are of uploads."""
    with course.world.services.database.read() as session:
        return len(
            session.scalars(
                select(Observation.id)
                .join(EvidenceColumn, EvidenceColumn.id == Observation.column_id)
                .where(EvidenceColumn.source == "csv_upload")
            ).all()
        )
