"""Lives of one badge and one learner, as data: what happens when, and what is true afterwards.

A step is ``(day, event, state, more)``. ``day`` counts from the beginning of the scenario (fractions allowed). Events:

``met`` / ``not_met`` / ``unknown``   the evaluation in the background, with that verdict
``met, hidden grades``                the same, with some grade the rule looks at still hidden
``met, run held``                     the same in a run that the circuit breaker held
``claim while met`` (not_met, unknown)  the learner claims, with that verdict
``decline``                           the learner declines
``appeal``                            the learner writes about the open review
``by hand: ACTION``                   a person does it (an ``AwardAction``: offer, hold, release, suspend, restore …)
``bar`` / ``unbar``                   a person decides *do not award again*, or lifts it
``undo``                              the batch that made the newest award is undone
``review: OUTCOME``                   a person decides the open review (kept, suspended, revoked)
``policy: {…}``                       the badge's policy is changed (``more["policy"]`` is the new document)
``term: NAME``                        another term begins

Afterwards: ``state`` of the newest award (``-``: there is none), and in ``more``, where given: ``notice`` (code without
``award.``; none if absent), ``audit`` (actions without ``award.``, in order; none if absent), ``reason`` (of the
decision), ``review`` (``-``, ``open`` or the day it is due; stays as before if absent) and ``occasion``.
"""

from dataclasses import dataclass, field
from typing import Any

