"""Runs in words: why one is held, with its figures; what it did or would do; what a step makes of each item."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.domain.breaker import HoldCode
from lti_tool.models import AwardRun, RunKind, RunState
from lti_tool.services.run_previews import DOES, RunPreview
from lti_tool.web.formats import number
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

KINDS: Mapping[str, Any] = {
    RunKind.EVALUATION: _l("Check of the grades"),
    RunKind.BY_HAND: _l("Awarded by hand"),
    RunKind.BULK: _l("Awarded by a list"),
}
STATES: Mapping[str, tuple[Any, str]] = {
    RunState.HELD: (_l("On hold until somebody decides"), "held"),
    RunState.DONE: (_l("Done"), "done"),
    RunState.RELEASED: (_l("Released"), "done"),
    RunState.DISMISSED: (_l("Dismissed"), "lapsed"),
    RunState.UNDONE: (_l("Undone"), "lapsed"),
}


@dataclass(frozen=True, slots=True)
class RunStep:
    """What a person can do about a run."""

    key: str
    button: Any
    title: Any
    effect: Any
    done: Any
    icon: str


STEPS: Mapping[str, RunStep] = {
    one.key: one
    for one in (
        RunStep(
            "release",
            _l("Release"),
            _l("Release this run"),
            _l("Everybody is looked at once more, and what today's grades still say is done."),
            _l("The run is released."),
            "check",
        ),
        RunStep(
            "dismiss",
            _l("Dismiss"),
            _l("Dismiss this run"),
            _l("Nothing of it is done, and it is not proposed again. Offers stay on hold; who has a badge keeps it."),
            _l("The run is dismissed."),
            "x",
        ),
        RunStep(
            "reconsider",
            _l("Think again"),
            _l("Let the next check decide anew"),
            _l("The offers on hold end unseen, and the next check of the grades decides anew: after a correction."),
            _l("The next check of the grades decides anew."),
            "arrow-repeat",
        ),
        RunStep(
            "undo",
            _l("Undo"),
            _l("Undo this run"),
            _l("An offer that is not claimed is taken back. About a claimed badge somebody has to decide."),
            _l("The run is undone."),
            "arrow-left",
        ),
    )
}
_POSSIBLE: Mapping[RunState, tuple[str, ...]] = {
    RunState.HELD: ("release", "dismiss"),
    RunState.DONE: ("undo",),
    RunState.RELEASED: ("release", "undo"),
    RunState.DISMISSED: ("reconsider",),
    RunState.UNDONE: (),
}


def possible_steps(run: AwardRun, preview: RunPreview) -> list[RunStep]:
    """Return what can be done about a run; releasing again only while something of it waits."""
    found = [STEPS[name] for name in _POSSIBLE[run.state]]
    if run.state is RunState.RELEASED and not preview.count("release"):
        found = [one for one in found if one.key != "release"]
    if not preview.count("undo"):
        found = [one for one in found if one.key != "undo"]
    return found


def hold_lines(run: AwardRun, names: Mapping[int, str]) -> list[str]:
    """Return why a run is held, a sentence or two a badge. ``names``: of badges, by id."""
    badges = run.figures.get("badges", {})
    return [_hold(names.get(int(key), ""), figures) for key, figures in badges.items()]


def _hold(badge: str, figures: Mapping[str, Any]) -> str:
    values = {
        "badge": badge,
        "count": number(int(figures.get("count", 0))),
        "learners": number(int(figures.get("learners", 0))),
        "previewed": number(int(figures.get("previewed", 0))),
    }
    text = _HOLDS.get(str(figures.get("code")))
    return "" if text is None else str(text) % values


_HOLDS: Mapping[str, Any] = {
    HoldCode.MANY_OFFERS: _l(
        "This would offer “%(badge)s” to %(count)s of %(learners)s learners at once. Usually that means that the "
        "wrong work was bound."
    ),
    HoldCode.MORE_OFFERS_THAN_PREVIEWED: _l(
        "This would offer “%(badge)s” to %(count)s of %(learners)s learners; the preview before publishing said "
        "%(previewed)s. Usually that means that grades came in meanwhile, or that the wrong work was bound."
    ),
    HoldCode.MANY_LOSSES: _l(
        "This would take “%(badge)s” from %(count)s of %(learners)s learners at once, or put it in question. Usually "
        "that means that work was removed or grades were reset."
    ),
    HoldCode.MORE_LOSSES_THAN_PREVIEWED: _l(
        "This would take “%(badge)s” from %(count)s of %(learners)s learners, or put it in question; the preview said "
        "%(previewed)s."
    ),
}


def action_lines(actions: Mapping[str, int]) -> list[str]:
    """Return what a run did or would do, with numbers."""
    grouped = Counter[str]()
    for action, count in actions.items():
        grouped[_ACTION_GROUPS.get(action, "other")] += count
    return [_ACTIONS[name](count) for name, count in grouped.items()]


_ACTION_GROUPS = {
    "offer": "offers",
    "offer_again": "offers",
    "release": "offers",
    "lapse": "lapses",
    "revoke": "revokes",
    "review": "reviews",
    "claim": "given",
}
_ACTIONS: Mapping[str, Callable[[int], str]] = {
    "offers": lambda count: ngettext("%(num)s offer", "%(num)s offers", count),
    "lapses": lambda count: ngettext("%(num)s offer that ends", "%(num)s offers that end", count),
    "revokes": lambda count: ngettext("%(num)s badge revoked", "%(num)s badges revoked", count),
    "reviews": lambda count: ngettext("%(num)s badge in question", "%(num)s badges in question", count),
    "given": lambda count: ngettext("%(num)s badge given", "%(num)s badges given", count),
    "other": lambda count: ngettext("%(num)s other change", "%(num)s other changes", count),
}


def outcome_figures(outcomes: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return (number, words) of what a step would do, what happens before what does not."""
    ordered = sorted(outcomes.items(), key=lambda one: (one[0] not in DOES, one[0]))
    return [(number(count), outcome_words(name)) for name, count in ordered]


def outcome_words(name: str) -> str:
    """Return what a step would do about an item."""
    return str(_OUTCOMES[name])


_OUTCOMES: Mapping[str, Any] = {
    "offers": _l("will be offered the badge"),
    "lapses": _l("not earned any more: the offer ends"),
    "revokes": _l("the badge is revoked"),
    "reviews": _l("the badge is put in question"),
    "stays": _l("can't be told yet: stays on hold"),
    "barred": _l("not to be awarded it: stays on hold"),
    "dropped": _l("not to be done any more: left as it is"),
    "gone": _l("decided otherwise meanwhile: left as it is"),
    "withdraws": _l("not claimed yet: the offer is taken back and put on hold"),
    "asks": _l("claimed: somebody has to decide, the badge stays until then"),
    "offers_again": _l("still earned: offered again"),
    "keeps": _l("in question: the badge stays"),
}


def item_words(action: str) -> str:
    """Return what an item of a run did or would do."""
    return {
        "offers": _("offer"),
        "lapses": _("end of the offer"),
        "revokes": _("revoked"),
        "reviews": _("put in question"),
        "given": _("given"),
    }.get(_ACTION_GROUPS.get(action, "other"), _("other change"))
