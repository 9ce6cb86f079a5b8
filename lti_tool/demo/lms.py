"""The demo LMS: Lakeside College, a small honest LTI 1.3 platform to try the tool with.

It runs on another site than the tool (``http://127.0.0.1:8001`` against ``http://localhost:8000``), so that frames and
cookies behave as in life. Tokens, keys, AGS and NRPS come from the independent package ``lti1p3platform``.

Addresses a person or a program uses:

- ``GET /?as=<person>&lang=en|fr&item=<item>``: the course page; ``as`` takes a key (``instructor``, ``admin``,
  ``learner-01`` …, ``test-user``) or a slug (``ada-okafor``), and is remembered, with the language, in the cookie
  ``lakeside_lms``. ``item``: ``badges`` or an assignment's key.
- ``GET /launch?as=<person>[&item=<item>][&lang=en|fr][&target=iframe|window][&course=<AQ-101 or the context id>]``:
  starts a launch with no cookie: the answer is a form that posts the login initiation to the tool.
- ``GET|POST /oidc/auth``, ``POST /oidc/token``, ``GET /oidc/jwks``: the platform's side of OpenID Connect.
- ``/api/lti/courses/<context id>/…``: AGS and NRPS, see ``lms_services``.
- ``GET|POST /gradebook`` and ``GET /gradebook.csv``: for the instructor; ``GET /return``: where the tool sends
  people back to.

Everything is in memory and begins anew with each start: serve it from one process, with any number of threads.
``app.extensions["lakeside"]`` is the ``Gradebook``, for changing a grade from a program.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response

from lti_tool.demo.lms_gradebook_pages import GradebookPages
from lti_tool.demo.lms_pages import CoursePages, register_words
from lti_tool.demo.lms_services import create_services
from lti_tool.demo.lms_site import CLIENT_ID, DEPLOYMENT_ID, Site
from lti_tool.demo.story import COLLEGE
from lti_tool.outbound import origin_of

DEFAULT_BASE_URL = "http://127.0.0.1:8001"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def registration(base_url: str, tool_url: str) -> dict[str, str]:  # noqa: ARG001 - the same call as create_lms
    """Return what the tool must know of this platform, under the names of ``lti-badges platforms add``."""
    base_url = base_url.rstrip("/")
    return {
        "name": COLLEGE.en,
        "issuer": base_url,
        "client_id": CLIENT_ID,
        "auth_login_url": f"{base_url}/oidc/auth",
        "auth_token_url": f"{base_url}/oidc/token",
        "key_set_url": f"{base_url}/oidc/jwks",
        "deployment_id": DEPLOYMENT_ID,
    }


def create_lms(*, base_url: str = DEFAULT_BASE_URL, tool_url: str, now: Callable[[], datetime] = _utc_now) -> Flask:
    """Return the demo LMS as a WSGI application.

    ``base_url``: its own address, which is also the issuer; ``tool_url``: the tool's, with ``/lti/login``,
    ``/lti/launch`` and ``/lti/jwks`` below it; ``now``: the time, aware, for tokens and grade changes.
    """
    site = Site.create(base_url, tool_url, now)
    app = Flask(__name__, static_folder="lms_static", static_url_path="/static", template_folder="templates")
    app.config.update(
        SECRET_KEY=site.secret_key,
        SESSION_COOKIE_NAME="lakeside_lms",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=256 * 1024,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions["lakeside"] = site.gradebook
    app.register_blueprint(create_services(site))
    app.register_blueprint(CoursePages(site).blueprint())
    app.register_blueprint(GradebookPages(site.gradebook).blueprint())
    register_words(app)
    tool_origin = origin_of(tool_url)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"frame-src 'self' {tool_origin}; form-action 'self' {tool_origin}; base-uri 'none'; frame-ancestors 'self'"
    )

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app
