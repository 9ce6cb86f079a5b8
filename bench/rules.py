"""Evaluating rules, reasons included, against a hand-written ``if`` for the same rule.

Both look at the same evidence of the same generated learners and must come to the same verdict for each; unknown is a
verdict too, so the hand-written side has to know the same states. Only the evaluator also says why.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bench.frame import Contestant, Options, Report, at_most, measure, python
from bench.worker import Batch, Stopwatch
from lti_tool.domain.competency_plan import Calculation, CompetencyPlan, Part
from lti_tool.domain.evidence import Evidence, EvidenceState, Freshness
from lti_tool.domain.rules import Facts, Rule, evaluate, parse_rule
from lti_tool.domain.verdict import Verdict

SECONDS = 0.5
BAR = 8
LEARNERS = 500
SEED = 20261121
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DEADLINE = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)

Course = Mapping[str, Evidence]
"""One learner's evidence by slot."""

# -- generated learners -----------------------------------------------------------------------------------------------

SLOTS = ("essay", "quiz-1", "quiz-2", "lab-1", "lab-2", "lab-3", "project", "portfolio")
MAXIMA = (Decimal(100), Decimal(20), Decimal(20), Decimal(10), Decimal(10), Decimal(10), Decimal(50), Decimal(100))
RARE_STATES = tuple(state for state in EvidenceState if state is not EvidenceState.GRADED)


def generate(learners: int) -> list[Course]:
    """The same learners every time: mostly graded work, some of every other state, some stale, some never seen."""
    chance = random.Random(SEED)
    return [
        {
            slot: _work(chance, slot, position, maximum)
            for position, (slot, maximum) in enumerate(zip(SLOTS, MAXIMA, strict=True))
            if chance.random() < 0.97
        }
        for _ in range(learners)
    ]


def _work(chance: random.Random, slot: str, position: int, maximum: Decimal) -> Evidence:
    is_graded = chance.random() < 0.88
    state = EvidenceState.GRADED if is_graded else chance.choice(RARE_STATES)
    submitted_at = DEADLINE + timedelta(hours=chance.randint(-200, 30)) if chance.random() < 0.9 else None
    score = (maximum * chance.randint(30, 100) / 100).quantize(Decimal("0.01")) if is_graded else None
    return Evidence(
        slot=slot,
        title=slot.replace("-", " ").capitalize(),
        source="ags",
        state=state,
        freshness=Freshness.FRESH if chance.random() < 0.97 else Freshness.STALE,
        score=score,
        maximum=maximum,
        submitted_at=submitted_at,
        graded_at=NOW - timedelta(days=2) if is_graded else None,
        checked_at=NOW,
        position=position,
    )


# -- the rules by hand ------------------------------------------------------------------------------------------------


def _reaches(course: Course, slot: str, percent: int) -> bool | None:
    """Yes, no, or ``None``: not known."""
    work = course.get(slot)
    if work is None or work.freshness is not Freshness.FRESH:
        return None
    if work.state is not EvidenceState.GRADED and work.state is not EvidenceState.COMPLETED:
        return None
    if work.score is None or not work.maximum:
        return None
    return work.score * 100 >= percent * work.maximum


def _reaches_in_time(course: Course, slot: str, percent: int) -> bool | None:
    reached = _reaches(course, slot, percent)
    if reached is False:
        return False
    work = course.get(slot)
    if work is None or work.freshness is not Freshness.FRESH or work.state is EvidenceState.EXCUSED:
        return None
    done_at = work.submitted_at or work.graded_at
    if done_at is None:
        return None
    return False if done_at >= DEADLINE else reached


def column_by_hand(course: Course) -> bool | None:
    """70 % in the essay."""
    return _reaches(course, "essay", 70)


def course_by_hand(course: Course) -> bool | None:
    """The essay, one of two quizzes, two of three labs, and the project in time."""
    essay = _reaches(course, "essay", 60)
    if essay is False:
        return False
    quiz = _reaches(course, "quiz-1", 50)
    if not quiz:
        other = _reaches(course, "quiz-2", 50)
        if other or quiz is False:
            quiz = other
    if quiz is False:
        return False
    labs = [_reaches(course, slot, 50) for slot in ("lab-1", "lab-2", "lab-3")]
    if labs.count(False) > 1:
        return False
    project = _reaches_in_time(course, "project", 50)
    if project is False:
        return False
    if essay is None or quiz is None or labs.count(True) < 2 or project is None:
        return None
    return True


