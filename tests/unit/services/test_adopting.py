"""A registration takes over people, courses and badges from an earlier one with the same platform, and nothing more."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from courses import START, Course, course_on
from sqlalchemy import func, inspect, select, update

from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import ConflictError
from lti_tool.models import (
    AuditEvent,
    AuditPayload,
    Award,
    BackpackConnection,
    BackpackHost,
    Base,
    ConnectionState,
    Context,
    Credential,
    Deployment,
    DeploymentState,
    Fact,
    LaunchSession,
    Membership,
    Observation,
    Organization,
    Registration,
    Review,
    ReviewKind,
    ReviewState,
    SyncRun,
    SyncState,
    Trace,
    User,
)
from lti_tool.services import adopting, course_sync
from lti_tool.services.adopting import Figures
from lti_tool.services.merging import PARTIAL, is_partial, references_to

LATER = START + timedelta(days=30)


@dataclass
class Successor:
    """The same platform, registered anew: its rows, and the old course beside it."""

    old: Course
    registration_id: int
    organization_id: int
    deployment_id: int

    def as_course(self, platform_id: str | None) -> Course:
        """A course of the new registration, to work with as with the old one."""
        course = Course(self.old.database, now=LATER, vault=self.old.vault)
        course.registration_id, course.organization_id = self.registration_id, self.organization_id
        course.deployment_id, course.issuer_id = self.deployment_id, self.old.issuer_id
        if platform_id is not None:
            course.context_id = course.add_course(platform_id)
        return course

    def preview(self) -> Figures:
        with self.old.database.read() as session:
            return adopting.preview(session, self.old.registration_id, self.registration_id).figures

    def adopt(self, confirmed: str | None = None) -> None:
        confirmed = confirmed or self.preview().digest()
        with self.old.database.write() as session:
            adopting.adopt(
                session,
                self.old.registration_id,
                self.registration_id,
                confirmed=confirmed,
                actor="staff:1",
                now=LATER,
            )

    def rows(self, table: Any) -> list[Any]:
        with self.old.database.read() as session:
            return list(session.scalars(select(table).order_by(inspect(table).primary_key[0])))

    def user(self, sub: str) -> User:
        """The only user of that name."""
        (found,) = [one for one in self.rows(User) if one.platform_user_id == sub]
        return found


def register_anew(course: Course, issuer: str = "https://lms.example") -> Successor:
    """Register the platform a second time, under another client id."""
    with course.database.write() as session:
        organization = Organization(name="Lakeside again", created_at=LATER)
        registration = Registration(
            name=f"Lakeside again at {issuer}",
            issuer=issuer,
            client_id="client-2",
            auth_login_url="https://lms.example/auth",
            auth_token_url="https://lms.example/token",
            key_set_url="https://lms.example/jwks",
            created_at=LATER,
        )
        session.add_all([organization, registration])
        session.flush()
        deployment = Deployment(
            registration_id=registration.id,
            organization_id=organization.id,
            deployment_id="2",
            state=DeploymentState.ACTIVE,
            created_at=LATER,
        )
        session.add(deployment)
        session.flush()
        return Successor(course, registration.id, organization.id, deployment.id)


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """The course as it was with the old registration: a badge, one who earned it, one who did not."""
    with course_on(any_database) as course:
        column = course.column("Essay")
        for sub, score in (("ada", "90"), ("ben", "10")):
            course.grade(column, course.person(sub), score)
        course.badge_for(column)
        course.evaluate()
        yield course


@pytest.fixture
def successor(course: Course) -> Successor:
    """The new registration, in which Ada opened the same course."""
    successor = register_anew(course)
    again = successor.as_course("course-1")
    again.person("ada")
    return successor


# -- what it does -----------------------------------------------------------------------------------------------------


def test_people_and_courses_are_the_same_again_and_badges_stay_theirs(course: Course, successor: Successor) -> None:
    before = {one.platform_user_id: one.id for one in successor.rows(User) if one.registration_id == 1}
    assert successor.preview() == Figures(
        users=2, users_matched=1, contexts=1, contexts_matched=1, awards=1, awards_claimed=0, awards_twice=0
    )
    successor.adopt()
    users = {one.platform_user_id: (one.id, one.registration_id) for one in successor.rows(User)}
    assert users == {sub: (row_id, successor.registration_id) for sub, row_id in before.items()}
    (context,) = successor.rows(Context)
    assert (context.id, context.deployment_id) == (course.context_id, successor.deployment_id)
    assert context.organization_id == course.organization_id
    (award,) = successor.rows(Award)
    assert (award.user_id, award.state) == (before["ada"], AwardState.OFFERED)
    assert len(successor.rows(Membership)) == 2
    assert context.evaluation_wanted > context.evaluation_done


def test_the_old_registration_is_off_and_names_its_successor(course: Course, successor: Successor) -> None:
    with course.database.write() as session:
        session.add(
            LaunchSession(
                secret_hash="x",
                deployment_id=course.deployment_id,
                roles=[],
                frame_ancestors=[],
                data={},
                created_at=START,
                seen_at=START,
                expires_at=LATER,
            )
        )
    successor.adopt()
    old, new = successor.rows(Registration)
    assert (old.successor_id, old.disabled_at) == (new.id, LATER)
    assert (new.successor_id, new.disabled_at) == (None, None)
    assert successor.rows(LaunchSession) == []
    with pytest.raises(ConflictError) as refused:
        successor.preview()
    assert refused.value.code == "registration_adopted"


def test_the_institution_is_the_old_one(course: Course, successor: Successor) -> None:
    elsewhere = successor.as_course("course-2")
    successor.adopt()
    deployments = {one.deployment_id: one.organization_id for one in successor.rows(Deployment)}
    assert deployments == {"1": course.organization_id, "2": course.organization_id}
    organizations = {one.platform_id: one.organization_id for one in successor.rows(Context)}
    assert organizations == {"course-1": course.organization_id, "course-2": course.organization_id}
    assert elsewhere.context_id in [one.id for one in successor.rows(Context)]


def test_it_is_audited_with_who_became_one(course: Course, successor: Successor) -> None:
    old_id = next(one.id for one in successor.rows(User) if one.platform_user_id == "ada")
    successor.adopt()
    (event,) = course.events("registration.adopted")
    assert (event.actor, event.subject) == ("staff:1", "registration:1")
    assert event.organization_id == course.organization_id
    with course.database.read() as session:
        payload = session.get_one(AuditPayload, event.id).payload
    assert payload["successor"] == successor.registration_id
    ((_gone, kept),) = payload["users"]
    assert kept == old_id


def test_earlier_events_stay_where_they_were_written(course: Course, successor: Successor) -> None:
    with course.database.write() as session:
        adopting.audit.record(
            session, "x.y", actor="cli", subject="a:1", organization_id=successor.organization_id, now=LATER
        )
    successor.adopt()
    (event,) = course.events("x.y")
    assert event.organization_id == successor.organization_id


def test_addresses_of_the_new_registration_hold_and_old_ones_are_forgotten(
    course: Course, successor: Successor
) -> None:
    unopened = course.add_course("course-old")
    with course.database.write() as session:
        session.execute(update(Context).values(line_items_url="https://lms.example/old", ags_scopes=["old"]))
        fresh = update(Context).where(Context.deployment_id == successor.deployment_id)
        session.execute(fresh.values(line_items_url="https://lms.example/new", ags_scopes=["new"], title="New"))
    successor.adopt()
    found = {one.id: (one.line_items_url, one.ags_scopes, one.deployment_id) for one in successor.rows(Context)}
    assert found == {
        course.context_id: ("https://lms.example/new", ["new"], successor.deployment_id),
        unopened: (None, [], successor.deployment_id),
    }


def test_what_the_platform_said_last_about_a_person_holds(course: Course, successor: Successor) -> None:
    with course.database.write() as session:
        for one in session.scalars(select(User).where(User.platform_user_id == "ada")):
            one.name = "Ada" if one.registration_id == 1 else "Ada Byron"
            one.email = "ada@example.org" if one.registration_id == 1 else None
    successor.adopt()
    assert (successor.user("ada").name, successor.user("ada").email) == ("Ada Byron", "ada@example.org")


def test_evidence_of_the_same_work_becomes_one_and_the_newest_fact_holds(course: Course, successor: Successor) -> None:
    again = successor.as_course(None)
    with course.database.read() as session:
        found = select(Context.id).where(Context.deployment_id == successor.deployment_id)
        again.context_id = session.scalars(found).one()
    column = again.column("Essay", key="https://lms.example/items/Essay")
    ada = next(one.id for one in successor.rows(User) if one.registration_id == successor.registration_id)
    again.grade(column, ada, "20")
    successor.adopt()
    assert len(successor.rows(Observation)) == 3, "observations are never lost"
    with course.database.read() as session:
        held = session.execute(
            select(Fact.user_id, Observation.score).join(Observation, Observation.id == Fact.observation_id)
        ).all()
    assert {user_id: int(score) for user_id, score in held}[successor.user("ada").id] == 20
    assert len(held) == 2


def test_a_course_goes_on_after_it(course: Course, successor: Successor) -> None:
    """The next evaluation finds the same badge, for the same person, and offers nothing twice."""
    successor.adopt()
    with course.database.write() as session:
        course_sync.want_evaluation(session, course.context_id)
    course.now = LATER
    course.evaluate()
    (award,) = successor.rows(Award)
    assert award.user_id == successor.user("ada").id
    assert successor.rows(Trace)


# -- collisions -------------------------------------------------------------------------------------------------------


def second_award(course: Course, successor: Successor, state: AwardState, *, signed: bool = False) -> tuple[int, int]:
    """Give Ada of the new registration the same badge; returns the ids of the old award and of this one."""
    ada = next(one.id for one in successor.rows(User) if one.registration_id == successor.registration_id)
    (first,) = successor.rows(Award)
    with course.database.write() as session:
        award = Award(
            achievement_id=first.achievement_id,
            user_id=ada,
            occasion=first.occasion,
            state=state,
            achievement_version_id=first.achievement_version_id,
            award_rule_id=first.award_rule_id,
            offered_at=LATER,
            changed_at=LATER,
        )
        session.add(award)
        session.flush()
        session.add(
            Trace(award_id=award.id, moment="offered", award_rule_id=award.award_rule_id, document={}, taken_at=LATER)
        )
        for number in (first.id, award.id) if signed else ():
            address = f"https://badges.example/credentials/{number}"
            session.add(
                Credential(award_id=number, url_id=address, issuer_url_id="https://badges.example", created_at=LATER)
            )
        return first.id, award.id


@pytest.mark.parametrize(
    ("first_state", "second_state", "stays"),
    [
        (AwardState.OFFERED, AwardState.CLAIMED, "second"),
        (AwardState.CLAIMED, AwardState.OFFERED, "first"),
        (AwardState.CLAIMED, AwardState.CLAIMED, "first"),
        (AwardState.REVOKED, AwardState.OFFERED, "first"),
        (AwardState.LAPSED, AwardState.OFFERED, "second"),
    ],
)
def test_of_two_awards_the_claimed_one_stays(
    course: Course, successor: Successor, first_state: AwardState, second_state: AwardState, stays: str
) -> None:
    first, second = second_award(course, successor, second_state)
    with course.database.write() as session:
        session.execute(update(Award).where(Award.id == first).values(state=first_state))
    traces = len(successor.rows(Trace))
    assert successor.preview().awards_twice == 1
    successor.adopt()
    (award,) = successor.rows(Award)
    assert award.id == {"first": first, "second": second}[stays]
    assert award.user_id == successor.user("ada").id
    assert [one.award_id for one in successor.rows(Trace)] == [award.id] * traces, "no reason is lost"
    with course.database.read() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "registration.adopted"))
        assert session.get_one(AuditPayload, event.id).payload["awards_twice"] == [[first, second]]


def test_a_signed_badge_stays_whatever_became_of_the_other(course: Course, successor: Successor) -> None:
    first, _second = second_award(course, successor, AwardState.REVOKED)
    with course.database.write() as session:
        session.execute(update(Award).where(Award.id == first).values(state=AwardState.SUSPENDED))
        issuer = "https://badges.example"
        address = f"{issuer}/credentials/first"
        session.add(Credential(award_id=first, url_id=address, issuer_url_id=issuer, created_at=LATER))
    successor.adopt()
    (award,), (credential,) = successor.rows(Award), successor.rows(Credential)
    assert (award.id, award.state, credential.award_id) == (first, AwardState.SUSPENDED, first)


def test_two_signed_badges_both_stay(course: Course, successor: Successor) -> None:
    first, second = second_award(course, successor, AwardState.CLAIMED, signed=True)
    with course.database.write() as session:
        session.execute(update(Award).where(Award.id == first).values(state=AwardState.CLAIMED))
    successor.adopt()
    assert {one.id: one.occasion for one in successor.rows(Award)} == {first: "", second: f"adopted {second}"}
    assert [one.award_id for one in successor.rows(Credential)] == [first, second]
    assert {one.user_id for one in successor.rows(Award)} == {successor.user("ada").id}


def test_a_working_backpack_stays_connected(course: Course, successor: Successor) -> None:
    users = {one.registration_id: one.id for one in successor.rows(User) if one.platform_user_id == "ada"}
    with course.database.write() as session:
        host = BackpackHost(address="https://bp.example", name="Backpack", protocol="ob3", created_at=START)
        session.add(host)
        session.flush()
        for registration_id, user_id in users.items():
            is_old = registration_id == course.registration_id
            state = ConnectionState.CONSENT_NEEDED if is_old else ConnectionState.ACTIVE
            connection = BackpackConnection(user_id=user_id, host_id=host.id, state=state)
            connection.created_at = connection.changed_at = START
            session.add(connection)
    successor.adopt()
    (connection,) = successor.rows(BackpackConnection)
    assert (connection.user_id, connection.state) == (users[course.registration_id], ConnectionState.ACTIVE)


def test_open_reviews_and_readings_of_both_do_not_clash(course: Course, successor: Successor) -> None:
    users = [one.id for one in successor.rows(User) if one.platform_user_id == "ada"]
    (award,) = successor.rows(Award)
    with course.database.write() as session:
        for user_id in users:
            session.add(
                Review(
                    achievement_id=award.achievement_id,
                    user_id=user_id,
                    kind=ReviewKind.APPEAL,
                    state=ReviewState.OPEN,
                    opened_at=START,
                )
            )
        for context in session.scalars(select(Context)):
            course_sync.request_sync(session, context, "button", START)
    successor.adopt()
    assert sorted(one.state for one in successor.rows(Review)) == [ReviewState.OPEN, ReviewState.SETTLED]
    states = sorted((one.state, one.error_code) for one in successor.rows(SyncRun))
    assert states == [(SyncState.FAILED, "adopted"), (SyncState.REQUESTED, None)]
    assert {one.context_id for one in successor.rows(SyncRun)} == {course.context_id}


def test_partial_unique_rules_are_all_known() -> None:
    """Merging follows unique rules by itself, but not those that hold for some rows only."""
    tables = [Base.metadata.tables[name] for name in ("user", "context", "award", "achievement")]
    columns = {column for table in tables for _, column in references_to(table)}
    indexes = [one for table in Base.metadata.tables.values() for one in table.indexes if one.unique]
    found = {one.name for one in indexes if is_partial(one) and columns & set(one.columns)}
    assert found == PARTIAL


# -- what it refuses --------------------------------------------------------------------------------------------------


def refusal(successor: Successor) -> str:
    with pytest.raises(ConflictError) as refused:
        successor.preview()
    before = len(successor.rows(User))
    with pytest.raises(ConflictError) as again:
        successor.adopt("1")
    assert again.value.code == refused.value.code
    assert len(successor.rows(User)) == before
    return refused.value.code


def test_another_issuer(course: Course) -> None:
    other = register_anew(course, "https://elsewhere.example")
    other.as_course("course-1").person("ada")
    assert refusal(other) == "adopt_other_issuer"
    with course.database.read() as session:
        assert adopting.candidates(session, other.registration_id) == []


def test_itself(course: Course) -> None:
    with course.database.read() as session, pytest.raises(ConflictError) as refused:
        adopting.preview(session, 1, 1)
    assert refused.value.code == "adopt_other_issuer"


def test_a_registration_nobody_opened(course: Course, successor: Successor) -> None:
    with course.database.write() as session:
        session.execute(
            update(Deployment).where(Deployment.id == successor.deployment_id).values(state=DeploymentState.PENDING)
        )
    assert refusal(successor) == "adopt_needs_launch"


def test_nothing_in_common(course: Course) -> None:
    """Two schools of one hosted platform have the same issuer and not one person."""
    other = register_anew(course)
    other.as_course("course-9").person("zoe")
    assert refusal(other) == "adopt_nothing_in_common"


@pytest.mark.parametrize("side", ["old", "new"])
def test_several_institutions_are_not_mixed(course: Course, successor: Successor, side: str) -> None:
    registration_id = course.registration_id if side == "old" else successor.registration_id
    with course.database.write() as session:
        school = Organization(name="Hillside", created_at=START)
        session.add(school)
        session.flush()
        session.add(
            Deployment(
                registration_id=registration_id,
                organization_id=school.id,
                deployment_id="3",
                state=DeploymentState.ACTIVE,
                created_at=START,
            )
        )
    assert refusal(successor) == "adopt_several_institutions"


def test_an_institution_that_has_another_platform_is_not_dragged_along(course: Course, successor: Successor) -> None:
    other = register_anew(course, "https://third.example")
    with course.database.write() as session:
        session.execute(
            update(Deployment)
            .where(Deployment.id == other.deployment_id)
            .values(organization_id=successor.organization_id)
        )
    assert refusal(successor) == "adopt_several_institutions"


def test_figures_that_changed_since_they_were_seen(course: Course, successor: Successor) -> None:
    seen = successor.preview().digest()
    course.person("cho")
    with pytest.raises(ConflictError) as refused:
        successor.adopt(seen)
    assert refused.value.code == "adopt_changed"
    with course.database.read() as session:
        assert session.scalar(select(func.count()).select_from(User).where(User.registration_id == 1)) == 3
