"""The application factory: the frame around every page, in the order in which a request passes it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from babel import Locale, UnknownLocaleError
from babel.core import negotiate_locale
from flask import Blueprint, Flask, Response, g, request, send_from_directory
from flask_babel import Babel, get_locale
from flask_bootstrap import Bootstrap5

from lti_tool.files import folder
from lti_tool.logs import configure_logging, mask_path
from lti_tool.settings import load_settings
from lti_tool.web import (
    admin,
    admin_adopting,
    admin_backpacks,
    admin_installing,
    admin_issuing,
    admin_platforms,
    admin_reviews,
    admin_sources,
    admin_template_making,
    admin_templates,
    admin_terms,
    approvals,
    assessing,
    checkpoint,
    connect,
    course,
    course_copies,
    deep_linking,
    explain,
    failures,
    formats,
    grants,
    health,
    host_assertions,
    host_consent,
    host_credentials,
    instructor,
    instructor_badge,
    instructor_bulk,
    instructor_evidence,
    instructor_learner,
    instructor_matrix,
    instructor_policy,
    instructor_publish,
    instructor_reviews,
    instructor_roster,
    instructor_rule,
    instructor_runs,
    instructor_skills,
    instructor_sources,
    instructor_templates,
    instructor_uploads,
    ladder,
    landing,
    learner,
    learner_backpacks,
    learner_copies,
    learner_everywhere,
    learner_progress,
    live_events,
    lti,
    notices,
    public_documents,
    public_second_face,
    public_verify,
    registration,
    security,
    staff,
    unreadable,
)
from lti_tool.web import public as public_pages
from lti_tool.web.access import OPEN_ENDPOINTS, POLICY, Action, Kind, Role, admit, public
from lti_tool.web.current import SERVICES, request_id
from lti_tool.web.session import PATH_SECRET, PathSession, SqlSessions

if TYPE_CHECKING:
    from lti_tool.wiring import Services

BLUEPRINTS: tuple[Blueprint, ...] = (
    lti.blueprint,
    ladder.blueprint,
    notices.blueprint,
    live_events.blueprint,
    registration.blueprint,
    health.blueprint,
    staff.blueprint,
    admin.blueprint,
    admin_platforms.blueprint,
    admin_installing.blueprint,
    admin_issuing.blueprint,
    admin_adopting.blueprint,
    admin_backpacks.blueprint,
    admin_sources.blueprint,
    approvals.blueprint,
    admin_reviews.blueprint,
    admin_terms.blueprint,
    admin_templates.blueprint,
    admin_template_making.blueprint,
    course.blueprint,
    course_copies.blueprint,
    instructor.blueprint,
    instructor_roster.blueprint,
    instructor_bulk.blueprint,
    instructor_learner.blueprint,
    instructor_reviews.blueprint,
    instructor_runs.blueprint,
    instructor_skills.blueprint,
    instructor_evidence.blueprint,
    instructor_sources.blueprint,
    instructor_uploads.blueprint,
    instructor_badge.blueprint,
    instructor_rule.blueprint,
    instructor_policy.blueprint,
    instructor_publish.blueprint,
    instructor_matrix.blueprint,
    instructor_templates.blueprint,
    learner.blueprint,
    learner_progress.blueprint,
    learner_backpacks.blueprint,
    learner_copies.blueprint,
    learner_everywhere.blueprint,
    explain.blueprint,
    landing.blueprint,
    deep_linking.blueprint,
    checkpoint.blueprint,
    assessing.blueprint,
    connect.blueprint,
    grants.blueprint,
    host_consent.blueprint,
    host_credentials.blueprint,
    host_assertions.blueprint,
    public_pages.blueprint,
    public_documents.blueprint,
    public_second_face.blueprint,
    public_verify.blueprint,
)
LANGUAGES = ("en", "fr")
MEGABYTE = 1024 * 1024
UPLOAD_LIMIT = 11 * MEGABYTE
"""Files may have 10 MB; the rest is for the form around them."""
STATIC_FOLDER = Path(__file__).resolve().parent / "web" / "static"
STATIC_SECONDS = 24 * 3600

log: structlog.stdlib.BoundLogger = structlog.get_logger("lti_tool.access")


class Tool(Flask):
    """Flask, except that links which anybody may have never carry a session's path, and that no view is a coroutine."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``func``: Flask asks of each view and hook, for each request, whether it is a coroutine."""
        return func

    def url_for(self, /, endpoint: str, **values: Any) -> str:
        """Return the address of a view; to ``public``, ``machine`` and static ones without ``/s/<secret>``."""
        url = super().url_for(endpoint, **values)
        secret = request.environ.get(PATH_SECRET) if request else None
        if secret is None:
            return url
        name = f"{request.blueprint or ''}{endpoint}" if endpoint.startswith(".") else endpoint
        access = getattr(self.view_functions.get(name), "access", None)
        if name in OPEN_ENDPOINTS or (access is not None and access.kind in {Kind.PUBLIC, Kind.MACHINE}):
            return url.replace(f"/s/{secret}", "", 1)
        return url


