"""The tools of the launch benchmark, each as a WSGI application, and the browser that launches them.

Requests are handed to the application directly, so no contestant pays for a web server; making requests and signing
id_tokens is not measured.
"""

import re
import uuid
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask, make_response, redirect, request
from werkzeug.test import EnvironBuilder

from bench.platform_host import CLIENT_ID, DEPLOYMENT_ID, ISSUER, Platform
from bench.worker import Batch, Stopwatch

TOOL = "https://badges.example.org"
TARGET = f"{TOOL}/lti/launch"
BATCH = 20
WsgiApp = Callable[..., Iterable[bytes]]
BROWSER = {
    "Origin": ISSUER,
    "Referer": f"{ISSUER}/",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "iframe",
}
AUTHENTICATION_URL = f"{ISSUER}/mod/lti/auth.php"


# -- the browser ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Answer:
    """What the application answered."""

    status: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first header of this name; empty without."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def cookies(self) -> dict[str, str]:
        """The cookies it sets."""
        pairs = (value.partition(";")[0].partition("=") for key, value in self.headers if key.lower() == "set-cookie")
        return {name: value for name, _, value in pairs}


def environ_of(method: str, path: str, form: dict[str, str] | None, cookies: dict[str, str]) -> dict[str, Any]:
    """A browser's request."""
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    builder = EnvironBuilder(path, base_url=TOOL, method=method, data=form, headers={**BROWSER, **cookie})
    try:
        return builder.get_environ()
    finally:
        builder.close()


def call(app: WsgiApp, environ: dict[str, Any]) -> Answer:
    """Let the application answer."""
    answer = Answer()

    def start_response(status: str, headers: list[tuple[str, str]], _raised: object = None) -> Callable[..., object]:
        answer.status, answer.headers = status, tuple(headers)
        return lambda _piece: None

    pieces = app(environ, start_response)
    try:
        answer.body = b"".join(pieces)
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    return answer


def launching(app: WsgiApp, platform: Platform, expected: str, *, goes_on: bool = False) -> Batch:
    """Launches by ``BATCH`` browsers at a time: all logins, then all launches, then (``goes_on``) where those lead.

    ``expected`` is the status that an accepted launch has.
    """

    def requested(watch: Stopwatch, environs: list[dict[str, Any]], status: str) -> list[Answer]:
        with watch:
            answers = [call(app, environ) for environ in environs]
        for answer in answers:
            if not answer.status.startswith(status):
                raise RuntimeError(f"answered {answer.status}: {answer.body[:500]!r}")
        return answers

    def batch(watch: Stopwatch) -> int:
        login = platform.login_form(TARGET)
        begun = requested(watch, [environ_of("POST", "/lti/login", login, {}) for _ in range(BATCH)], "302")
        finished = requested(watch, [_launch(platform, answer) for answer in begun], expected)
        if goes_on:
            entering = [environ_of("GET", _path(answer), None, answer.cookies()) for answer in finished]
            requested(watch, entering, "303")
        return BATCH

    return batch


def _launch(platform: Platform, begun: Answer) -> dict[str, Any]:
    asked = parse_qs(urlsplit(begun.header("location")).query)
    form = {"state": asked["state"][0], "id_token": platform.id_token(asked["nonce"][0], TARGET)}
    return environ_of("POST", "/lti/launch", form, begun.cookies())


def _path(answer: Answer) -> str:
    parts = urlsplit(answer.header("location"))
    return f"{parts.path}?{parts.query}"


# -- the tools --------------------------------------------------------------------------------------------------------


def this_tool(key_path: str, key_set_url: str, data: str, goes_on: str = "") -> Batch:
    """This tool as in production: SQLite file, log, queue, metrics, security headers."""
    from cryptography.fernet import Fernet

    from lti_tool.app import create_app
    from lti_tool.db import upgrade
    from lti_tool.logs import configure_logging
    from lti_tool.lti.registration import add_registration
    from lti_tool.settings import load_settings
    from lti_tool.wiring import build_services

    settings = load_settings(
        {"LTI_BADGES_ENV": "production"},
        database_url=f"sqlite:///{data}/lti-badges.db",
        data_dir=data,
        public_url=TOOL,
        secret_key="a-key-for-one-benchmark-and-nothing-else",
        key_encryption_key=Fernet.generate_key().decode("ascii"),
        allowed_private_hosts="127.0.0.1",
    )
    upgrade(settings.database_url)
    configure_logging(settings.log_level, as_json=True)
    services = build_services(settings)
    with services.database.write() as session:
        add_registration(
            session,
            name="Lakeside",
            issuer=ISSUER,
            client_id=CLIENT_ID,
            auth_login_url=AUTHENTICATION_URL,
            auth_token_url=f"{ISSUER}/mod/lti/token.php",
            key_set_url=key_set_url,
            deployment_ids=[DEPLOYMENT_ID],
            now=datetime.now(UTC),
            settings=settings,
        )
    return launching(create_app(services), Platform(Path(key_path), TOOL), "303", goes_on=bool(goes_on))


def pylti1p3_readme(key_path: str, key_set_url: str) -> Batch:
    """PyLTI1p3 as its README sets up a Flask tool: state in Flask's session cookie, no cache of keys."""
    from pylti1p3.contrib.flask import FlaskMessageLaunch, FlaskOIDCLogin, FlaskRequest
    from pylti1p3.tool_config import ToolConfDict

    # Launch data outgrows what a browser keeps in a cookie; werkzeug says so each time.
    warnings.filterwarnings("ignore", message="The 'session' cookie is too large")
    registration = {
        "default": True,
        "client_id": CLIENT_ID,
        "auth_login_url": AUTHENTICATION_URL,
        "auth_token_url": f"{ISSUER}/mod/lti/token.php",
        "auth_audience": None,
        "key_set_url": key_set_url,
        "key_set": None,
        "deployment_ids": [DEPLOYMENT_ID],
    }
    tool_config = ToolConfDict({ISSUER: [registration]})
    app = _flask("pylti1p3")

    @app.post("/lti/login")
    def login() -> Any:
        asked = FlaskRequest()
        return FlaskOIDCLogin(asked, tool_config).redirect(asked.get_param("target_link_uri"))

    @app.post("/lti/launch")
    def launch() -> Any:
        claims = FlaskMessageLaunch(FlaskRequest(), tool_config).get_launch_data()
        return _page(claims["name"])

    return launching(app, Platform(Path(key_path), TOOL), "200")


def bare_flask(key_path: str, _key_set_url: str) -> Batch:
    """The floor: Flask that reads two forms and answers, without looking at the token."""
    app = _flask("bare")

    @app.post("/lti/login")
    def login() -> Any:
        asked = {"state": uuid.uuid4().hex, "nonce": uuid.uuid4().hex, "login_hint": request.form["login_hint"]}
        return redirect(f"{AUTHENTICATION_URL}?{urlencode(asked)}")

    @app.post("/lti/launch")
    def launch() -> Any:
        parts = re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", request.form["id_token"])
        return _page("a learner" if parts and request.form["state"] else "nobody")

    return launching(app, Platform(Path(key_path), TOOL), "200")


def _flask(name: str) -> Flask:
    app = Flask(name)
    app.secret_key = "a-key-for-one-benchmark-and-nothing-else"
    app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="None")
    return app


def _page(name: str) -> Any:
    return make_response(f"<!doctype html><title>Badges</title><p>Hello, {name}")
