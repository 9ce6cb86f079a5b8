"""The tool's parts against a strict platform: one course, one clock, nothing slept."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from platforms.quirks import STANDARD, Quirks
from platforms.reading import Reading, reading
from sqlalchemy import Engine, func, select

from lti_tool.evidence.ags import AgsSource
from lti_tool.jobs.course_reading import read_course
from lti_tool.lti.advantage import Advantage
from lti_tool.models import Context, EvidenceColumn, Fact, Membership, Observation, SyncRun, User
from lti_tool.services import course_sync
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services


@dataclass
class Tool:
    """A tool and the platform it reads from."""

    world: Reading
    services: Services
    woken: list[tuple[str, int]] = field(default_factory=list)

    @property
    def platform(self) -> Any:
        """The strict platform."""
        return self.world.platform

    @property
    def context_id(self) -> int:
        """The one course."""
        return self.world.context.id

    def ask(self, reason: str = "button") -> int:
        """Ask for a reading; returns the run."""
        with self.services.database.write() as session:
            context = session.get_one(Context, self.context_id)
            run_id = course_sync.request_sync(session, context, reason, self.services.clock())
        assert run_id is not None
        return run_id

    def read(self) -> SyncRun:
        """Ask for a reading and make it; returns the run as it ended."""
        run_id = self.ask()
        read_course(self.services, run_id)
        return self.run(run_id)

    def run(self, run_id: int) -> SyncRun:
        """A run as stored."""
        with self.services.database.read() as session:
            return session.get_one(SyncRun, run_id)

    def members(self) -> dict[str, Membership]:
        """Memberships by the platform's user id."""
        with self.services.database.read() as session:
            rows = session.execute(select(User.platform_user_id, Membership).join(User, User.id == Membership.user_id))
            return dict(rows.all())

    def columns(self) -> dict[str, EvidenceColumn]:
        """Columns by title."""
        with self.services.database.read() as session:
            found = select(EvidenceColumn).order_by(EvidenceColumn.position)
            return {column.title: column for column in session.scalars(found)}

    def scores(self) -> dict[tuple[str, str], Decimal | None]:
        """The score that holds, by column title and the platform's user id."""
        with self.services.database.read() as session:
            rows = session.execute(
                select(EvidenceColumn.title, User.platform_user_id, Observation.score)
                .select_from(Fact)
                .join(Observation, Observation.id == Fact.observation_id)
                .join(EvidenceColumn, EvidenceColumn.id == Fact.column_id)
                .join(User, User.id == Fact.user_id)
            )
            return {(title, sub): score for title, sub, score in rows}

    def count(self, table: Any) -> int:
        """How many rows a table has."""
        with self.services.database.read() as session:
            return session.scalar(select(func.count(table.id))) or 0

    def is_due(self) -> bool:
        """Whether the course is due for evaluation."""
        with self.services.database.read() as session:
            context = session.get_one(Context, self.context_id)
            return context.evaluation_wanted > context.evaluation_done


def tool_for(world: Reading, **client: Any) -> Tool:
    """The tool's parts with the platform's clock and client."""
    url = world.database.engine.url.render_as_string(hide_password=False)
    services = build_services(load_settings({"LTI_BADGES_ENV": "test"}, database_url=url), clock=world.clock)
    services.database.engine.dispose()
    advantage = Advantage(world.new_client(**client))
    services = dataclasses.replace(
        services, database=world.database, vault=world.vault, advantage=advantage, sources=(AgsSource(advantage),)
    )
    return Tool(world, services)


MakeTool = Callable[..., Tool]


@pytest.fixture
def make_tool(engine: Engine) -> Iterator[MakeTool]:
    """``make_tool(quirks)`` starts a platform of this kind and a tool that is registered with it."""
    with ExitStack() as stack:

        def make(quirks: Quirks = STANDARD, **client: Any) -> Tool:
            return tool_for(stack.enter_context(reading(engine, quirks)), **client)

        yield make


@pytest.fixture
def tool(make_tool: MakeTool) -> Tool:
    """A tool and a platform to the letter of the standard."""
    return make_tool()
