"""The words of the matrix: how work is combined, and what is missing."""

from flask_babel import lazy_gettext as _l

from lti_tool.domain.competency_plan import Calculation
from lti_tool.services.coverage import Hole, HoleKind
from lti_tool.web.translated import gettext as _
from lti_tool.web.translated import ngettext

CALCULATIONS = {
    Calculation.ALL: _l("All work reaches its percentage"),
    Calculation.ANY: _l("Any one work reaches its percentage"),
    Calculation.HIGHEST: _l("The best result counts"),
    Calculation.LATEST: _l("The latest result counts"),
    Calculation.AVERAGE: _l("The average counts, by weight"),
    Calculation.DECAYING_AVERAGE: _l("The average counts, newer work more"),
}


def hole_words(hole: Hole) -> str:
    """What is missing, in one sentence."""
    match hole.kind:
        case HoleKind.SKILL_WITHOUT_WORK:
            return _("No work counts for the skill “%(skill)s”, so it can't be told who has it.", skill=hole.title)
        case HoleKind.WORK_WITHOUT_USE:
            return _("“%(work)s” counts for nothing.", work=hole.title)
        case HoleKind.BADGE_WITHOUT_EVIDENCE:
            skills = ", ".join(hole.names)
            return ngettext(
                "The badge “%(badge)s” asks for a skill without work: %(skills)s.",
                "The badge “%(badge)s” asks for %(num)s skills without work: %(skills)s.",
                len(hole.names),
                badge=hole.title,
                skills=skills,
            )
        case _:
            return _("The template asks for “%(work)s”, and no work of this course stands for it yet.", work=hole.title)
