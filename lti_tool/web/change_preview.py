"""What a change would do to learners, shown before it is done: groups of people with the clause that decides."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import request

from lti_tool.domain.award_policy import AwardPolicy, GradeChange
from lti_tool.domain.award_states import AwardState
from lti_tool.domain.decisions import DecisionReason
from lti_tool.domain.simulate import Change
from lti_tool.models import Achievement
from lti_tool.services.overview import Learner
from lti_tool.services.simulating import Line, Simulation
from lti_tool.web import formats
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext
from lti_tool.web.words import ClauseLine, Voice, clause_lines, sentence

NOT_CARRIED = {"csrf_token", "do", "seen"}


@dataclass(frozen=True, slots=True)
class Person:
    """One learner in a preview: the clause that decides in one sentence, and behind it every clause."""

    learner: Learner
    why: str
    lines: list[ClauseLine]


@dataclass(frozen=True, slots=True)
class Group:
    """Learners to whom the same happens. ``state`` is a key of ``formats.STATES``; ``words`` follow the number."""

    key: str
    state: str
    words: str
    people: list[Person]


@dataclass(frozen=True, slots=True)
class BadgeChange:
    """What would happen to one badge. ``groups`` are people whose standing matters now; ``rest`` are only counted."""

    achievement_id: int
    name: str
    groups: list[Group]
    rest: list[tuple[int, str]]
    side_effects: list[str]
    no_occasion: int

    @property
    def moves(self) -> bool:
        """Whether anybody gains or loses anything."""
        return bool(self.side_effects) or any(one.key in {"gains", "loses", "losing"} for one in self.groups)

    @property
    def figures(self) -> list[tuple[str, str]]:
        """(number, words) of every group and of the rest."""
        counted = [(len(one.people), one.words) for one in self.groups] + self.rest
        return [(formats.number(number), words) for number, words in counted]


def describe(
    simulation: Simulation, name: str, policy: AwardPolicy, platform: str, titles: Mapping[str, str]
) -> BadgeChange:
    """Return a dry run in words; ``titles`` as in ``clause_lines``."""

    def person(line: Line) -> Person:
        outcome = line.outcome
        waits = _WAITS.get(outcome.decision.reason) if outcome.change is Change.WAITS else None
        why = sentence(outcome.deciding.judgement, voice=Voice.INSTRUCTOR, platform=platform)
        lines = clause_lines(outcome.judgement, voice=Voice.INSTRUCTOR, platform=platform, titles=titles)
        return Person(Learner(line.user_id, line.name, line.has_left), _waiting(waits) if waits else why, lines)

    def people(lines: Iterable[Line]) -> list[Person]:
        return [person(line) for line in lines]

    losing = simulation.who(Change.LOSES)
    offered = [one for one in losing if one.outcome.standing and one.outcome.standing.state is AwardState.OFFERED]
    claimed = [one for one in losing if one not in offered]
    found = [
        ("gains", "offered", people(simulation.who(Change.GAINS)), _gains),
        ("loses", "lapsed", people(offered), _loses_offer),
        ("losing", "revoked", people(claimed), lambda number: _loses_badge(number, policy)),
        ("waits", "held", people(simulation.who(Change.WAITS)), _waits),
        ("unknown", "unknown", people(simulation.who(Change.UNKNOWN)), _unknown),
    ]
    keeps, not_yet = len(simulation.who(Change.KEEPS)), len(simulation.who(Change.NOT_YET))
    return BadgeChange(
        simulation.achievement_id,
        name,
        [Group(key, state, say(len(who)), who) for key, state, who, say in found if who],
        [
            *([(keeps, ngettext("keeps it", "keep it", keeps))] if keeps else []),
            (not_yet, ngettext("not yet; sees what is missing", "not yet; they see what is missing", not_yet)),
        ],
        [_side_effect(one.name, one.gains, one.losses) for one in simulation.side_effects],
        simulation.no_occasion,
    )


def _gains(number: int) -> str:
    return ngettext("learner would gain it", "learners would gain it", number)


def _loses_offer(number: int) -> str:
    return ngettext(
        "learner would lose the offer, which is not claimed yet",
        "learners would lose the offer, which is not claimed yet",
        number,
    )


def _loses_badge(number: int, policy: AwardPolicy) -> str:
    if policy.grade_change is GradeChange.REVOKE_AFTER_GRACE:
        return ngettext(
            "learner has claimed it and would no longer earn it: it would be revoked after the time allowed",
            "learners have claimed it and would no longer earn it: it would be revoked after the time allowed",
            number,
        )
    return ngettext(
        "learner has claimed it and would no longer earn it: a person would have to decide",
        "learners have claimed it and would no longer earn it: a person would have to decide",
        number,
    )


def _waits(number: int) -> str:
    return ngettext("learner earns it and has to wait", "learners earn it and have to wait", number)


def _unknown(number: int) -> str:
    return ngettext("can't be told yet; nothing changes", "can't be told yet; nothing changes for them", number)


def _side_effect(name: str, gains: int, losses: int) -> str:
    numbers = {"gains": formats.number(gains), "losses": formats.number(losses)}
    return _("“%(badge)s” builds on it: %(gains)s would gain it, %(losses)s would lose it.", badge=name, **numbers)


_WAITS = {
    DecisionReason.WAITS_FOR_DATE: "date",
    DecisionReason.WAITS_FOR_POSTED_GRADES: "posted",
    DecisionReason.BARRED: "barred",
    DecisionReason.WAITS_FOR_PERSON: "person",
    DecisionReason.FINAL: "final",
}


def _waiting(key: str) -> str:
    return {
        "date": _("Earned. It is offered when the date has come."),
        "posted": _("Earned. A grade it looks at is still hidden."),
        "barred": _("Earned, but somebody decided not to award it again."),
        "person": _("Earned, but a person has to decide first."),
        "final": _("Declined or revoked before, so it is not offered again."),
    }[key]


def seen_mark(simulations: Iterable[Simulation], *more: object) -> str:
    """What a preview showed, as a short text: a confirmation with another one has to look again."""
    counts = [f"{one.achievement_id}-{one.proposed.offers}-{one.proposed.losses}" for one in simulations]
    return ".".join([*counts, *map(str, more)])


def content_mark(achievement: Achievement) -> str:
    """What a badge says and how it is earned, as a short text, for those who approve it."""
    shown = [achievement.current_version_id, achievement.current_rule_id, achievement.policy]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]


def carried() -> list[tuple[str, str]]:
    """The fields of the form at hand, to be sent again with the confirmation."""
    return [(name, value) for name, value in request.form.items(multi=True) if name not in NOT_CARRIED]
