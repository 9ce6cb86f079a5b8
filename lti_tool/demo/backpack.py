"""A demo backpack: a small, strict Open Badges 3.0 API host with pages a learner understands.

It runs on a port of its own and shares no state with the tool. ``app.extensions["backpack"]`` is its
``BackpackStore``, where tests also order faults.
"""

import secrets
from collections.abc import Callable, Iterable

from flask import Blueprint, Flask, Response, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from lti_tool.demo import backpack_api, backpack_oauth, backpack_pages
from lti_tool.demo.backpack_check import Check, CredentialCheck
from lti_tool.demo.backpack_oauth import OPEN_BADGES_3, Dialect
from lti_tool.demo.backpack_oauth import dialect as dialect_here
from lti_tool.demo.backpack_store import BackpackStore
from lti_tool.outbound import MEGABYTE, HttpClient

DEFAULT_URL = "http://127.0.0.1:8002"


def create_backpack(
    base_url: str = DEFAULT_URL,
    *,
    tool_hosts: Iterable[str] = ("localhost", "127.0.0.1"),
    people: Iterable[tuple[str, str]] = (),
    dialect: Dialect = OPEN_BADGES_3,
    api: Blueprint = backpack_api.blueprint,
    check: Callable[[HttpClient], Check] = CredentialCheck,
    title: str = "backpack",
) -> Flask:
    """Build the backpack. ``dialect``, ``api`` and ``check`` are those of its standard, ``title`` a key of its words.

    ``base_url``: where it is reached, without a final slash. ``tool_hosts``: the hosts that may register with plain
    http addresses and whose issuer documents and pictures may be fetched from private addresses. ``people``: (name,
    e-mail) of accounts to offer on the sign-in page.
    """
    hosts = tuple(tool_hosts)
    app = Flask(__name__, template_folder="templates", static_folder="backpack_static", static_url_path="/static")
    app.config.update(
        BASE_URL=base_url.rstrip("/"),
        DIALECT=dialect,
        TITLE=title,
        TOOL_HOSTS=frozenset(hosts),
        MAX_CONTENT_LENGTH=MEGABYTE,
        SECRET_KEY=secrets.token_hex(32),
        # The demo LMS may run on the same host name, and ports do not separate cookies.
        SESSION_COOKIE_NAME=f"demo_{title}",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=base_url.startswith("https://"),
    )
    store = BackpackStore()
    for name, email in people:
        store.ensure_account(name, email)
    app.extensions["backpack"] = store
    app.extensions["backpack_http"] = HttpClient(timeout=(3.0, 5.0), total_seconds=10.0, allowed_private_hosts=hosts)
    csrf = CSRFProtect(app)
    app.extensions["backpack_check"] = check
    for blueprint, prefix in ((api, ""), (backpack_oauth.blueprint, f"{dialect.base}/oauth")):
        csrf.exempt(blueprint)
        app.register_blueprint(blueprint, url_prefix=prefix or blueprint.url_prefix)
    app.register_blueprint(backpack_pages.blueprint)
    app.add_url_rule(f"{dialect.base}/oauth/authorize", "authorize", backpack_pages.authorize, methods=["GET", "POST"])
    app.jinja_env.globals.update(word=backpack_pages.word, day=backpack_pages.day, language=backpack_pages.language)
    app.before_request(_inject_fault)
    app.after_request(_guard)
    app.register_error_handler(CSRFError, _form_too_old)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _inject_fault() -> Response | None:
    fault = backpack_oauth.store().take_fault(request.path)
    if fault is None:
        return None
    if fault.html:
        response = Response("<!doctype html><title>Maintenance</title><p>Back soon.", fault.status)
    else:
        response = backpack_api.status_info(fault.status, "The host was asked to fail")
    if fault.retry_after is not None:
        response.headers["Retry-After"] = fault.retry_after
    return response


def _guard(response: AnyResponse) -> AnyResponse:
    """Headers every answer carries unless it set its own."""
    response.headers.setdefault("Content-Security-Policy", backpack_pages.content_policy())
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = backpack_pages.language()
        response.headers["Vary"] = "Accept-Language, Cookie"
    return response


def _form_too_old(_error: CSRFError) -> tuple[str, int]:
    return render_template("backpack/message.html", title="form_old", lead="form_old_lead"), 400


def _http_error(error: HTTPException) -> AnyResponse | tuple[str, int]:
    status = error.code or 500
    if request.path.startswith(dialect_here().base):
        return backpack_api.status_info(status, error.name)
    if status == 404:
        return render_template("backpack/message.html", title="not_found", lead="not_found_lead"), 404
    return error.get_response()
