"""Gradebook files from upload to badge: previewed, confirmed, imported page by page, killed between, sent again."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from gradebook_world import FILES, PEOPLE, confirm, get, gradebook_course, known, observations, take, upload
from instructor_world import CourseWorld, make_course
from sqlalchemy import select
from web_world import LEARNER, START, make_world

from lti_tool.domain.lifecycle import AwardState
from lti_tool.jobs import importing, schedule
from lti_tool.lti.advantage import Member
from lti_tool.models import (
    AuditEvent,
    Award,
    Blob,
    Context,
    EvidenceColumn,
    GradebookPart,
    MembershipStatus,
    Registration,
    UploadState,
    User,
)
from lti_tool.services import gradebook_imports, gradebook_matching, gradebook_uploads
from lti_tool.services.gradebook_uploads import Choice, amount_of
from lti_tool.services.identities import STUDENT_SYSTEM, School, store_identities
from lti_tool.services.members import store_members

CANVAS = FILES / "canvas.csv"
LOG, ESSAY, PROJECT = "canvas:4711", "canvas:4712", "canvas:4713"


@pytest.fixture
def course(any_database: str) -> Iterator[CourseWorld]:
    """People of a course, on each database."""
    world = make_world(any_database)
    yield gradebook_course(world)
    world.services.database.engine.dispose()


def canvas(scores: dict[str, str], title: str = "Water log (4711)") -> bytes:
    """A Canvas gradebook with one column."""
    lines = [f"Student,ID,SIS User ID,SIS Login ID,Section,{title}", "    Points Possible,,,,,20"]
    lines += [f"x,,{PEOPLE[name][1]},,Section,{score}" for name, score in scores.items()]
    return "\n".join(lines).encode()


def test_a_file_says_what_it_would_do_and_does_it_when_confirmed(course: CourseWorld) -> None:
    upload_id = upload(course, CANVAS)
    preview = get(course, upload_id).preview
    assert {name: number for name, number in preview["outcomes"].items() if number} == {
        "match": 5,
        "near": 1,
        "unknown": 1,
        "test": 1,
    }
    assert [(one["line"], one["name"], one["learner"]) for one in preview["near"]] == [(8, "Cote, Emile", "Émile Côté")]
    assert [(one["line"], one["name"]) for one in preview["unknown"]] == [(9, "=1+1")]
    assert [(one["line"], one["key"], one["code"]) for one in preview["refused"]] == [
        (10, LOG, "not_a_grade"),
        (10, ESSAY, "not_a_grade"),
    ]
    assert preview["columns"][LOG]["changes"] == {"new": 4}
    assert preview["columns"][ESSAY]["changes"] == {"new": 2, "nothing": 1}
    assert gradebook_uploads.choice_of(get(course, upload_id)) == Choice(frozenset({LOG, ESSAY}), frozenset())
    assert known(course) == {}

    confirm(course, upload_id)
    schedule.run_due(course.world.services)

    assert known(course) == {
        (LOG, "ada"): "17.5",
        (LOG, "zoe"): "excused",
        (LOG, "sato"): "20",
        (LOG, "layla"): "0",
        (ESSAY, "ada"): "9",
        (ESSAY, "zoe"): "8.5",
    }
    done = get(course, upload_id)
    assert (done.state, done.counts) == (UploadState.DONE, {"rows": 8, "new": 6, "nothing": 1})
    with course.world.services.database.read() as session:
        assert session.scalars(select(GradebookPart)).all() == []
        assert session.scalars(select(Blob).where(Blob.media_type == "text/csv")).all() == []
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("gradebook.%"))).all()
        column = session.scalars(select(EvidenceColumn).where(EvidenceColumn.external_key == LOG)).one()
    assert actions == ["gradebook.uploaded", "gradebook.confirmed", "gradebook.imported"]
    assert (column.title, column.maximum, column.checked_at) == ("Water log", 20, course.world.now[0])


def test_only_what_a_person_confirmed_is_matched_by_name(course: CourseWorld) -> None:
    upload_id = upload(course, CANVAS)
    confirm(course, upload_id, LOG, near=frozenset({8}))
    schedule.run_due(course.world.services)
    assert known(course)[LOG, "emile"] == "14"


def test_a_name_that_was_confirmed_does_not_stand_against_ids_that_are_known_by_now(course: CourseWorld) -> None:
    """Days may pass between the preview and its import, and a roster may tell whose the row is after all."""
    rows = ('"Côté, Émile",,S1099,,Section,14', '"Noor, Ben",,S1098,,Section,3')
    upload_id = upload(course, "\n".join([canvas({}).decode(), *rows]).encode())
    near = {one["line"]: one["user_id"] for one in get(course, upload_id).preview["near"]}
    assert list(near.values()) == [course.users["emile"], course.users["ben"]]
    confirm(course, upload_id, LOG, near=frozenset(near))
    told = {"S1099": course.users["zoe"], "S1098": course.users["ben"]}
    with course.world.services.database.write() as session:
        school = School(course.world.registration_id, course.world.organization_id)
        store_identities(session, school, STUDENT_SYSTEM, told, course.world.now[0])
    schedule.run_due(course.world.services)
    assert known(course) == {(LOG, "ben"): "3"}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("canvas-fr.csv", {("canvas:4711", "ada"): "17.5", ("canvas:4711", "zoe"): "19.25"}),
        (
            "moodle.csv",
            {
                ("moodle:percent:quiz: nitrogen cycle", "ada"): "88",
                ("moodle:letter:quiz: nitrogen cycle", "ada"): None,
                ("moodle:percent:assignment: water log", "sato"): "0",
            },
        ),
        ("moodle-fr.csv", {("moodle:percent:test : cycle de l'azote", "ada"): "88"}),
        (
            "brightspace.csv",
            {("brightspace:points:quiz 1", "sato"): "10", ("brightspace:letter:effort", "zoe"): "Good"},
        ),
        (
            "blackboard.xls",
            {
                ("blackboard:1281892", "ada"): "17.5",
                ("blackboard:1281892", "zoe"): "submitted",
                ("blackboard:1281893", "sato"): "55.5",
                ("blackboard:1281894", "ada"): "completed",
            },
        ),
        ("blackboard.csv", {("blackboard:1281892", "sato"): "0"}),
        (
            "oneroster.zip",
            {
                ("oneroster:li-log", "ada"): "17.5",
                ("oneroster:li-log", "zoe"): "excused",
                ("oneroster:li-quiz", "sato"): "submitted",
            },
        ),
    ],
)
def test_each_dialect_is_taken(course: CourseWorld, file: str, expected: dict[tuple[str, str], str | None]) -> None:
    done = take(course, FILES / file)
    assert done.state is UploadState.DONE
    found = known(course)
    assert {place: found.get(place) for place in expected} == expected
    assert not {name for _, name in found} & {"tess", "emile"}


def test_the_same_file_again_changes_nothing(course: CourseWorld) -> None:
    take(course, CANVAS)
    before = observations(course)
    course.world.later(hours=1)
    again = take(course, CANVAS)
    assert observations(course) == before
    assert again.counts == {"rows": 8, "same": 6, "nothing": 1}


def test_an_older_file_never_replaces_a_newer_one(course: CourseWorld) -> None:
    newer, older = START - timedelta(days=1), START - timedelta(days=3)
    take(course, canvas({"ada": "12"}), older)
    take(course, canvas({"ada": "12"}, "Log, renamed (4711)".replace(",", ";")), newer)
    between = take(course, canvas({"ada": "5", "zoe": "9"}), START - timedelta(days=2))
    assert between.counts == {"rows": 2, "older": 1, "new": 1}
    assert known(course) == {(LOG, "ada"): "12", (LOG, "zoe"): "9"}
    with course.world.services.database.read() as session:
        column = session.scalars(select(EvidenceColumn).where(EvidenceColumn.external_key == LOG)).one()
    assert (column.title, column.checked_at) == ("Log; renamed", newer)


def test_changes_are_told_apart(course: CourseWorld) -> None:
    take(course, canvas({"ada": "12", "zoe": "12", "sato": "12", "layla": "12", "ben": "12"}))
    course.world.later(hours=1)
    upload_id = upload(course, canvas({"ada": "13", "zoe": "11.99", "sato": "", "layla": "EX", "ben": "12.00"}))
    counts = {"raised": 1, "lowered": 1, "cleared": 1, "changed": 1, "same": 1}
    row = get(course, upload_id)
    assert row.preview["columns"][LOG]["changes"] == counts
    assert amount_of(row, gradebook_uploads.choice_of(row)).grades == 4
    confirm(course, upload_id)
    schedule.run_due(course.world.services)
    assert get(course, upload_id).counts == {"rows": 5, **counts}
    assert known(course)[LOG, "sato"] == "ungraded"


def test_who_is_not_in_the_file_keeps_what_they_have(course: CourseWorld) -> None:
    take(course, canvas({"ada": "12", "zoe": "12"}))
    course.world.later(hours=1)
    take(course, canvas({"zoe": "13"}))
    assert known(course) == {(LOG, "ada"): "12", (LOG, "zoe"): "13"}


def test_two_rows_of_one_person_are_both_left_out(course: CourseWorld) -> None:
    content = canvas({"ada": "12", "zoe": "13"}) + b"\nx,101,,,Section,19"
    done = take(course, content)
    assert known(course) == {(LOG, "zoe"): "13"}
    assert done.counts == {"rows": 3, "new": 1}


def test_ids_of_two_people_in_one_row_match_nobody(course: CourseWorld) -> None:
    content = canvas({}) + b"\nx,102,S1001,,Section,19"
    upload_id = upload(course, content)
    assert get(course, upload_id).preview["outcomes"]["conflict"] == 1
    confirm(course, upload_id)
    schedule.run_due(course.world.services)
    assert known(course) == {}


def test_an_import_killed_between_pages_goes_on(course: CourseWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradebook_matching, "PAGE", 2)
    upload_id = upload(course, canvas({name: "12" for name in ("ada", "zoe", "sato", "layla", "ben")}))
    confirm(course, upload_id)
    services, stored = course.world.services, []
    store_page = gradebook_imports.store_page

    def dying(session: object, *args: object) -> bool:
        if len(stored) % 2:
            stored.append("died")
            raise KeyboardInterrupt
        stored.append("stored")
        return store_page(session, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(gradebook_imports, "store_page", dying)
    places = []
    for _ in range(4):
        try:
            importing.import_gradebook(services, upload_id)
        except KeyboardInterrupt:
            places.append(get(course, upload_id).next_row)
        assert importing.import_gradebook(services, upload_id) is None or get(course, upload_id).finished_at
        course.world.later(minutes=5)
    assert places == [2, 4]
    done = get(course, upload_id)
    assert (done.state, done.counts) == (UploadState.DONE, {"rows": 5, "new": 5})
    assert observations(course) == 5


def test_two_workers_do_not_import_the_same_page_twice(course: CourseWorld) -> None:
    upload_id = upload(course, canvas({"ada": "12", "zoe": "13"}))
    confirm(course, upload_id)
    database, now = course.world.services.database, course.world.now[0]
    with database.write() as session:
        row = gradebook_imports.take_upload(session, upload_id, now)
        assert row is not None
        columns = gradebook_imports.store_columns(session, row)
        assert gradebook_imports.take_upload(session, upload_id, now) is None
    rows = list(importing.gradebook_of(course.world.services, row).iter_rows())
    with database.write() as session:
        assert gradebook_imports.store_page(session, upload_id, columns, rows, 0, now)
    with database.write() as session:
        assert not gradebook_imports.store_page(session, upload_id, columns, rows, 0, now)
    assert observations(course) == 2


def test_an_import_that_always_dies_ends(course: CourseWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    upload_id = upload(course, canvas({"ada": "12"}))
    confirm(course, upload_id)

    def die(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(gradebook_imports, "store_page", die)
    for _ in range(gradebook_imports.MOST_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            importing.import_gradebook(course.world.services, upload_id)
        course.world.later(minutes=5)
    assert importing.import_gradebook(course.world.services, upload_id) is None
    ended = get(course, upload_id)
    assert (ended.state, ended.error_code) == (UploadState.FAILED, "internal")


def test_grades_of_a_file_earn_a_badge(course: CourseWorld) -> None:
    take(course, CANVAS, None, LOG)
    with course.world.services.database.read() as session:
        course.columns["log"] = session.scalars(
            select(EvidenceColumn.id).where(EvidenceColumn.external_key == LOG)
        ).one()
    course.add_item("water", "Balance the water chemistry", log=85)
    course.add_badge("water", "Water keeper", {"competency": course.identifier("water")}, live=True)
    course.world.later(hours=1)
    take(course, canvas({"ada": "16.99", "zoe": "17", "sato": "20"}))
    with course.world.services.database.read() as session:
        states = {user_id: state for user_id, state in session.execute(select(Award.user_id, Award.state))}
    assert states == {
        course.users["ada"]: AwardState.LAPSED,
        course.users["zoe"]: AwardState.OFFERED,
        course.users["sato"]: AwardState.OFFERED,
    }


def test_a_shared_piece_of_content_stays_for_the_other_upload(course: CourseWorld) -> None:
    first, second = upload(course, CANVAS), upload(course, CANVAS)
    confirm(course, first)
    schedule.run_due(course.world.services)
    confirm(course, second)
    schedule.run_due(course.world.services)
    assert get(course, second).state is UploadState.DONE


def test_a_learner_of_another_course_is_unknown(course: CourseWorld) -> None:
    elsewhere = make_course(course.world, "course-2").add_learner("far", "Far Away")
    school = School(course.world.registration_id, course.world.organization_id)
    with course.world.services.database.write() as session:
        store_identities(session, school, STUDENT_SYSTEM, {"S7777": elsewhere}, course.world.now[0])
    upload_id = upload(course, canvas({"ada": "12"}) + b"\nx,,S7777,,Section,19")
    assert get(course, upload_id).preview["outcomes"]["unknown"] == 1


def test_a_file_that_nobody_decides_about_goes_after_a_week(course: CourseWorld) -> None:
    old = upload(course, CANVAS)
    course.world.later(days=7, minutes=1)
    new = upload(course, CANVAS)
    schedule.sweep(course.world.services, "me", lambda _task, _row: None)
    assert (get(course, old).state, get(course, new).state) == (UploadState.DISCARDED, UploadState.PREVIEWED)
    assert get(course, old).preview == {}
    confirm(course, new)
    schedule.run_due(course.world.services)
    assert get(course, new).state is UploadState.DONE


def test_a_roster_tells_the_ids_of_the_student_system(course: CourseWorld) -> None:
    world = course.world
    member = Member("kim", "Kim Lee", None, (LEARNER,), MembershipStatus.ACTIVE, None, "S2001")
    with world.services.database.write() as session:
        context = session.get_one(Context, course.context_id)
        registration = session.get_one(Registration, world.registration_id)
        store_members(session, registration, context, [member], world.now[0])
    upload_id = upload(course, canvas({}) + b"\nx,,S2001,,Section,19")
    assert get(course, upload_id).preview["outcomes"]["match"] == 1


def test_each_work_is_proposed_once_and_without_a_maximum_only_where_no_column_has_one(course: CourseWorld) -> None:
    head = "First name,Last name,Email address,"
    with_percent = f"{head}Quiz: A (Real),Quiz: A (Letter),Quiz: A (Percentage),Quiz: B (Real)\nAda,O,x@y,1,B,10 %,2\n"
    only_real = f"{head}Quiz: A (Real),Quiz: B (Real),Course total (Real)\nAda,O,x@y,1,2,3\n"
    only_totals = f"{head}Course total (Real)\nAda,O,x@y,3\n"
    proposed = [
        gradebook_uploads.choice_of(get(course, upload(course, text.encode()))).columns
        for text in (with_percent, only_real, only_totals)
    ]
    assert proposed == [
        {"moodle:percent:quiz: a"},
        {"moodle:points:quiz: a", "moodle:points:quiz: b"},
        {"moodle:points:course total"},
    ]


def outcomes(course: CourseWorld, *rows: str) -> dict[str, int]:
    """What rows below a Canvas header come to."""
    found = get(course, upload(course, "\n".join([canvas({}).decode(), *rows]).encode())).preview["outcomes"]
    return {name: number for name, number in found.items() if number}


def test_an_identifier_means_somebody_only_where_it_can(course: CourseWorld) -> None:
    course.add_learner("107", "Not Number 107")  # the sub of LTI is a bare number, and Canvas's id is another one
    course.add_learner("kim-1", "Kim Lee")
    assert outcomes(course, "x,107,,,Section,19") == {"unknown": 1}
    assert outcomes(course, "x,kim-1,,,Section,19") == {"match": 1}
    assert outcomes(course, "x,1,,ADA@Example.org,Section,19") == {"match": 1}
    assert outcomes(course, "x,1,,ada,Section,19") == {"unknown": 1}
    assert outcomes(course, "x,101,,zoe@example.org,Section,19") == {"conflict": 1}


def test_an_address_of_two_people_means_nobody(course: CourseWorld) -> None:
    with course.world.services.database.write() as session:
        session.get_one(User, course.users["zoe"]).email = "ada@example.org"
    assert outcomes(course, "x,1,,ada@example.org,Section,19") == {"conflict": 1}


def test_staff_and_test_users_never_count(course: CourseWorld) -> None:
    with course.world.services.database.write() as session:
        session.scalars(select(User).where(User.platform_user_id == "course-1-opener")).one().email = "t@example.org"
    rows = ("x,1,,t@example.org,Section,19", "y,2,,tess@example.org,Section,19", "z,3,,zoe@example.org,Section,19")
    assert outcomes(course, *rows) == {"match": 1, "test": 1, "not_a_learner": 1}
    take(course, "\n".join([canvas({}).decode(), *rows]).encode())
    assert known(course) == {(LOG, "zoe"): "19"}


def test_a_name_of_two_learners_is_near_nobody(course: CourseWorld) -> None:
    assert outcomes(course, '"OKAFOR,  Ada",1,,,Section,19') == {"near": 1}
    assert outcomes(course, '"Okafor, Ada",1,,,Section,19', '"Ada Okafor",2,,,Section,19') == {"unknown": 2}
    assert outcomes(course, '"Okafor, Ada",1,,,Section,19', "x,101,,,Section,19") == {"match": 1, "unknown": 1}
    course.add_learner("ada-2", "Ada Okafor")
    assert outcomes(course, '"Okafor, Ada",1,,,Section,19') == {"unknown": 1}
