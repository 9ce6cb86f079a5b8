"""What every answer carries and every POST must prove: CSP with nonces, framing, referrers, caching, own origin.

No ``X-Frame-Options``: it cannot name several origins. Who may frame a page follows from its verified launch
(``frame-ancestors``); public and staff pages are never framed.
"""

import functools
from collections.abc import Iterable

from flask import Flask, Response, g, request
from flask_wtf import CSRFProtect

from lti_tool.errors import ForbiddenError
from lti_tool.services.deployments import origin_of
from lti_tool.services.sessions import LaunchView
from lti_tool.web.access import OPEN_ENDPOINTS, SAFE_METHODS, Kind, access_of, stored_view
from lti_tool.web.current import nonce, services
from lti_tool.web.session import is_for_staff, is_path_session

csrf = CSRFProtect()
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
_PAGE = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action {form_action}; base-uri 'none'; frame-ancestors {ancestors}"
)
_NOT_A_PAGE = "default-src 'none'; frame-ancestors 'none'"


def allow_form_action(*origins: str) -> None:
    """Let forms of this page lead to ``origins`` as well (a redirect counts: OAuth hosts, a deep-linking response)."""
    g.form_action = (*g.get("form_action", ()), *origins)


def require_own_origin() -> None:
    """Refuse a changing request that another site's page sent; Flask-WTF's token is the second lock.

    ``Sec-Fetch-Site`` is believed first: under ``no-referrer``, which path sessions need, ``Origin`` is ``null``.
    A request with neither header comes from a program: public pages serve it, sessions do not.
    """
    access = access_of(request.endpoint)
    if request.method in SAFE_METHODS or access is None or access.kind is Kind.MACHINE:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        is_own = site == "same-origin"
    elif origin is not None:
        is_own = origin in {origin_of(services().settings.public_url), origin_of(request.host_url)}
    else:
        is_own = access.kind is Kind.PUBLIC
    if not is_own:
        raise ForbiddenError("The request came from another site.", code="foreign_origin")


def require_csrf_token() -> None:
    """Check Flask-WTF's token where a session gives the request its power."""
    access = access_of(request.endpoint)
    if access is not None and access.kind in {Kind.LAUNCH, Kind.STAFF}:
        csrf.protect()


def add_headers(response: Response) -> Response:
    """Add the headers; what a view set itself stays."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.endpoint in OPEN_ENDPOINTS:
        return response
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", _page_policy())
        headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.vary.add("Accept-Language")
    else:
        headers.setdefault("Content-Security-Policy", _NOT_A_PAGE)
    headers.setdefault("Referrer-Policy", "no-referrer" if is_path_session(request) else "same-origin")
    if _is_private():
        headers["Cache-Control"] = "no-store"
    return response


def _is_private() -> bool:
    access = access_of(request.endpoint)
    kind = access.kind if access else None
    return kind in {Kind.LAUNCH, Kind.STAFF} or is_path_session(request) or is_for_staff(request)


def _page_policy() -> str:
    form_action = _sources(tuple(g.get("form_action", ())))
    ancestors = _ancestors()
    framing = "'none'" if ancestors is None else _sources(tuple(ancestors))
    return _PAGE.format(nonce=nonce(), form_action=form_action, ancestors=framing)


def _ancestors() -> Iterable[str] | None:
    """Who may frame this page: what the launch or the view said; for a wrong address, what the session says."""
    if "frame_ancestors" in g:
        known: Iterable[str] = g.frame_ancestors
        return known
    if request.endpoint is None and not is_for_staff(request):
        view = stored_view()
        return view.frame_ancestors if isinstance(view, LaunchView) else None
    return None


@functools.lru_cache(maxsize=256)
def _sources(addresses: tuple[str, ...]) -> str:
    """Return a source list; origins only, so that nothing a platform said can end this directive and begin another."""
    origins = (one if one == "*" else origin_of(one) for one in addresses)
    return " ".join(dict.fromkeys(["'self'", *(origin for origin in origins if origin)]))


def init_app(app: Flask) -> None:
    """Set Flask-WTF up: its token lives as long as the session, and ``require_csrf_token`` asks for it."""
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    csrf.init_app(app)
