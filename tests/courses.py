"""A course with people, columns, grades, skills and badges, made through the services that pages and jobs use."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import select

from lti_tool.db import Database, make_engine
from lti_tool.domain.evidence import EvidenceState
from lti_tool.domain.lifecycle import AwardState
from lti_tool.evidence.base import ColumnReading, ObservationReading
from lti_tool.models import (
    AuditEvent,
    Award,
    ColumnKind,
    Context,
    Deployment,
    DeploymentState,
    EvidenceColumn,
    MembershipStatus,
    Observation,
    Organization,
    Registration,
    Trace,
)
from lti_tool.services import achievements, awarding, blobs, course_sync, frameworks, issuers, mapping, observing
from lti_tool.services.awarding import EvaluationCounts
from lti_tool.services.launching import ensure_membership, ensure_user
from lti_tool.vault import Vault

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"


@dataclass
class Course:
    """One course of one platform; ``now`` is the time of everything that is done."""

    database: Database
    now: datetime = START
    context_id: int = 0
    organization_id: int = 0
    registration_id: int = 0
    deployment_id: int = 0
    issuer_id: int = 0
    vault: Vault = field(default_factory=lambda: Vault([Fernet.generate_key().decode()]))

    def later(self, **delta: float) -> None:
        """Let time pass."""
        self.now += timedelta(**delta)

    # -- what the platform would say ----------------------------------------------------------------------------------

    def add_course(self, platform_id: str) -> int:
        """Add another course of the same deployment; returns its number."""
        with self.database.write() as session:
            context = Context(
                deployment_id=self.deployment_id,
                organization_id=self.organization_id,
                platform_id=platform_id,
                created_at=self.now,
                launched_at=self.now,
            )
            session.add(context)
            session.flush()
            return context.id

    def person(self, sub: str, *, is_learner: bool = True, is_test_user: bool = False, enrolled: bool = True) -> int:
        """Add somebody; returns the user's number."""
        with self.database.write() as session:
            user = ensure_user(
                session, self.registration_id, self.organization_id, sub, self.now, name=None, email=None
            )
            if enrolled:
                ensure_membership(
                    session,
                    self.context_id,
                    user.id,
                    self.now,
                    roles=[LEARNER],
                    is_learner=is_learner,
                    is_test_user=is_test_user,
                    status=MembershipStatus.ACTIVE,
                )
            return user.id

    def depart(self, *staying: int) -> None:
        """A complete roster lists only ``staying``."""
        with self.database.write() as session:
            observing.mark_departed(session, self.context_id, set(staying))

    def column(self, title: str = "Essay", maximum: str | None = "100", key: str | None = None) -> int:
        """Add a column that was just read; returns its number."""
        with self.database.write() as session:
            reading = ColumnReading(
                external_key=key or f"https://lms.example/items/{title}",
                title=title,
                kind=ColumnKind.LINE_ITEM,
                maximum=None if maximum is None else Decimal(maximum),
                resource_id=None,
                tag=None,
                position=0,
            )
            column_id = observing.store_column(session, self.context_id, "ags", reading)
            observing.mark_column_read(session, column_id, self.now)
            return column_id

    def grade(self, column_id: int, user_id: int, score: str | None, maximum: str | None = "100", **more: Any) -> int:
        """The source reports a result; returns how many observations that added."""
        reading = ObservationReading(
            platform_user_id="",
            state=EvidenceState.UNGRADED if score is None else EvidenceState.GRADED,
            score=None if score is None else Decimal(score),
            maximum=None if maximum is None else Decimal(maximum),
            **more,
        )
        with self.database.write() as session:
            return observing.store_observations(session, column_id, [(user_id, reading)], self.now)

    def read_again(self, *column_ids: int) -> None:
        """Every page of these columns was read now."""
        with self.database.write() as session:
            for column_id in column_ids:
                observing.mark_column_read(session, column_id, self.now)

    # -- what an instructor would make --------------------------------------------------------------------------------

    def skill(self, statement: str, thresholds: Mapping[int, str]) -> str:
        """Add a competency, and let columns count for it; returns its identifier."""
        with self.database.write() as session:
            context = session.get_one(Context, self.context_id)
            item = frameworks.add_item(session, context, statement, None, self.now)
            for column_id, threshold in thresholds.items():
                mapping.map_column(session, self.context_id, column_id, item.id, Decimal(threshold))
            return item.identifier

    def badge(self, name: str, rule: dict[str, Any]) -> int:
        """Publish a badge with this rule; returns its number."""
        with self.database.write() as session:
            context = session.get_one(Context, self.context_id)
            content = achievements.Content(
                name=name,
                description=f"About {name}",
                criteria_narrative="Do the work.",
                picture_sha256=blobs.keep(session, b"a picture", "image/png", self.now),
                language="en",
            )
            made = achievements.create_achievement(session, context, self.issuer_id, content, self.now)
            achievements.write_rule(session, made, rule, self.now)
            achievements.publish(session, made, "cli", self.now)
            return made.id

    def badge_for(self, column_id: int, percent: str = "70", name: str = "Writer") -> int:
        """Publish a badge for one skill that one column shows."""
        return self.badge(name, {"competency": self.skill(f"Skill of {name}", {column_id: percent})})

    def public_id(self, achievement_id: int) -> str:
        """What rules of other badges call a badge."""
        with self.database.read() as session:
            return session.get_one(achievements.Achievement, achievement_id).public_id

    # -- what jobs do, and what came of it ----------------------------------------------------------------------------

    def evaluate(self) -> EvaluationCounts:
        """Evaluate the course."""
        with self.database.write() as session:
            return awarding.evaluate_course(session, self.context_id, self.now)

    def want(self) -> None:
        """Give a reason to evaluate."""
        with self.database.write() as session:
            course_sync.want_evaluation(session, self.context_id)

    def is_due(self) -> bool:
        """Whether an evaluation is due."""
        with self.database.read() as session:
            return awarding.evaluation_due(session) == [self.context_id]

    def states(self) -> dict[tuple[int, int], AwardState]:
        """The state of every award, by (achievement, user)."""
        with self.database.read() as session:
            return {(one.achievement_id, one.user_id): one.state for one in session.scalars(select(Award))}

    def award(self) -> Award:
        """The one award there is."""
        with self.database.read() as session:
            return session.scalars(select(Award)).one()

    def traces(self) -> list[Trace]:
        """Every trace, oldest first."""
        with self.database.read() as session:
            return list(session.scalars(select(Trace).order_by(Trace.id)))

    def events(self, prefix: str = "award.") -> list[AuditEvent]:
        """Audit events whose action begins so, oldest first."""
        with self.database.read() as session:
            found = select(AuditEvent).where(AuditEvent.action.startswith(prefix)).order_by(AuditEvent.id)
            return list(session.scalars(found))

    def observations(self, column_id: int) -> list[Observation]:
        """Every observation of a column, oldest first."""
        with self.database.read() as session:
            found = select(Observation).where(Observation.column_id == column_id).order_by(Observation.id)
            return list(session.scalars(found))

    def set_column(self, column_id: int, **values: Any) -> None:
        """Change a column's row."""
        with self.database.write() as session:
            for name, value in values.items():
                setattr(session.get_one(EvidenceColumn, column_id), name, value)


@contextmanager
def course_on(database_url: str) -> Iterator[Course]:
    """A course without people or columns, in a migrated database."""
    course = Course(Database(make_engine(database_url)))
    with course.database.write() as session:
        organization = Organization(name="Lakeside College", created_at=START)
        registration = Registration(
            name="Lakeside",
            issuer="https://lms.example",
            client_id="client-1",
            auth_login_url="https://lms.example/auth",
            auth_token_url="https://lms.example/token",
            key_set_url="https://lms.example/jwks",
            created_at=START,
        )
        session.add_all([organization, registration])
        session.flush()
        deployment = Deployment(
            registration_id=registration.id,
            organization_id=organization.id,
            deployment_id="1",
            state=DeploymentState.ACTIVE,
            created_at=START,
        )
        session.add(deployment)
        session.flush()
        course.organization_id, course.registration_id = organization.id, registration.id
        course.deployment_id = deployment.id
    course.context_id = course.add_course("course-1")
    with course.database.write() as session:
        profile = issuers.ensure_issuer(session, course.organization_id, "https://badges.example", course.vault, START)
        course.issuer_id = profile.id
    yield course
    course.database.engine.dispose()
