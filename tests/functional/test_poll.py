"""From a grade to its observation within one poll, with no page open; and what a poll costs when nothing changed."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from platforms.quirks import CANVAS, STANDARD, Quirks
from platforms.reading import Reading, reading
from sqlalchemy import event, select

from lti_tool.evidence.ags import AgsSource
from lti_tool.jobs.schedule import sweep
from lti_tool.jobs.tasks import TASKS
from lti_tool.lti.advantage import Advantage
from lti_tool.models import Context, Fact, Observation, User
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services

POLL = 900
PEOPLE = [f"person-{number:03}" for number in range(120)]
COLUMNS = 4


@dataclasses.dataclass
class Poll:
    """A course of 120 people and four pieces of work, and a worker that looks every fifteen minutes."""

    world: Reading
    services: Services
    statements: list[str] = dataclasses.field(default_factory=list)
    """What the last poll's tasks asked of the database, but for the sweep that found them."""

    def __call__(self) -> Counter[str]:
        """Fifteen minutes later: what is due is done; returns what the platform was asked, by kind."""
        self.world.clock.forward(seconds=POLL + 1)
        before = len(self.world.platform.requests)
        self.statements.clear()
        for _ in range(3):  # a reading, then the evaluation it asked for
            sweep(self.services, "worker", self._work)
        return Counter(one.kind for one in self.world.platform.requests[before:])

    def _work(self, task: str, row_id: int) -> None:
        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            self.statements.append(statement)

        event.listen(self.services.database.engine, "before_cursor_execute", note)
        TASKS[task](self.services, row_id)
        event.remove(self.services.database.engine, "before_cursor_execute", note)

    def score(self, title: str, sub: str) -> tuple[Decimal | None, Any]:
        """The score that holds, and when it was read."""
        with self.services.database.read() as session:
            found = session.execute(
                select(Observation.score, Observation.fetched_at)
                .join(Fact, Fact.observation_id == Observation.id)
                .join(User, User.id == Fact.user_id)
                .where(User.platform_user_id == sub, Fact.column.has(title=title))
            ).one()
            return found[0], found[1]

    def evaluations(self) -> int:
        """How often the course was evaluated."""
        with self.services.database.read() as session:
            return session.get_one(Context, self.world.context.id).evaluation_done


@pytest.fixture(params=[STANDARD, CANVAS], ids=lambda quirks: quirks.product)
def poll(request: pytest.FixtureRequest, any_database: str) -> Iterator[Poll]:
    """On two platforms, on SQLite and on PostgreSQL."""
    quirks: Quirks = request.param
    settings = load_settings({"LTI_BADGES_ENV": "test"}, database_url=any_database)
    settings = dataclasses.replace(settings, sync_every=POLL)
    services = build_services(settings)
    with reading(services.database.engine, quirks) as world:
        advantage = Advantage(world.new_client())
        services = dataclasses.replace(
            services, clock=world.clock, vault=world.vault, advantage=advantage, sources=(AgsSource(advantage),)
        )
        for one in PEOPLE:
            world.platform.add_member(one)
        for number in range(COLUMNS):
            scores = {one: Decimal(number * 10 + at % 7) for at, one in enumerate(PEOPLE)}
            world.platform.add_line_item(f"Work {number}", scores, maximum=100)
        yield Poll(world, services)
    services.database.engine.dispose()


def test_a_grade_is_an_observation_after_one_poll(poll: Poll) -> None:
    cold = poll()
    assert cold["results"] >= COLUMNS
    assert poll.score("Work 2", PEOPLE[5])[0] == Decimal(25)
    poll.world.platform.columns[3].scores[PEOPLE[5]] = Decimal("91.5")
    asked = poll()
    assert poll.score("Work 2", PEOPLE[5]) == (Decimal("91.5"), poll.world.clock())
    assert asked["results"] == cold["results"]
    assert asked["line_items"] == cold["line_items"]
    assert sum(asked.values()) <= sum(cold.values()), "no call more than the first reading needed"
    assert poll.evaluations() == 2


def test_an_unchanged_poll_is_cheap_and_evaluates_nothing(poll: Poll) -> None:
    poll()
    poll()
    evaluated = poll.evaluations()
    asked = poll()
    about_results = [one for one in poll.statements if "observation" in one or "fact" in one]
    written = [one for one in about_results if not one.startswith("SELECT")]
    assert written == []
    # A page of results: who is on it, if that was forgotten, and what holds. A column: how many facts, and that it
    # was read.
    assert len(about_results) <= asked["results"] + COLUMNS
    assert len(poll.statements) <= 3 * sum(asked.values()) + 40, "forty for the run itself"
    assert poll.evaluations() == evaluated
