"""The sites of the launch benchmark, each the way it would run in production with one worker, and two assertions.

A site is prepared by a function of its name (``bench/served.py``). PyLTI1p3's and bare Flask's applications are made in
gunicorn's process, from ``BENCH_KEY_SET_URL``.
"""

import json
import os
import re
import sys
import uuid
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from flask import Flask, make_response, redirect, request

from bench.frame import ROOT
from bench.platform_host import CLIENT_ID, DEPLOYMENT_ID, ISSUER, Platform
from bench.served import Site
from bench.worker import Batch, Stopwatch

TOOL = "https://badges.example.org"
TARGET = f"{TOOL}/lti/launch"
AUTHENTICATION_URL = f"{ISSUER}/mod/lti/auth.php"
TOKEN_URL = f"{ISSUER}/mod/lti/token.php"
KEY_SET = "BENCH_KEY_SET_URL"
SECRET = "a-key-for-one-benchmark-and-nothing-else"
PEER = Path(__file__).parent / "ltijs"
ASSERTIONS = 20


# -- this tool --------------------------------------------------------------------------------------------------------


def this_tool(port: int, key_path: str, key_set_url: str, data: str, database_url: str, *more: str) -> Site:
    """This tool as ``lti-badges serve`` starts it, but with one process; ``more`` names a database server's process
    and ``goes on`` as far as the course's first page."""
    from cryptography.fernet import Fernet

    from lti_tool.supervisor import web_command

    environment = {
        "LTI_BADGES_ENV": "production",
        "LTI_BADGES_DATABASE_URL": database_url,
        "LTI_BADGES_DATA_DIR": data,
        "LTI_BADGES_PUBLIC_URL": TOOL,
        "LTI_BADGES_SECRET_KEY": SECRET,
        "LTI_BADGES_KEY_ENCRYPTION_KEY": Fernet.generate_key().decode("ascii"),
        "LTI_BADGES_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
    }
    register(environment, key_set_url)
    command = web_command("127.0.0.1", port)
    command[command.index("--workers") + 1] = "1"
    beside = next((int(one) for one in more if one.isdecimal()), None)
    return Site(command, Platform(Path(key_path), TOOL), TARGET, 303, "goes on" in more, environment, str(ROOT), beside)


def register(environment: Mapping[str, str], key_set_url: str) -> None:
    """Bring the database up to date and add the platform."""
    from lti_tool.db import upgrade
    from lti_tool.lti.registration import add_registration
    from lti_tool.settings import load_settings
    from lti_tool.wiring import build_services

    settings = load_settings(environment)
    upgrade(settings.database_url)
    services = build_services(settings)
    with services.database.write() as session:
        add_registration(
            session,
            name="Lakeside",
            issuer=ISSUER,
            client_id=CLIENT_ID,
            auth_login_url=AUTHENTICATION_URL,
            auth_token_url=TOKEN_URL,
            key_set_url=key_set_url,
            deployment_ids=[DEPLOYMENT_ID],
            now=datetime.now(UTC),
            settings=settings,
        )
    services.database.engine.dispose()


# -- its peers --------------------------------------------------------------------------------------------------------


def pylti1p3_readme(port: int, key_path: str, key_set_url: str) -> Site:
    """PyLTI1p3 as its README sets up a Flask tool: state in Flask's session cookie, no cache of keys."""
    return _gunicorn(port, "pylti1p3_application()", key_path, key_set_url)


def bare_flask(port: int, key_path: str, key_set_url: str) -> Site:
    """The floor: Flask that reads two forms and answers, without looking at the token."""
    return _gunicorn(port, "bare_application()", key_path, key_set_url)


def ltijs(port: int, key_path: str, key_set_url: str, data: str) -> Site:
    """ltijs with ltijs-sequelize and SQLite: its launch ends after the redirect that it makes."""
    given = {
        "port": port,
        "database": f"{data}/ltijs.sqlite",
        "issuer": ISSUER,
        "clientId": CLIENT_ID,
        "authenticationUrl": AUTHENTICATION_URL,
        "tokenUrl": TOKEN_URL,
        "keySetUrl": key_set_url,
    }
    command = ("node", "serve.cjs", json.dumps(given))
    # ltijs takes launches at any address but its own, and the login at /login
    return Site(
        command, Platform(Path(key_path), TOOL), f"{TOOL}/", 302, True, {"NODE_ENV": "production"}, str(PEER),
        login="/login",
    )  # fmt: skip