Step = tuple[float, str, str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One life. ``policy`` is an ``AwardPolicy`` document; ``hold_until`` may be a day of the scenario."""

    name: str
    steps: tuple[Step, ...]
    policy: dict[str, Any] = field(default_factory=dict)
    term: str | None = None


def step(day: float, event: str, state: str, **more: Any) -> Step:
    return day, event, state, more


def offered(day: float = 0) -> Step:
    return step(day, "met", "offered", notice="offered", audit=["offered"], reason="earned")


def claimed(day: float = 1) -> Step:
    return step(day, "claim while met", "claimed", audit=["claimed"], reason="by_learner")


def given(day: float = 0) -> Step:
    return step(day, "met", "claimed", notice="given", audit=["offered", "claimed"], reason="earned")


def opened(day: float) -> Step:
    return step(
        day, "not_met", "claimed", notice="review_opened", audit=["review_needed"], review="open",
        reason="no_longer_earned",
    )  # fmt: skip


def warned(day: float, due: float) -> Step:
    return step(
        day, "not_met", "claimed", notice="will_be_revoked", audit=["review_needed"], review=due,
        reason="no_longer_earned",
    )  # fmt: skip


AUTO = {"claim_mode": "auto"}
IGNORE = {"grade_change": "ignore"}
GRACE = {"grade_change": "revoke_after_grace", "grace_days": 14}
RENEW = {"duplicates": "renew", "validity_days": 365, "renewal_window_days": 30}
TERMS = {"duplicates": "per_term"}

SCENARIOS: tuple[Scenario, ...] = (
    # -- offering -----------------------------------------------------------------------------------------------------
    Scenario("earned is offered, and only once", (offered(), step(1, "met", "offered", reason="still_earned"))),
    Scenario("not earned is nothing", (step(0, "not_met", "-", reason="not_earned"),)),
    Scenario("unknown is nothing", (step(0, "unknown", "-", reason="cannot_tell"),)),
    Scenario("unknown first, then known", (step(0, "unknown", "-"), offered(3))),
    Scenario("not yet, then earned", (step(0, "not_met", "-"), offered(3))),
    Scenario(
        "an offer lapses when it is no longer earned",
        (offered(), step(2, "not_met", "lapsed", notice="lapsed", audit=["lapsed"], reason="no_longer_earned")),
    ),
    Scenario("an offer outlives the unknown", (offered(), step(2, "unknown", "offered", reason="cannot_tell"))),
    Scenario(
        "what lapsed is offered again when it is earned again",
        (
            offered(),
            step(2, "not_met", "lapsed", notice="lapsed", audit=["lapsed"]),
            step(3, "met", "offered", notice="offered_again", audit=["offered"], reason="earned_again"),
        ),
    ),
    Scenario(
        "what lapsed stays lapsed while nobody can tell",
        (
            offered(),
            step(2, "not_met", "lapsed", notice="lapsed", audit=["lapsed"]),
            step(3, "unknown", "lapsed", reason="cannot_tell"),
            step(4, "not_met", "lapsed", reason="not_earned"),
        ),
    ),
    # -- claiming -----------------------------------------------------------------------------------------------------
    Scenario("a learner claims", (offered(), claimed(), step(2, "met", "claimed", reason="still_earned"))),
    Scenario(
        "a claim re-evaluates: not met lapses",
        (
            offered(),
            step(1, "claim while not_met", "lapsed", notice="lapsed", audit=["lapsed"], reason="no_longer_earned"),
        ),
    ),
    Scenario(
        "a claim re-evaluates: unknown leaves the offer",
        (offered(), step(1, "claim while unknown", "offered", reason="cannot_tell"), claimed(2)),
    ),
    Scenario(
        "what was declined is not offered again by an evaluation",
        (
            offered(),
            step(1, "decline", "declined", audit=["declined"], reason="by_learner"),
            step(2, "met", "declined", reason="final"),
            step(3, "not_met", "declined", reason="final"),
        ),
    ),
    Scenario(
        "a learner who declined may ask for it again",
        (
            offered(),
            step(1, "decline", "declined", audit=["declined"]),
            step(2, "by hand: offer_again", "offered", audit=["offered"], reason="by_hand"),
            claimed(3),
        ),
    ),
    # -- claimed for the learner --------------------------------------------------------------------------------------
    Scenario("no claim is needed", (given(), step(1, "met", "claimed", reason="still_earned")), AUTO),
    Scenario("no claim is needed, but a verdict is", (step(0, "unknown", "-"), given(2)), AUTO),
    Scenario(
        "an open offer is claimed once no claim is needed any more",
        (
            offered(),
            step(1, "policy: auto", "offered", policy=AUTO),
            step(2, "met", "claimed", notice="given", audit=["claimed"], reason="still_earned"),
        ),
    ),
    Scenario(
        "an open offer is not claimed for the learner while nobody can tell",
        (offered(), step(1, "policy: auto", "offered", policy=AUTO), step(2, "unknown", "offered")),
    ),
    Scenario(
        "what lapsed and is earned again is given at once",
        (
            offered(),
            step(1, "not_met", "lapsed", notice="lapsed", audit=["lapsed"]),
            step(2, "policy: auto", "lapsed", policy=AUTO),
            step(3, "met", "claimed", notice="given", audit=["offered", "claimed"], reason="earned_again"),
        ),
    ),
    Scenario(
        "declining is respected where no claim is needed",
        (
            offered(),
            step(1, "decline", "declined", audit=["declined"]),
            step(2, "policy: auto", "declined", policy=AUTO),
            step(3, "met", "declined", reason="final"),
        ),
    ),
    # -- waiting for a date, or for grades ----------------------------------------------------------------------------
    Scenario(
        "nothing is offered before the date",
        (step(0, "met", "-", reason="waits_for_date"), step(9.99, "met", "-", reason="waits_for_date"), offered(10)),
        {"hold_until": 10},
    ),
    Scenario(
        "what is not earned does not wait for the date",
        (step(0, "not_met", "-", reason="not_earned"), step(1, "unknown", "-", reason="cannot_tell")),
        {"hold_until": 10},
    ),
    Scenario("a date and no claim needed", (step(0, "met", "-"), given(10)), AUTO | {"hold_until": 10}),
    Scenario(
        "a date set after the offer does not take it back",
        (
            offered(),
            step(1, "policy: later", "offered", policy={"hold_until": 10}),
            step(2, "met", "offered", reason="still_earned"),
        ),
    ),
    Scenario(
        "nothing is offered while a grade is hidden",
        (step(0, "met, hidden grades", "-", reason="waits_for_posted_grades"), offered(1)),
        {"needs_posted_grades": True},
    ),
    Scenario(
        "a hidden grade beside does not matter where the policy does not ask",
        (step(0, "met, hidden grades", "offered", notice="offered", audit=["offered"], reason="earned"),),
    ),
    Scenario(
        "grades hidden again do not take a badge back",
        (given(), step(1, "unknown", "claimed", reason="cannot_tell")),
        AUTO | {"needs_posted_grades": True},
    ),
    # -- a changed grade ----------------------------------------------------------------------------------------------
    Scenario(
        "ignored", (offered(), claimed(), step(5, "not_met", "claimed", reason="change_ignored", review="-")), IGNORE
    ),
    Scenario(
        "flagged for a person, once",
        (offered(), claimed(), opened(5), step(6, "not_met", "claimed", reason="no_longer_earned", review="open")),
    ),
    Scenario(
        "flagged, and settled when it is earned again",
        (
            offered(),
            claimed(),
            opened(5),
            step(6, "met", "claimed", notice="review_settled", audit=["review_settled"], review="-"),
            step(7, "met", "claimed", reason="still_earned"),
        ),
    ),
    Scenario(
        "flagged again after it was settled",
        (
            offered(),
            claimed(),
            opened(5),
            step(6, "met", "claimed", notice="review_settled", audit=["review_settled"], review="-"),
            opened(7),
        ),
    ),
    Scenario(
        "flagged, and unknown changes nothing",
        (offered(), claimed(), opened(5), step(6, "unknown", "claimed", reason="cannot_tell", review="open")),
    ),
    Scenario("an unknown grade is never flagged", (offered(), claimed(), step(5, "unknown", "claimed", review="-"))),
    Scenario(
        "a person keeps it, and it is not asked again",
        (
            offered(),
            claimed(),
            opened(5),
            step(6, "review: kept", "claimed", notice="review_settled", audit=["review_settled"], review="-"),
            step(7, "not_met", "claimed", reason="kept", review="-"),
        ),
    ),
    Scenario(
        "a person revokes it after a review",
        (
            offered(),
            claimed(),
            opened(5),
            step(6, "review: revoked", "revoked", notice="revoked", audit=["revoked", "review_settled"], review="-"),
            step(7, "met", "revoked", reason="final"),
        ),
    ),
    Scenario(
        "a person suspends it after a review, and restores it",
        (
            offered(),
            claimed(),
            opened(5),
            step(
                6,
                "review: suspended",
                "suspended",
                notice="suspended",
                audit=["suspended", "review_settled"],
                review="-",
            ),
            step(7, "not_met", "suspended", reason="waits_for_person"),
            step(8, "by hand: restore", "claimed", notice="restored", audit=["restored"]),
        ),
    ),
    Scenario(
        "revoked by hand while a review is open ends the review",
        (
            offered(),
            claimed(),
            opened(5),
            step(6, "by hand: revoke", "revoked", notice="revoked", audit=["revoked", "review_settled"], review="-"),
        ),
    ),
    # -- revoked after grace ------------------------------------------------------------------------------------------
    Scenario(
        "warned, then revoked when the time is over",
        (
            offered(),
            claimed(),
            warned(5, due=19),
            step(18.99, "not_met", "claimed", reason="in_grace", review=19),
            step(
                19,
                "not_met",
                "revoked",
                notice="revoked",
                audit=["revoked", "review_settled"],
                review="-",
                reason="grace_ended",
            ),
            step(20, "met", "revoked", reason="final"),
        ),
        GRACE,
    ),
    Scenario(
        "warned, and settled by a better grade in time",
        (
            offered(),
            claimed(),
            warned(5, due=19),
            step(10, "met", "claimed", notice="review_settled", audit=["review_settled"], review="-"),
            step(30, "met", "claimed", reason="still_earned"),
        ),
        GRACE,
    ),
    Scenario(
        "warned, and nobody can tell at the due date: it waits",
        (
            offered(),
            claimed(),
            warned(5, due=19),
            step(19, "unknown", "claimed", reason="cannot_tell", review=19),
            step(40, "unknown", "claimed", reason="cannot_tell", review=19),
            step(41, "not_met", "revoked", notice="revoked", audit=["revoked", "review_settled"], review="-"),
        ),
        GRACE,
    ),
    Scenario(
        "warned, unknown at the due date, then earned again",
        (
            offered(),
            claimed(),
            warned(5, due=19),
            step(19, "unknown", "claimed", review=19),
            step(25, "met", "claimed", notice="review_settled", audit=["review_settled"], review="-"),
        ),
        GRACE,
    ),
    Scenario(
        "a second fall has a time of its own",
        (
            offered(),
            claimed(),
            warned(5, due=19),
            step(10, "met", "claimed", notice="review_settled", audit=["review_settled"], review="-"),
            warned(18, due=32),
            step(20, "not_met", "claimed", reason="in_grace", review=32),
        ),
        GRACE,
    ),
    Scenario(
        "an appeal stops the clock, and a person decides",
        (
            offered(),
            claimed(),
            warned(5, due=19),
            step(6, "appeal", "claimed"),
            step(30, "not_met", "claimed", reason="appealed", review=19),
            step(31, "review: kept", "claimed", notice="review_settled", audit=["review_settled"], review="-"),
            step(50, "not_met", "claimed", reason="kept"),
        ),
        GRACE,
    ),
    Scenario(
        "an open review gets its date when the policy becomes stricter, and the learner is told",
        (
            offered(),
            claimed(),
            opened(5),
            step(6, "policy: grace", "claimed", policy=GRACE),
            step(7, "not_met", "claimed", notice="will_be_revoked", audit=["review_due_set"], review=21),
            step(21, "not_met", "revoked", notice="revoked", audit=["revoked", "review_settled"], review="-"),
        ),
    ),
    Scenario(
        "a milder policy never revokes by itself, even after the due date",
        (
            offered(),
            claimed(),
            warned(5, due=19),
            step(6, "policy: flag", "claimed", policy={"grade_change": "flag"}),
            step(30, "not_met", "claimed", reason="no_longer_earned", review=19),
        ),
        GRACE,
    ),
    Scenario(
        "given without a claim, warned and revoked like any other",
        (
            given(),
            warned(5, due=19),
            step(19, "not_met", "revoked", notice="revoked", audit=["revoked", "review_settled"], review="-"),
        ),
        AUTO | GRACE,
    ),
    Scenario(
        "an offer has no grace: it lapses at once",
        (offered(), step(2, "not_met", "lapsed", notice="lapsed", audit=["lapsed"], review="-")),
        GRACE,
    ),
    # -- suspended, revoked, barred -----------------------------------------------------------------------------------
    Scenario(
        "suspended waits for a person, whatever the grades say",
        (
            offered(),
            claimed(),
            step(2, "by hand: suspend", "suspended", notice="suspended", audit=["suspended"]),
            step(3, "met", "suspended", reason="waits_for_person"),
            step(4, "not_met", "suspended", reason="waits_for_person"),
            step(5, "unknown", "suspended", reason="waits_for_person"),
            step(6, "by hand: restore", "claimed", notice="restored", audit=["restored"]),
            step(7, "met", "claimed", reason="still_earned"),
        ),
    ),
    Scenario(
        "suspended, then revoked",
        (
            offered(),
            claimed(),
            step(2, "by hand: suspend", "suspended", notice="suspended", audit=["suspended"]),
            step(3, "by hand: revoke", "revoked", notice="revoked", audit=["revoked"]),
        ),
    ),
    Scenario(
        "revoked is not awarded again by the next check",
        (
            offered(),
            claimed(),
            step(2, "by hand: revoke", "revoked", notice="revoked", audit=["revoked"]),
            step(3, "met", "revoked", reason="final"),
        ),
    ),
    Scenario(
        "an offer revoked by a person stays revoked",
        (
            offered(),
            step(1, "by hand: revoke", "revoked", notice="revoked", audit=["revoked"]),
            step(2, "met", "revoked", reason="final"),
        ),
    ),
    Scenario(
        "who is barred is not offered it, until the bar is lifted",
        (step(0, "bar", "-"), step(1, "met", "-", reason="barred"), step(2, "unbar", "-"), offered(3)),
    ),
    Scenario(
        "a bar keeps what lapsed from coming back",
        (
            offered(),
            step(1, "not_met", "lapsed", notice="lapsed", audit=["lapsed"]),
            step(2, "bar", "lapsed"),
            step(3, "met", "lapsed", reason="barred"),
        ),
    ),
    Scenario(
        "who is barred cannot claim",
        (offered(), step(1, "bar", "offered"), step(2, "claim while met", "offered", reason="barred")),
    ),
    Scenario(
        "a bar keeps an open offer from being claimed for the learner",
        (
            offered(),
            step(1, "bar", "offered"),
            step(2, "policy: auto", "offered", policy=AUTO),
            step(3, "met", "offered", reason="barred"),
        ),
    ),
    # -- held and released --------------------------------------------------------------------------------------------
    Scenario(
        "held by the circuit breaker, released by a person",
        (
            step(0, "met, run held", "held", audit=["held"], reason="held_back"),
            step(1, "met", "held", reason="waits_for_person"),
            step(2, "by hand: release", "offered", notice="offered", audit=["released"]),
            claimed(3),
        ),
    ),
    Scenario(
        "held by the circuit breaker, dismissed by a person: the learner hears nothing",
        (
            step(0, "met, run held", "held", audit=["held"]),
            step(1, "by hand: lapse", "lapsed", audit=["lapsed"]),
            step(2, "met", "offered", notice="offered_again", audit=["offered"]),
        ),
    ),
    Scenario(
        "held ends in revoked: the learner hears nothing",
        (
            step(0, "met, run held", "held", audit=["held"]),
            step(1, "by hand: revoke", "revoked", audit=["revoked"]),
            step(2, "met", "revoked", reason="final"),
        ),
    ),
    Scenario(
        "a held run takes nothing away",
        (
            offered(),
            step(1, "not_met, run held", "offered", reason="held_back"),
            step(2, "not_met", "lapsed", notice="lapsed", audit=["lapsed"]),
        ),
    ),
    Scenario(
        "a held run opens no review",
        (offered(), claimed(), step(5, "not_met, run held", "claimed", reason="held_back", review="-"), opened(6)),
    ),
    Scenario(
        "a held run revokes nothing at the due date",
        (
            offered(),
            claimed(),
            warned(5, due=19),
            step(19, "not_met, run held", "claimed", reason="held_back", review=19),
            step(20, "not_met", "revoked", notice="revoked", audit=["revoked", "review_settled"], review="-"),
        ),
        GRACE,
    ),
    Scenario(
        "a held run still settles what is earned again",
        (
            offered(),
            claimed(),
            opened(5),
            step(6, "met, run held", "claimed", notice="review_settled", audit=["review_settled"], review="-"),
        ),
    ),
    Scenario(
        "held, released, and then given where no claim is needed",
        (
            step(0, "met, run held", "held", audit=["held"]),
            step(1, "by hand: release", "offered", notice="offered", audit=["released"]),
            step(2, "met", "claimed", notice="given", audit=["claimed"]),
        ),
        AUTO,
    ),
    Scenario(
        "what lapsed and comes back in a held run is held",
        (
            offered(),
            step(1, "not_met", "lapsed", notice="lapsed", audit=["lapsed"]),
            step(2, "met, run held", "held", audit=["held"], reason="held_back"),
        ),
    ),
    Scenario(
        "a person holds an offer back",
        (
            offered(),
            step(1, "by hand: hold", "held", notice="withdrawn", audit=["held"]),
            step(2, "not_met", "held", reason="waits_for_person"),
            step(3, "by hand: release", "offered", notice="offered", audit=["released"]),
        ),
    ),
    # -- a batch that is undone ---------------------------------------------------------------------------------------
    Scenario(
        "an undone offer is held",
        (
            offered(),
            step(1, "undo", "held", notice="withdrawn", audit=["held"], reason="undone"),
            step(2, "met", "held", reason="waits_for_person"),
        ),
    ),
    Scenario(
        "an undone badge that was claimed goes to a person, and is not just taken away",
        (
            offered(),
            claimed(),
            step(2, "undo", "claimed", notice="review_opened", audit=["review_needed"], review="open", reason="undone"),
            step(3, "met", "claimed", reason="still_earned", review="open"),
            step(4, "not_met", "claimed", reason="waits_for_person", review="open"),
            step(5, "review: revoked", "revoked", notice="revoked", audit=["revoked", "review_settled"], review="-"),
        ),
    ),
    Scenario(
        "undone twice is undone once",
        (
            offered(),
            claimed(),
            step(2, "undo", "claimed", notice="review_opened", audit=["review_needed"], review="open"),
            step(3, "undo", "claimed", reason="waits_for_person", review="open"),
        ),
    ),
    Scenario(
        "an undone badge that a person keeps",
        (
            offered(),
            claimed(),
            step(2, "undo", "claimed", notice="review_opened", audit=["review_needed"], review="open"),
            step(3, "review: kept", "claimed", notice="review_settled", audit=["review_settled"], review="-"),
        ),
    ),
    Scenario(
        "undoing what the learner declined changes nothing",
        (
            offered(),
            step(1, "decline", "declined", audit=["declined"]),
            step(2, "undo", "declined", reason="final"),
        ),
    ),
    Scenario(
        "a held run is released and then undone",
        (
            step(0, "met, run held", "held", audit=["held"]),
            step(1, "by hand: release", "offered", notice="offered", audit=["released"]),
            step(2, "undo", "held", notice="withdrawn", audit=["held"], reason="undone"),
            step(3, "by hand: lapse", "lapsed", audit=["lapsed"]),
        ),
    ),
    # -- given by hand ------------------------------------------------------------------------------------------------
    Scenario(
        "given by hand, and no grade takes it away",
        (
            step(0, "by hand: offer", "offered", notice="offered", audit=["offered"], reason="by_hand"),
            step(1, "not_met", "offered", reason="by_hand"),
            step(2, "claim while not_met", "claimed", audit=["claimed"], reason="by_learner"),
            step(3, "not_met", "claimed", reason="by_hand", review="-"),
        ),
    ),
    Scenario(
        "given by hand before the date, where a person decides",
        (step(0, "by hand: offer", "offered", notice="offered", audit=["offered"]),),
        {"hold_until": 10},
    ),
    Scenario(
        "given by hand where no claim is needed",
        (
            step(0, "by hand: offer", "claimed", notice="given", audit=["offered", "claimed"], reason="by_hand"),
            step(9, "not_met", "claimed", reason="by_hand", review="-"),
        ),
        AUTO | GRACE,
    ),
    Scenario(
        "given by hand and undone",
        (
            step(0, "by hand: offer", "offered", notice="offered", audit=["offered"]),
            step(1, "undo", "held", notice="withdrawn", audit=["held"], reason="undone"),
        ),
    ),
    # -- the end of the validity, and renewal -------------------------------------------------------------------------
    Scenario(
        "expired is told once, and grades do not matter any more",
        (
            offered(),
            claimed(),
            step(365.5, "met", "claimed", reason="still_earned"),
            step(366, "met", "claimed", notice="expired", reason="expired"),
            step(367, "not_met", "claimed", reason="expired", review="-"),
        ),
        {"validity_days": 365},
    ),
    Scenario(
        "a review ends with the badge's validity",
        (
            offered(),
            claimed(),
            opened(360),
            step(366, "not_met", "claimed", notice="expired", audit=["review_settled"], review="-", reason="expired"),
        ),
        {"validity_days": 365},
    ),
    Scenario(
        "a badge is never revoked after it expired",
        (
            offered(),
            claimed(),
            warned(360, due=374),
            step(374, "not_met", "claimed", notice="expired", audit=["review_settled"], review="-", reason="expired"),
        ),
        GRACE | {"validity_days": 365},
    ),
    Scenario(
        "renewal opens before the end, and new work earns it",
        (
            offered(),
            claimed(),
            step(335.9, "met", "claimed", reason="still_earned", occasion=""),
            step(336, "not_met", "claimed", notice="renewable", reason="not_earned", occasion=""),
            step(340, "not_met", "claimed", reason="not_earned", occasion=""),
            step(350, "met", "offered", notice="offered", audit=["offered"], occasion="renewal 1"),
            step(351, "claim while met", "claimed", audit=["claimed"], occasion="renewal 1"),
        ),
        RENEW,
    ),
    Scenario(
        "renewal is earned again and again",
        (
            offered(),
            claimed(),
            step(400, "not_met", "claimed", notice="renewable", occasion=""),
            step(401, "met", "offered", notice="offered", audit=["offered"], occasion="renewal 1"),
            step(402, "claim while met", "claimed", audit=["claimed"], occasion="renewal 1"),
            step(800, "unknown", "claimed", notice="renewable", occasion="renewal 1"),
            step(801, "met", "offered", notice="offered", audit=["offered"], occasion="renewal 2"),
        ),
        RENEW,
    ),
    Scenario(
        "what was revoked is not renewed",
        (
            offered(),
            claimed(),
            step(2, "by hand: revoke", "revoked", notice="revoked", audit=["revoked"]),
            step(400, "met", "revoked", reason="final", occasion=""),
        ),
        RENEW,
    ),
    Scenario(
        "a suspended badge is not renewed",
        (
            offered(),
            claimed(),
            step(2, "by hand: suspend", "suspended", notice="suspended", audit=["suspended"]),
            step(400, "met", "suspended", reason="waits_for_person", occasion=""),
        ),
        RENEW,
    ),
    Scenario(
        "who is barred is not given a renewal",
        (
            offered(),
            claimed(),
            step(2, "bar", "claimed"),
            step(400, "met", "claimed", notice="renewable", reason="barred", occasion=""),
        ),
        RENEW,
    ),
    # -- once, and once a term ----------------------------------------------------------------------------------------
    Scenario(
        "once a term",
        (
            step(0, "met", "offered", notice="offered", audit=["offered"], occasion="2026 autumn"),
            claimed(),
            step(100, "met", "claimed", reason="still_earned", occasion="2026 autumn"),
            step(120, "term: 2027 spring", "claimed"),
            step(121, "not_met", "claimed", reason="not_earned", occasion="2026 autumn"),
            step(130, "met", "offered", notice="offered", audit=["offered"], occasion="2027 spring"),
        ),
        TERMS,
        term="2026 autumn",
    ),
    Scenario(
        "once a term, and no term is running",
        (step(0, "met", "-"), step(5, "term: 2026 autumn", "-"), offered(6)),
        TERMS,
    ),
    Scenario(
        "once stays once, whatever the policy was before",
        (
            step(0, "met", "offered", notice="offered", audit=["offered"], occasion="2026 autumn"),
            claimed(),
            step(2, "policy: once", "claimed", policy={}),
            step(3, "met", "claimed", reason="still_earned", occasion="2026 autumn"),
        ),
        TERMS,
        term="2026 autumn",
    ),
    Scenario(
        "a badge earned in this term is this term's, when the policy changes",
        (
            step(0, "term: 2026 autumn", "-"),
            offered(1),
            claimed(2),
            step(3, "policy: per term", "claimed", policy=TERMS),
            step(4, "met", "claimed", reason="still_earned", occasion=""),
        ),
    ),
    Scenario(
        "a retake in the same term gives nothing twice",
        (
            offered(),
            claimed(),
            step(50, "not_met", "claimed", notice="review_opened", audit=["review_needed"], review="open"),
            step(60, "met", "claimed", notice="review_settled", audit=["review_settled"], review="-", occasion=""),
        ),
    ),
)