def create_app(services: "Services") -> Flask:
    """Return the application; everything it needs comes in ``services``."""
    app = Tool("lti_tool", template_folder=str(folder("templates")), static_folder=STATIC_FOLDER)
    app.config.update(
        SECRET_KEY=services.settings.secret_key,
        MAX_CONTENT_LENGTH=UPLOAD_LIMIT,
        SEND_FILE_MAX_AGE_DEFAULT=STATIC_SECONDS,
        BOOTSTRAP_SERVE_LOCAL=True,
        BABEL_DEFAULT_LOCALE=LANGUAGES[0],
        TEMPLATES_AUTO_RELOAD=False,
    )
    if services.settings.instructors_publish:
        app.config[POLICY] = {Action.PUBLISH: frozenset({Role.INSTRUCTOR})}
    app.extensions[SERVICES] = services
    app.session_interface = SqlSessions()
    app.wsgi_app = PathSession(app.wsgi_app)  # type: ignore[method-assign]
    Babel(app, locale_selector=select_locale)
    Bootstrap5(app)
    unreadable.init_app(app)
    health.init_app(app)
    security.init_app(app)
    for step in (admit, security.require_own_origin, unreadable.refuse_nul, security.require_csrf_token):
        app.before_request(step)
    app.after_request(security.add_headers)
    app.after_request(write_access_log)
    formats.init_app(app)
    failures.init_app(app)
    app.jinja_env.globals.update(tool_name=services.settings.tool_name, language=language)
    app.add_url_rule("/favicon.ico", "favicon", favicon)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def create_app_from_environment() -> Flask:
    """Return the application set up by ``LTI_BADGES_*``, for gunicorn; raises ``SettingsError``."""
    from lti_tool.wiring import build_services  # the composition root needs every part; pages need none of that

    settings = load_settings()
    configure_logging(settings.log_level, as_json=settings.environment == "production")
    return create_app(build_services(settings))


def select_locale() -> str:
    """Return the language of this answer: the launch's, else the browser's, else English."""
    launch = g.get("launch")
    if launch is not None and launch.locale:
        chosen = negotiate_locale([launch.locale.replace("-", "_")], LANGUAGES)
        if chosen:
            return chosen
    return request.accept_languages.best_match(LANGUAGES, LANGUAGES[0])


def language() -> str:
    """Return the language of this page, for its ``lang`` attribute."""
    try:
        return str((get_locale() or Locale.parse(LANGUAGES[0])).language)
    except UnknownLocaleError:
        return LANGUAGES[0]


@public
def favicon() -> Response:
    """The symbol in the browser's tab."""
    return send_from_directory(STATIC_FOLDER, "favicon.svg", mimetype="image/svg+xml")


def write_access_log(response: Response) -> Response:
    """Log one line for a request: no query string, no secret in the path."""
    response.headers["X-Request-Id"] = request_id()
    if request.endpoint not in OPEN_ENDPOINTS:
        log.info(
            "request",
            method=request.method,
            path=mask_path(request.script_root + request.path),
            status=response.status_code,
            milliseconds=round(health.seconds_so_far() * 1000, 1),
            request_id=request_id(),
        )
    return response
