"""How products differ in their LTI Advantage services, as far as this tool has to know: data, each with its ground.

Grounds: *captured* (seen on a running platform), *vendor document* or *vendor code* (read, with the year), *other
tool's code* (a tool that works with the platform does this). A product that is not named here gets the standard's way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

CANVAS_SUBMISSION = "https://canvas.instructure.com/lti/submission"
CANVAS_SUBMISSION_TYPE = "https://canvas.instructure.com/lti/submission_type"
SAKAI_READ_ONLY = "https://www.sakailms.org/spec/lti-ags/v2p0/readOnly"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceQuirks:
    """One product's ways. The defaults are the standard to the letter."""

    members_limit: int | None = None
    """``limit`` of roster requests; ``None`` leaves the size of pages to the platform."""
    line_items_limit: int | None = None
    results_limit: int | None = None
    groups_limit: int | None = None
    stale_score_answers: Mapping[int, str] = field(default_factory=lambda: {409: ""})
    """Statuses that say "not newer than what I have", with words (lower case) that the body must hold to say so."""
    refused_score_statuses: frozenset[int] = frozenset({422})
    """Statuses that say this person cannot have a score in this line item."""
    score_step: timedelta = timedelta(milliseconds=1)
    """By how much a score's timestamp must at least exceed the one before."""
    score_extension: Mapping[str, object] = field(default_factory=dict)
    """Members added to every score; keys are whole addresses (AGS 2.0, extensions)."""
    results_need_scores: bool = False
    """Work that was graded by hand has no result before this tool sent a score, one without points included."""
    roster_tells_custom: bool = False
    """Asked for with the course's own resource link, a roster carries custom parameters of each member."""
    deployments_are_schools: bool = False
    """One client id serves many institutions, each by a deployment of its own."""
    lists_foreign_columns: bool = False
    """An admin can let a tool read all columns of a gradebook, its own and others' (marked so), over AGS."""
    roster_understates_teachers: bool = False
    """Rosters list some of those who launch as Instructor as Learner."""


STANDARD = ServiceQuirks()

CANVAS = ServiceQuirks(
    members_limit=50,  # vendor code (2026): MAX_PAGE_SIZE; ten a page unless asked
    line_items_limit=100,  # vendor code (2026): at most 100; ten a page unless asked
    results_limit=100,  # vendor code (2026): the same
    groups_limit=50,  # not checked: the roster's
    roster_tells_custom=True,  # vendor code (2026): with rlid, those of a list; a course's link has the course's id
    # Vendor document (AGS, common error codes, 2026): "Provided timestamp of … before last updated timestamp of …";
    # its other answers with 400 are about requests that are wrong.
    stale_score_answers={409: "", 400: "before last updated timestamp"},
    results_need_scores=True,  # vendor code (submission.rb, 2026): an edit updates results that exist, and makes none
    # Vendor document (score, 2026): without it every score counts as a new attempt of the learner.
    score_extension={CANVAS_SUBMISSION: {"new_submission": False}},
)

MOODLE = ServiceQuirks(
    # No limits. Captured (4.5): all come at once unless a limit is sent; results with a limit end in an error page, and
    # the next pages of a roster forget its filters.
    refused_score_statuses=frozenset({400, 422}),  # captured (4.5): 400 for teachers and unknown users
    score_step=timedelta(seconds=1),  # captured (4.5): two scores within one second, the second is refused with 409
    roster_understates_teachers=True,  # captured (4.5): a non-editing teacher is Learner on the roster
)

BLACKBOARD = ServiceQuirks(  # other tool's code (hypothesis, 2026): asks for 1000 of each
    deployments_are_schools=True,  # vendor document (2026): the application's id is the client id of every school
    members_limit=1000,
    line_items_limit=1000,
    results_limit=1000,
)

SAKAI = ServiceQuirks(
    # Vendor document (pull request 14615, May 2026): an opt-in of the tool's installation; columns of others carry
    # ``SAKAI_READ_ONLY``, and writing to them is answered with 403.
    lists_foreign_columns=True,
)

_BY_PRODUCT: Mapping[str, ServiceQuirks] = {
    "canvas": CANVAS,
    "moodle": MOODLE,
    "blackboard": BLACKBOARD,
    "blackboardlearn": BLACKBOARD,
    "sakai": SAKAI,
}


_BY_ISSUER: Mapping[str, ServiceQuirks] = {"https://blackboard.com": BLACKBOARD}  # vendor document (2026)
"""For registrations of which nobody said what product they are."""


def quirks_of(product: str | None, issuer: str | None = None) -> ServiceQuirks:
    """Return the ways of a product family (``tool_platform.product_family_code``, any case), else of an issuer."""
    return _BY_PRODUCT.get((product or "").lower()) or _BY_ISSUER.get(issuer or "", STANDARD)