PARTS = (("essay", Decimal(2)), ("quiz-1", Decimal(1)), ("quiz-2", Decimal(1)), ("portfolio", Decimal(4)))


def competency_by_hand(course: Course) -> bool | None:
    """A weighted average of 65 %; excused work leaves it, unknown work may still be anything."""
    worst = best = weights = Decimal(0)
    is_known = False
    for slot, weight in PARTS:
        work = course.get(slot)
        is_fresh = work is not None and work.freshness is Freshness.FRESH
        if work is not None and is_fresh and work.state is EvidenceState.EXCUSED:
            continue
        weights += weight
        if work is None or not is_fresh or work.state is not EvidenceState.GRADED or work.score is None:
            best += weight
            continue
        share = weight * work.score / (work.maximum or 1)
        worst, best, is_known = worst + share, best + share, True
    if not is_known:
        return None
    if worst * 100 >= 65 * weights:
        return True
    return None if best * 100 >= 65 * weights else False


# -- the same rules as documents --------------------------------------------------------------------------------------


def _percent(slot: str, needed: int) -> dict[str, object]:
    return {"column": slot, "percent": {"at_least": needed}}


COURSE_DOCUMENT = {
    "all": [
        _percent("essay", 60),
        {"any": [_percent("quiz-1", 50), _percent("quiz-2", 50)]},
        {"at_least": 2, "of": [_percent(slot, 50) for slot in ("lab-1", "lab-2", "lab-3")]},
        {"before": DEADLINE.isoformat(), "of": _percent("project", 50)},
    ]
}
PLAN = CompetencyPlan(
    identifier="data-handling",
    title="Data handling",
    calculation=Calculation.AVERAGE,
    threshold=Decimal(65),
    parts=tuple(Part(slot, Decimal(65), weight) for slot, weight in PARTS),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """One rule, both ways."""

    title: str
    rule: Rule
    by_hand: Callable[[Course], bool | None]


PAIRS = {
    "column": Pair("one column", parse_rule(_percent("essay", 70)), column_by_hand),
    "course": Pair("seven columns", parse_rule(COURSE_DOCUMENT), course_by_hand),
    "competency": Pair("a competency", parse_rule({"competency": PLAN.identifier}), competency_by_hand),
}
VERDICTS = {True: Verdict.MET, False: Verdict.NOT_MET, None: Verdict.UNKNOWN}


def facts_of(courses: list[Course]) -> list[Facts]:
    """What the evaluator gets for the same learners."""
    return [Facts(evidence=course, competencies={PLAN.identifier: PLAN}, now=NOW) for course in courses]


# -- contestants ------------------------------------------------------------------------------------------------------


def evaluating(name: str) -> Batch:
    """Every learner's judgement: verdict, and the reason of every clause with its figures."""
    rule, facts = PAIRS[name].rule, facts_of(generate(LEARNERS))

    def batch(watch: Stopwatch) -> int:
        with watch:
            for one in facts:
                evaluate(rule, one)
        return len(facts)

    return batch


def writing_out(name: str) -> Batch:
    """The same, and the whole judgement as the JSON document that an award keeps."""
    rule, facts = PAIRS[name].rule, facts_of(generate(LEARNERS))

    def batch(watch: Stopwatch) -> int:
        with watch:
            for one in facts:
                evaluate(rule, one).to_document()
        return len(facts)

    return batch


def by_hand(name: str) -> Batch:
    """Every learner's verdict from the hand-written function."""
    judge, courses = PAIRS[name].by_hand, generate(LEARNERS)

    def batch(watch: Stopwatch) -> int:
        with watch:
            for one in courses:
                judge(one)
        return len(courses)

    return batch


def run(options: Options) -> Report:
    """Measure every rule three ways."""
    contestants = []
    for name, pair in PAIRS.items():
        contestants += [
            Contestant(f"{pair.title}: hand-written if", python("bench.rules", "by_hand", name)),
            Contestant(f"{pair.title}: evaluate, with reasons", python("bench.rules", "evaluating", name)),
            Contestant(f"{pair.title}: and written out", python("bench.rules", "writing_out", name)),
        ]
    measured = measure(contestants, options)
    bars = [
        at_most(f"CPU of evaluate with reasons, times a hand-written if ({pair.title})", BAR, hand.times(evaluated))
        for pair, hand, evaluated in zip(PAIRS.values(), measured[::3], measured[1::3], strict=True)
    ]
    return Report("rules", "one rule for one learner", measured, bars)
