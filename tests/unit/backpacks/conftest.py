"""Real servers on loopback: the demo backpack, and hosts that misbehave."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from lti_tool.backpacks.base import AuthorizationRequest, ClientRegistration, HostDescription, Tokens
from lti_tool.backpacks.ob3_api import OpenBadgesApi
from lti_tool.demo.backpack import create_backpack
from lti_tool.demo.backpack_store import BackpackStore
from lti_tool.outbound import HttpClient

TOOL = "http://localhost:8000"
REDIRECT_URI = f"{TOOL}/backpacks/callback"


class QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        pass


Serve = Callable[[Callable[[str], Flask]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers: ``serve(build)`` calls ``build(base_url)`` for the app and returns the base URL."""
    started = []

    def start(build: Callable[[str], Flask]) -> str:
        server = make_server("127.0.0.1", 0, Flask("placeholder"), threaded=True, request_handler=QuietHandler)
        base_url = f"http://127.0.0.1:{server.port}"
        server.app = build(base_url)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        started.append((server, thread))
        return base_url

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


class Browser:
    """A learner's browser, as far as a connection needs one."""

    def __init__(self, name: str = "Ada Lovelace", email: str = "ada@example.org") -> None:
        self.session = requests.Session()
        self.name, self.email = name, email

    def decide(self, url: str, decision: str = "allow") -> dict[str, str]:
        """Sign in, press the button, and return what the tool's callback would receive."""
        page = self.session.get(url)
        if "/sign-in" in page.url:
            form = {"csrf_token": self._csrf(page.text), "name": self.name, "email": self.email}
            page = self.session.post(page.url, data=form)
        form = {"csrf_token": self._csrf(page.text), "decision": decision}
        answer = self.session.post(page.url, data=form, allow_redirects=False)
        location = urljoin(page.url, answer.headers["Location"])
        assert location.startswith(REDIRECT_URI), location
        return dict(parse_qsl(urlsplit(location).query))

    @staticmethod
    def _csrf(page: str) -> str:
        return page.split('name="csrf_token" value="')[1].split('"')[0]


@dataclass
class Connection:
    """The demo backpack with this tool registered and one learner connected."""

    url: str
    store: BackpackStore
    host: HostDescription
    client: ClientRegistration
    tokens: Tokens


@dataclass
class Backpack:
    url: str
    store: BackpackStore


@pytest.fixture
def api() -> OpenBadgesApi:
    return OpenBadgesApi(HttpClient(timeout=(2, 5), allowed_private_hosts=["127.0.0.1"]))


@pytest.fixture
def backpack(serve: Serve) -> Backpack:
    built: list[Flask] = []

    def build(base_url: str) -> Flask:
        built.append(create_backpack(base_url))
        return built[0]

    url = serve(build)
    return Backpack(url, built[0].extensions["backpack"])


@pytest.fixture
def browser() -> Iterator[Browser]:
    learner = Browser()
    yield learner
    learner.session.close()


Register = Callable[[HostDescription], ClientRegistration]


@pytest.fixture
def register(api: OpenBadgesApi) -> Register:
    """Register this tool with a host."""
    pages = (f"{TOOL}/logo.png", f"{TOOL}/terms", f"{TOOL}/privacy")
    return lambda host: api.register(host, REDIRECT_URI, "LTI Badges", TOOL, *pages)


@pytest.fixture
def registered(
    api: OpenBadgesApi, backpack: Backpack, register: Register
) -> tuple[HostDescription, ClientRegistration]:
    host = api.discover(backpack.url)
    return host, register(host)


@pytest.fixture
def authorized(
    api: OpenBadgesApi, registered: tuple[HostDescription, ClientRegistration], browser: Browser
) -> tuple[AuthorizationRequest, str]:
    host, client = registered
    request = api.authorization_request(host, client, REDIRECT_URI)
    return request, browser.decide(request.url)["code"]


@pytest.fixture
def connection(
    api: OpenBadgesApi,
    backpack: Backpack,
    registered: tuple[HostDescription, ClientRegistration],
    authorized: tuple[AuthorizationRequest, str],
) -> Connection:
    host, client = registered
    request, code = authorized
    tokens = api.exchange_code(host, client, code, REDIRECT_URI, request.code_verifier)
    return Connection(backpack.url, backpack.store, host, client, tokens)
