"""A stage for evidence scenarios: one course on one kind of platform, and the tool that reads it.

A stage turns what a scenario says ("the teacher hides the grade") into what the platform of its kind shows from then
on. People are *ann* and *ben*, who learn, and *tara*, who teaches. Nothing is read unless ``read`` is called.
"""

import dataclasses
from decimal import Decimal
from typing import Any

from platforms.quirks import STANDARD, Quirks
from platforms.reading import Reading
from sqlalchemy import select

from lti_tool.domain.clauses import ColumnClause, Measure
from lti_tool.domain.evidence import Freshness
from lti_tool.domain.rules import Facts, evaluate
from lti_tool.evidence.ags import AgsSource
from lti_tool.evidence.base import EvidenceSource
from lti_tool.evidence.grants import Grants, GrantTokens
from lti_tool.jobs.course_reading import read_course
from lti_tool.lti.advantage import Advantage
from lti_tool.lti.service_health import ServiceHealth
from lti_tool.lti.service_requests import ServiceRequests
from lti_tool.models import (
    INSTITUTION,
    ApiGrant,
    Context,
    EvidenceColumn,
    Fact,
    GrantState,
    Observation,
    PlatformApi,
    SyncRun,
    SyncState,
    User,
)
from lti_tool.services import course_sync
from lti_tool.services.gathering import evaluated_user_ids
from lti_tool.services.platform_calls import PlatformCalls
from lti_tool.services.sightings import Seen, make_evidence
from lti_tool.settings import load_settings
from lti_tool.wiring import build_services


