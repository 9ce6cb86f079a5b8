"""Evidence scenarios as data: what a platform says at some moments, which facts then hold, and what rules give.

A moment is ``at(*says, …)``: what is said (methods of the stages in ``evidence_stage_*``), then how the reading that
follows ends (``done`` or the code of its failure), the facts by person (``ann``) or person and column (``ann/Quiz``;
without one it is the essay), and verdicts (``ann: percent 70``). A fact is written as state, score/maximum and letter;
in brackets why it cannot be relied on: the code of a failure, or ``stale``. ``observations``: how many different things
were ever said about somebody's work. ``counts``: whether anything known of somebody can earn a badge.

Grounds: AGS 2.0 or NRPS 2.0 (the standard says so), captured, vendor document, vendor code, other tools' code,
constructed (nobody was seen doing this, and nothing forbids it).
"""

from dataclasses import dataclass, field
from typing import Any

Say = tuple[str, tuple[Any, ...], dict[str, Any]]
MET, NOT_MET, UNKNOWN = "met", "not_met", "unknown"


@dataclass(frozen=True, slots=True)
class Moment:
    """What is said, and what holds after the next reading. ``reason``: why it is read (a button reads everything)."""

    says: tuple[Say, ...]
    ends: str = "done"
    facts: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    observations: dict[str, int] = field(default_factory=dict)
    counts: dict[str, bool] = field(default_factory=dict)
    reason: str = "button"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One course of events on one kind of platform."""

    stage: str
    name: str
    ground: str
    moments: tuple[Moment, ...]


def say(name: str, *args: Any, **more: Any) -> Say:
    """The platform's people do something."""
    return name, args, more


def at(*says: Say, **expected: Any) -> Moment:
    """A moment."""
    return Moment(says, **expected)


WORK, QUIZ = say("work"), say("work", "Quiz")
SEVENTY = at(WORK, say("grade", "ann", "70"), facts={"ann": "graded 70/100"}, verdicts={"ann: percent 70": MET})
"""The beginning of many: a grade that is just enough."""
