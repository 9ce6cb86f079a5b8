"""An evidence source that says what a test told it to, and a tool that reads a course from it."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from courses import Course, course_on
from sqlalchemy import select

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.base import (
    Capability,
    ClauseKind,
    ColumnReading,
    EvidencePage,
    EvidenceStream,
    ObservationReading,
    PersonReading,
)
from lti_tool.jobs.course_reading import read_course
from lti_tool.models import (
    ColumnKind,
    Context,
    EvidenceColumn,
    Fact,
    Observation,
    Registration,
    SourceReading,
    SyncRun,
    User,
)
from lti_tool.services import course_sync
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services

Said = tuple[str, ObservationReading]


def column(key: str, maximum: str | None = "100", **more: Any) -> ColumnReading:
    """A column as the source lists it."""
    values: dict[str, Any] = {"resource_id": None, "tag": None, "position": 0} | more
    return ColumnReading(
        key, key.title(), ColumnKind.LINE_ITEM, None if maximum is None else Decimal(maximum), **values
    )


def said(person: str, score: str | None, at: datetime | None = None, **more: Any) -> ObservationReading:
    """What the source says about somebody; a name with a number sign is an id of the platform's own."""
    is_own = person.startswith("#")
    return ObservationReading(
        platform_user_id=None if is_own else person,
        external_id=person if is_own else None,
        state=more.pop("state", EvidenceState.UNGRADED if score is None else EvidenceState.GRADED),
        score=None if score is None else Decimal(score),
        maximum=Decimal(100),
        source_updated_at=at,
        **more,
    )


@dataclass
class ScriptedSource:
    """``pages``: by stream, the observations of each page. ``before``: called before each page is told."""

    name: str = "scripted"
    needs: tuple[str, ...] = ()
    columns: list[ColumnReading] = field(default_factory=list)
    people: list[PersonReading] = field(default_factory=list)
    streams_told: tuple[EvidenceStream, ...] = ()
    pages: dict[str, list[list[Said]]] = field(default_factory=dict)
    has_places: bool = True
    before: Callable[[str, int], None] = lambda _stream, _page: None
    before_columns: Callable[[], None] = lambda: None
    asked: list[tuple[str, datetime | None, str | None]] = field(default_factory=list)
    malformed: int = 0

    def capability(self, context: Context) -> Capability:
        return Capability(self.name, self.needs, frozenset(ClauseKind), frozenset(), own_columns_only=False)

    def iter_columns(
        self,
        registration: Registration,
        context: Context,
        *,
        malformed: Counter[str],
    ) -> Iterator[list[ColumnReading]]:
        self.before_columns()
        yield self.columns

    def iter_people(
        self,
        registration: Registration,
        context: Context,
        *,
        malformed: Counter[str],
    ) -> Iterator[list[PersonReading]]:
        yield self.people

    def streams(self, context: Context, columns: Sequence[ColumnReading]) -> tuple[EvidenceStream, ...]:
        listed = tuple(one.external_key for one in columns)
        return self.streams_told or tuple(EvidenceStream(key, (key,)) for key in listed)

    def iter_pages(
        self,
        registration: Registration,
        context: Context,
        stream: EvidenceStream,
        *,
        since: datetime | None,
        place: str | None,
        malformed: Counter[str],
    ) -> Iterator[EvidencePage]:
        self.asked.append((stream.key, since, place))
        pages = self.pages.get(stream.key, [])
        for number in range(int(place or 0), len(pages)):
            self.before(stream.key, number)
            malformed["row"] += self.malformed
            told = tuple(one for one in pages[number] if since is None or _moment(one) is None or _moment(one) >= since)
            moments = [moment for one in told if (moment := _moment(one)) is not None]
            is_last = number == len(pages) - 1
            next_place = None if is_last or not self.has_places else str(number + 1)
            yield EvidencePage(told, next_place, max(moments, default=None))


def _moment(one: Said) -> Any:
    return one[1].source_updated_at


@dataclass
class Reader:
    """A course that is read from a scripted source; its clock stands still until it is moved."""

    course: Course
    source: ScriptedSource
    services: Services

    def ask(self, reason: str = "schedule") -> int:
        """Ask for a reading; returns the run."""
        with self.course.database.write() as session:
            context = session.get_one(Context, self.course.context_id)
            run_id = course_sync.request_sync(session, context, reason, self.course.now)
        assert run_id is not None
        return run_id

    def read(self, reason: str = "schedule") -> SyncRun:
        """Ask for a reading and make it; returns the run as it ended."""
        run_id = self.ask(reason)
        self.go_on(run_id)
        return self.run(run_id)

    def go_on(self, run_id: int) -> bool:
        """Take a run, if it is due."""
        return read_course(self.services, run_id)

    def run(self, run_id: int) -> SyncRun:
        """A run as stored."""
        with self.course.database.read() as session:
            return session.get_one(SyncRun, run_id)

    def state(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """What holds: state, score, letter and attempt, by column and person."""
        with self.course.database.read() as session:
            rows = session.execute(
                select(EvidenceColumn.external_key, User.platform_user_id, Observation)
                .select_from(Fact)
                .join(Observation, Observation.id == Fact.observation_id)
                .join(EvidenceColumn, EvidenceColumn.id == Fact.column_id)
                .join(User, User.id == Fact.user_id)
            )
            return {(key, sub): (one.state, one.score, one.letter, one.attempt) for key, sub, one in rows}

    def scores(self) -> dict[tuple[str, str], Any]:
        """The scores that hold."""
        return {place: one[1] for place, one in self.state().items()}

    def observations(self) -> int:
        """How many there are."""
        with self.course.database.read() as session:
            return len(session.scalars(select(Observation.id)).all())

    def columns(self) -> dict[str, EvidenceColumn]:
        """Columns by key."""
        with self.course.database.read() as session:
            return {one.external_key: one for one in session.scalars(select(EvidenceColumn))}

    def reading(self) -> SourceReading:
        """How far the source is read."""
        with self.course.database.read() as session:
            found = select(SourceReading).where(SourceReading.source == self.source.name)
            return session.scalars(found).one()


@contextmanager
def reader_on(database_url: str, **script: Any) -> Iterator[Reader]:
    """A course of which nothing was read yet."""
    with course_on(database_url) as course:
        settings = load_settings({"LTI_BADGES_ENV": "test"}, database_url=database_url)
        services = build_services(settings, clock=lambda: course.now)
        services.database.engine.dispose()
        source = ScriptedSource(**script)
        services = dataclasses.replace(services, database=course.database, sources=(source,))
        yield Reader(course, source, services)