class Stage:
    """A course with the tool reading it. Subclasses say things on their kind of platform."""

    source = "ags"
    quirks: Quirks = STANDARD
    context_id = "course-1"

    def __init__(self, world: Reading) -> None:
        self.world = world
        url = world.database.engine.url.render_as_string(hide_password=False)
        settings = load_settings({"LTI_BADGES_ENV": "test"}, database_url=url, allowed_private_hosts=("127.0.0.1",))
        services = build_services(settings, clock=world.clock)
        services.database.engine.dispose()
        advantage = Advantage(world.new_client())
        self.grants = Grants(world.database, world.vault, services.http, world.clock)
        self.calls = PlatformCalls(
            ServiceRequests(services.http, ServiceHealth(world.clock), clock=world.clock, sleep=world._sleep)
        )
        self.services = dataclasses.replace(
            services,
            database=world.database,
            vault=world.vault,
            advantage=advantage,
            grants=self.grants,
            sources=(AgsSource(advantage), *self.more_sources()),
        )
        self.subs = {"tara": world.platform.personas["teacher"], "ann": world.platform.personas["learner"]}

    @property
    def platform(self) -> Any:
        """The strict platform: launches, roster and line items."""
        return self.world.platform

    def more_sources(self) -> tuple[EvidenceSource, ...]:
        """Sources beside AGS."""
        return ()

    def allow(self, source: str, address: str, tokens: GrantTokens, scopes: list[str], **client: Any) -> None:
        """An admin sets up the platform's own API, or grants anew, for the whole institution."""
        with self.services.database.write() as session:
            now = self.services.clock()
            api = session.scalar(select(PlatformApi)) or PlatformApi(
                registration_id=self.world.registration.id,
                organization_id=self.world.context.organization_id,
                source=source,
                address=address,
                created_at=now,
                **client,
            )
            session.add(api)
            session.flush()
            grant = session.scalar(select(ApiGrant)) or ApiGrant(
                platform_api_id=api.id, place=INSTITUTION, created_at=now
            )
            grant.state, grant.error_code, grant.changed_at = GrantState.ACTIVE, None, now
            grant.tokens, grant.scopes = tokens.locked(self.world.vault), scopes
            session.add(grant)

    # -- what anybody can say ---------------------------------------------------------------------------------------

    def wait(self, **parts: float) -> None:
        """Time passes."""
        self.world.clock.forward(**parts)

    def leave(self, person: str) -> None:
        """Somebody drops the course; the account stays."""
        self.platform.remove_member(self.subs[person])

    # -- what the tool makes of it ----------------------------------------------------------------------------------

    def read(self, reason: str = "button") -> str:
        """Read the course; returns how the reading ended: ``done``, or the code of its failure."""
        with self.services.database.write() as session:
            context = session.get_one(Context, self.world.context.id)
            asked = course_sync.request_sync(session, context, reason, self.services.clock())
            open_run = select(SyncRun.id).where(SyncRun.state != SyncState.DONE).order_by(SyncRun.id.desc())
            run_id = asked if asked is not None else session.scalars(open_run.limit(1)).one()
        read_course(self.services, run_id)
        with self.services.database.read() as session:
            run = session.get_one(SyncRun, run_id)
            return "done" if run.state is SyncState.DONE else str(run.error_code)

    def column(self, title: str) -> EvidenceColumn | None:
        """A column as the tool knows it: of this source, or of another one that is named (``ags:Essay``)."""
        source, _, title = title.rpartition(":")
        with self.services.database.read() as session:
            found = select(EvidenceColumn).where(
                EvidenceColumn.source == (source or self.source), EvidenceColumn.title == title
            )
            return session.scalars(found).one_or_none()

    def seen(self, person: str, column: EvidenceColumn) -> Observation | None:
        """The observation that holds for somebody."""
        with self.services.database.read() as session:
            found = (
                select(Observation)
                .join(Fact, Fact.observation_id == Observation.id)
                .join(User, User.id == Fact.user_id)
                .where(Fact.column_id == column.id, User.platform_user_id == self.subs[person])
            )
            return session.scalars(found).one_or_none()

    def fact(self, person: str, title: str) -> str:
        """What is known: state, score and maximum, letter; in brackets why it cannot be relied on now."""
        column = self.column(title)
        seen = None if column is None else self.seen(person, column)
        if column is None or seen is None:
            return "nothing"
        words = [seen.state.value]
        maximum = column.maximum if seen.maximum is None else seen.maximum
        if seen.score is not None:
            words.append(f"{_plain(seen.score)}/{'?' if maximum is None else _plain(maximum)}")
        words += [seen.letter] if seen.letter else []
        if column.failed_code is not None:
            words.append(f"({column.failed_code})")
        elif column.is_gone or column.checked_at is None:
            words.append("(stale)")
        return " ".join(words)

    def verdict(self, person: str, title: str, rule: str) -> str:
        """What a rule about one column gives now: ``percent 70``, ``points 5``, ``letter A,B``, ``completed``."""
        column = self.column(title)
        assert column is not None
        observed = self.seen(person, column)
        seen = None if observed is None else Seen(*(getattr(observed, name) for name in _SEEN))
        now = self.services.clock()
        measure, _, value = rule.partition(" ")
        number = Decimal(value) if measure in {"percent", "points"} else None
        letters = tuple(value.split(",")) if measure == "letter" else ()
        clause = ColumnClause("slot", Measure(measure), number, letters)
        evidence = make_evidence("slot", column, seen, now)
        assert (evidence.freshness is Freshness.FRESH) == (" (" not in self.fact(person, title))
        return evaluate(clause, Facts(evidence={"slot": evidence}, competencies={}, now=now)).verdict.value

    def observations(self, person: str, title: str) -> int:
        """How many different things were said about somebody's work."""
        column = self.column(title)
        with self.services.database.read() as session:
            found = (
                select(Observation.id)
                .join(User, User.id == Observation.user_id)
                .where(User.platform_user_id == self.subs[person])
            )
            return len(session.scalars(found.where(Observation.column_id == (column.id if column else 0))).all())

    def counts(self, person: str) -> bool:
        """Whether anything that is known of somebody can earn a badge."""
        with self.services.database.read() as session:
            found = session.scalars(select(User.id).where(User.platform_user_id == self.subs[person])).one_or_none()
            return found in evaluated_user_ids(session, self.world.context.id)


_SEEN = ("id", "state", "score", "maximum", "letter", "submitted_at", "graded_at", "source_updated_at", "fetched_at")


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")
