"""How platforms differ from the standard and from each other: data for the strict platform, each with its ground.

Grounds: *captured* (seen on a running platform), *vendor document* or *vendor code* (read, with the year), *other
tool's code* (a tool that works with the platform does this), *constructed* (nobody was seen doing this; the standard
allows it, so a client must cope).
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Entries a page: ``default`` when no limit was asked, ``cap`` at most; ``None`` for all at once."""

    default: int | None = None
    cap: int | None = None
    link: str = "plain"
    """A key of ``LINKS``."""
    is_bookmarked: bool = False
    """Pages are named by opaque, case-sensitive bookmarks instead of offsets."""
    limit_crashes: bool = False
    """Asking for a limit ends in an HTML error page."""


LINKS = {
    "plain": '<{next}>; rel="next"',
    # Vendor document (Canvas pagination, 2026): several links, comma without a space.
    "canvas": '<{current}>; rel="current",<{next}>; rel="next",<{first}>; rel="first"',
    # Captured (Moodle 4.5): typographic quotes and an HTML-escaped address.
    "moodle": "<{escaped}>; rel=\u201cnext\u201d",
    # Constructed from RFC 8288: token value; relation types in a list after other parameters; a relative reference.
    "unquoted": "<{next}>;rel=next",
    "several": '<{first}>; rel="first"; title="one, <two>; three", <{next}>; title*=UTF-8\'\'more; rel="prefetch NEXT"',
    "relative": '<{relative}>; rel="next"',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """One platform's ways. The defaults are the standard to the letter."""

    product: str
    issuer: str | None = None
    """One issuer for all schools, or ``None``: the platform's own address."""
    token_audience: str | None = None
    """``aud`` of token requests where it is not the token URL."""
    login_deployment_parameter: str = "lti_deployment_id"
    has_platform_storage: bool = False
    repeats_storage_target: bool = False
    """The launch names the frame again."""
    key_set_cache_control: str | None = "max-age=3600"
    token_content_type: str = "application/json"
    drops_scopes_silently: bool = False
    """The token has the permitted part of the scopes; only when nothing is left the request fails."""
    wrong_accept_status: int = 406
    item_suffix: str = ""
    """What follows the number in a line item's path."""
    service_query: str = ""
    """Query that every AGS address carries and must keep."""
    line_items: Paging = field(default_factory=Paging)
    results: Paging = field(default_factory=Paging)
    members: Paging = field(default_factory=Paging)
    lists_foreign_items: bool = False
    has_short_roles: bool = False
    has_integer_user_ids: bool = False
    """AGS user ids are JSON numbers."""
    lists_inactive_members: bool = True
    has_result_timestamps: bool = False
    results_need_scores: bool = False
    """Work that was graded by hand has no result before the tool posted a score."""
    ignores_user_filter: bool = False
    ignores_item_filters: bool = False
    comment: str = "Well done"
    score_status: int = 204
    """What a score that was taken is answered with."""
    stale_score: tuple[int, str] = (409, "")
    """Status and body for a score that is not newer than the one before."""
    score_resolution: float = 0.0
    """Seconds; two scores whose times fall into the same one are of the same time."""
    no_learner_status: int = 422
    """For a score of somebody who is no learner of the course."""
    caps_scores: bool = False
    """A score above the maximum becomes the maximum."""
    foreign_item_status: int = 404
    """For one line item, its results and scores, when it is another tool's."""
    wrong_link_status: int = 404
    """For a line item in a resource link that is not the tool's."""
    coupled_item_status: int | None = None
    """For deleting a line item that came with its resource link; ``None`` deletes it."""
    course_is_a_link: bool = False
    """A launch from the course's menu has the course's id as its resource link's, and the roster knows it as one."""
    wrong_roster_link_status: int = 404
    """For the roster of a resource link that is not the tool's."""
    ignores_unknown_roles: bool = False
    """A roster of a role nobody knows lists everybody."""
    forgets_filters: bool = False
    """The next page of a roster is not filtered any more."""
    offers_differences: bool = False
    """The roster's last page says where to ask for what changed since."""
    throttle_status: int = 429
    throttle_body: str = "Too Many Requests"
    reports_quota: bool = False
    requires_user_agent: bool = False


STANDARD = Quirks(
    product="standard",
    line_items=Paging(default=2, link="several"),  # constructed
    results=Paging(default=3, link="unquoted"),  # constructed
    members=Paging(default=2, link="relative"),  # constructed
    offers_differences=True,  # constructed
)

CANVAS = Quirks(
    product="canvas",
    issuer="https://canvas.instructure.com",  # vendor code (2026): the same for all hosted schools
    login_deployment_parameter="deployment_id",  # vendor code (2026)
    has_platform_storage=True,  # vendor document (2026): lti_storage_target at login …
    repeats_storage_target=True,  # … and launch
    line_items=Paging(default=10, cap=100, link="canvas", is_bookmarked=True),  # vendor code (2026)
    results=Paging(default=10, cap=100, link="canvas", is_bookmarked=True),  # vendor code (2026)
    members=Paging(default=50, cap=50, link="canvas", is_bookmarked=True),  # vendor code: MAX_PAGE_SIZE (2026)
    lists_inactive_members=False,  # vendor document (2026): active memberships only
    score_status=200,  # vendor document (score, 2026)
    # vendor document (AGS, common error codes, 2026)
    stale_score=(400, "Provided timestamp of 2026-11-20 before last updated timestamp of 2026-11-21"),
    foreign_item_status=412,  # vendor document (AGS, common error codes, 2026)
    wrong_link_status=412,  # vendor document (AGS, common error codes, 2026)
    coupled_item_status=401,  # vendor document (line items, 2026)
    course_is_a_link=True,  # vendor code (jwt_message.rb, 2026); that the roster takes it: not checked
    wrong_roster_link_status=400,  # vendor code (2026)
    results_need_scores=True,  # vendor code (submission.rb, 2026)
    throttle_status=403,  # vendor document (throttling, 2026)
    throttle_body="403 Forbidden (Rate Limit Exceeded)",  # vendor document (throttling, 2026)
    reports_quota=True,  # vendor document: X-Rate-Limit-Remaining, X-Request-Cost (2026)
    requires_user_agent=True,  # issue threads of three API clients (January 2026)
)

CANVAS_OF_ONE_SCHOOL = replace(CANVAS, issuer=None)  # constructed: self-hosted, its admin set an issuer of its own

MOODLE = Quirks(  # Moodle 4.5.7, captured throughout
    product="moodle",
    key_set_cache_control=None,
    token_content_type="text/html; charset=utf-8",
    drops_scopes_silently=True,
    wrong_accept_status=400,
    item_suffix="/lineitem",
    service_query="type_id=1",
    line_items=Paging(link="moodle"),
    results=Paging(link="moodle", limit_crashes=True),
    members=Paging(link="plain"),
    has_short_roles=True,
    has_integer_user_ids=True,  # vendor code (2026): ids are integers; some releases send them as strings
    lists_inactive_members=False,
    has_result_timestamps=True,
    score_status=200,
    score_resolution=1.0,
    no_learner_status=400,
    caps_scores=True,
    wrong_link_status=403,
    ignores_unknown_roles=True,
    forgets_filters=True,
)

BLACKBOARD = Quirks(
    product="blackboard",
    issuer="https://blackboard.com",  # vendor document (2026): one for all schools
    ignores_user_filter=True,  # other tool's code (hypothesis, 2026)
    ignores_item_filters=True,  # constructed
    comment="<p>Well done</p>",  # other tool's code (hypothesis, 2026): comments are HTML
    line_items=Paging(default=100, link="unquoted"),  # constructed
    results=Paging(default=100, cap=1000),  # other tool's code (hypothesis, 2026): asks for 1000
    members=Paging(default=100, link="several"),  # constructed
)

BRIGHTSPACE = Quirks(
    product="desire2learn",
    token_audience="https://api.brightspace.com/auth/token",  # other tool's code (hypothesis, 2026)
    key_set_cache_control="no-cache",  # issue thread (PyLTI1p3 #90): keys rotate about hourly
    line_items=Paging(default=200, cap=200),  # issue thread (PyLTI1p3 #45)
    results=Paging(default=200, cap=200, link="relative"),  # constructed
    members=Paging(default=200, cap=200),  # constructed
)

SAKAI = Quirks(
    product="sakai",
    line_items=Paging(),  # vendor code (LineItemUtil, 2026): the tool's own items, all at once
)

SAKAI_READ_ALL = Quirks(
    product="sakai",
    lists_foreign_items=True,  # vendor pull request 14615 (May 2026): an opt-in, read-only view of all columns
)

PROFILES = {quirks.product: quirks for quirks in (STANDARD, CANVAS, MOODLE, BLACKBOARD, BRIGHTSPACE, SAKAI)}