def has_ltijs() -> bool:
    """Whether the peer's packages were installed and its SQLite was built (``make bench NAME=launch`` does both)."""
    return any(PEER.glob("node_modules/sqlite3/build/Release/*.node"))


def _gunicorn(port: int, application: str, key_path: str, key_set_url: str) -> Site:
    command = (
        sys.executable, "-m", "gunicorn", f"bench.launch_tools:{application}", "--bind", f"127.0.0.1:{port}",
        "--worker-class", "sync", "--workers", "1", "--log-level", "warning",
    )  # fmt: skip
    return Site(command, Platform(Path(key_path), TOOL), TARGET, 200, False, {KEY_SET: key_set_url}, str(ROOT))


def pylti1p3_application() -> Flask:
    """The application of PyLTI1p3's README."""
    from pylti1p3.contrib.flask import FlaskMessageLaunch, FlaskOIDCLogin, FlaskRequest
    from pylti1p3.tool_config import ToolConfDict

    # Launch data outgrows what a browser keeps in a cookie; werkzeug says so each time.
    warnings.filterwarnings("ignore", message="The 'session' cookie is too large")
    registration = {
        "default": True,
        "client_id": CLIENT_ID,
        "auth_login_url": AUTHENTICATION_URL,
        "auth_token_url": TOKEN_URL,
        "auth_audience": None,
        "key_set_url": os.environ[KEY_SET],
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

    return app


def bare_application() -> Flask:
    """Two routes that answer POSTs."""
    app = _flask("bare")

    @app.post("/lti/login")
    def login() -> Any:
        asked = {"state": uuid.uuid4().hex, "nonce": uuid.uuid4().hex, "login_hint": request.form["login_hint"]}
        return redirect(f"{AUTHENTICATION_URL}?{urlencode(asked)}")

    @app.post("/lti/launch")
    def launch() -> Any:
        parts = re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", request.form["id_token"])
        return _page("a learner" if parts and request.form["state"] else "nobody")

    return app


def _flask(name: str) -> Flask:
    app = Flask(name)
    app.secret_key = SECRET
    app.config.update(SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="None")
    return app


def _page(name: str) -> Any:
    return make_response(f"<!doctype html><title>Badges</title><p>Hello, {name}")


# -- client assertions ------------------------------------------------------------------------------------------------


def our_assertions(data: str) -> Batch:
    """What this tool does to sign for an access token: find the active key, sign."""
    from cryptography.fernet import Fernet

    from lti_tool.db import Database, make_engine, upgrade
    from lti_tool.lti.keys import ToolKeys
    from lti_tool.lti.service_tokens import ServiceTokens
    from lti_tool.vault import Vault

    url = f"sqlite:///{data}/keys.db"
    upgrade(url)
    database, vault = Database(make_engine(url)), Vault((Fernet.generate_key().decode("ascii"),))

    def now() -> datetime:
        return datetime.now(UTC)

    keys = ToolKeys(database, vault, now)
    registration: Any = SimpleNamespace(client_id=CLIENT_ID, audience=None, auth_token_url=TOKEN_URL)
    tokens = ServiceTokens.__new__(ServiceTokens)
    tokens._tool_keys, tokens._clock = keys, now
    keys.active()
    return _repeated(lambda: tokens._assertion(registration))


def pylti1p3_assertions(key_path: str) -> Batch:
    """What PyLTI1p3 does for the same: its connector reads the PEM each time. No request is made."""
    from pylti1p3.registration import Registration
    from pylti1p3.service_connector import ServiceConnector

    registration = Registration().set_client_id(CLIENT_ID).set_auth_token_url(TOKEN_URL)
    registration.set_tool_private_key(Path(key_path).read_text(encoding="ascii"))
    answer = SimpleNamespace(ok=True, json=lambda: {"access_token": "x"})
    nobody: Any = SimpleNamespace(post=lambda *_args, **_options: answer)
    return _repeated(lambda: ServiceConnector(registration, nobody).get_access_token(["scope"]))


def _repeated(sign: Any) -> Batch:
    def batch(watch: Stopwatch) -> int:
        with watch:
            for _ in range(ASSERTIONS):
                sign()
        return ASSERTIONS

    return batch
