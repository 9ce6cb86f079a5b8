"""How hard a backpack host is asked: one that throttles or does not answer rests, for all deliveries.

After ``RESTS_AFTER`` failures without a success, or when it says so itself, nobody calls it until ``paused_until``.
Then one delivery goes first, alone; the others follow when it went well.
"""

import random
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, or_, update
from sqlalchemy.orm import Session

from lti_tool.errors import BackpackError, BackpackThrottledError, ToolError
from lti_tool.models import BackpackHost

RESTS_AFTER: Final = 3
FIRST_REST: Final = timedelta(seconds=15)
LONGEST_REST: Final = timedelta(minutes=30)
PROBE: Final = timedelta(minutes=2)
"""How long the one delivery that goes first may take, before another one does."""
JITTER: Final = random.SystemRandom()
NOTED_EVERY: Final = timedelta(minutes=1)
"""How exactly ``last_success_at`` is kept: not every delivery writes the host's row."""


def is_open(now: datetime) -> ColumnElement[bool]:
    """The condition that a host may be called."""
    return or_(BackpackHost.paused_until.is_(None), BackpackHost.paused_until <= now)


def needs_probe(host: BackpackHost) -> bool:
    """Whether one delivery has to go first."""
    return host.failures >= RESTS_AFTER


def begin_probe(host: BackpackHost, now: datetime) -> None:
    """Keep the others away while one delivery goes first; if its process dies, another one goes after ``PROBE``."""
    host.paused_until = now + PROBE


def note_success(session: Session, host_id: int, now: datetime) -> None:
    """The host took a badge."""
    session.execute(
        update(BackpackHost)
        .where(
            BackpackHost.id == host_id,
            or_(
                BackpackHost.failures > 0,
                BackpackHost.paused_until.is_not(None),
                BackpackHost.last_success_at.is_(None),
                BackpackHost.last_success_at < now - NOTED_EVERY,
            ),
        )
        .values(failures=0, paused_until=None, error_code=None, last_success_at=now)
    )


def note_answer(session: Session, host_id: int) -> None:
    """The host answered, though not as hoped for: it is there."""
    session.execute(
        update(BackpackHost)
        .where(BackpackHost.id == host_id, or_(BackpackHost.failures > 0, BackpackHost.paused_until.is_not(None)))
        .values(failures=0, paused_until=None)
    )


def note_failure(session: Session, host_id: int, error: ToolError, now: datetime) -> bool:
    """The host did not answer, or asks to slow down; returns whether it rests now."""
    host = session.get_one(BackpackHost, host_id, with_for_update=True, populate_existing=True)
    host.failures += 1
    host.error_code = error.code
    named = error.retry_after if isinstance(error, BackpackError) else None
    if isinstance(error, BackpackThrottledError):
        host.failures = max(host.failures, RESTS_AFTER)
    if host.failures < RESTS_AFTER and not named:
        return False
    usual = FIRST_REST * 2 ** min(max(host.failures - RESTS_AFTER, 0), 10)
    rest = timedelta(seconds=named) if named else min(usual, LONGEST_REST) * JITTER.uniform(0.8, 1.2)
    host.paused_until = now + rest
    return True
