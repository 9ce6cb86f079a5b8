"""WebKitGTK and Firefox from Debian, driven with the little that one journey needs.

WebKitGTK speaks WebDriver over HTTP through ``WebKitWebDriver`` (package ``webkit2gtk-driver``, whose library brings
MiniBrowser) and needs a display (``xvfb``). ``firefox-esr`` comes without geckodriver; it speaks Marionette, the
protocol beneath WebDriver: JSON over TCP, each message with its length before it.
"""

import base64
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import requests

WAIT = 30.0
MINI_BROWSER = str(next(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser"), "MiniBrowser"))
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Driven(Protocol):
    """A browser with one window."""

    def open(self, url: str) -> None:
        """Go to an address."""

    def into_frame(self, css: str | None) -> None:
        """Work inside a frame of the window's page from now on; ``None``: in the page itself."""

    def run(self, script: str) -> Any:
        """Run the body of a function in the page or frame; returns its value."""

    def picture(self) -> bytes:
        """The window as PNG."""


def until(ask: Callable[[], Any], what: str) -> Any:
    """Ask until the answer is true; browsers answer with errors while a page changes."""
    ends, failure = time.monotonic() + WAIT, ""
    while time.monotonic() < ends:
        try:
            if answer := ask():
                return answer
        except RuntimeError as error:
            failure = str(error)
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {WAIT} seconds; {failure}")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End a process that was started here."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


# -- WebKitGTK --------------------------------------------------------------------------------------------------------


class WebKit:
    """A session of WebKitWebDriver (W3C WebDriver)."""

    def __init__(self, base: str) -> None:
        self._base = base
        options = {"binary": MINI_BROWSER, "args": ["--automation"]}
        wanted = {"alwaysMatch": {"browserName": "MiniBrowser", "webkitgtk:browserOptions": options}}
        self._session = f"/session/{self._ask('post', '/session', capabilities=wanted)['sessionId']}"

    def _ask(self, method: str, path: str, **sent: Any) -> Any:
        answer = requests.request(method, self._base + path, json=sent if method == "post" else None, timeout=WAIT)
        value = answer.json()["value"]
        if answer.status_code != 200:
            raise RuntimeError(f"{value['error']}: {value['message']}")
        return value

    def open(self, url: str) -> None:
        self._ask("post", f"{self._session}/url", url=url)

    def into_frame(self, css: str | None) -> None:
        self._ask("post", f"{self._session}/frame", id=None)
        if css is not None:
            found = self._ask("post", f"{self._session}/element", using="css selector", value=css)
            self._ask("post", f"{self._session}/frame", id=found)

    def run(self, script: str) -> Any:
        return self._ask("post", f"{self._session}/execute/sync", script=script, args=[])

    def picture(self) -> bytes:
        return base64.b64decode(self._ask("get", f"{self._session}/screenshot"))

    def end(self) -> None:
        self._ask("delete", self._session)


@contextmanager
def webkit() -> Iterator[WebKit]:
    """Start WebKitGTK's MiniBrowser on a display of its own, with a profile of its own."""
    with tempfile.TemporaryDirectory(prefix="lb-webkit-", ignore_cleanup_errors=True) as home:
        port, reading, writing = free_port(), *os.pipe()
        screen = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with ended(subprocess.Popen(screen, pass_fds=[writing], **quiet)):  # type: ignore[call-overload]
            os.close(writing)
            with os.fdopen(reading) as number:
                display = f":{number.readline().strip()}"
            environment = os.environ | {
                "DISPLAY": display,
                "HOME": home,
                "XDG_RUNTIME_DIR": home,
                "GDK_BACKEND": "x11",
                "LIBGL_ALWAYS_SOFTWARE": "1",
                "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
                "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
            }
            driver = subprocess.Popen(["WebKitWebDriver", f"--port={port}"], env=environment, **quiet)  # type: ignore[call-overload]
            with ended(driver):
                base = f"http://127.0.0.1:{port}"
                until(lambda: _listens(port), "WebKitWebDriver")
                browser = WebKit(base)
                try:
                    yield browser
                finally:
                    browser.end()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# -- Firefox ----------------------------------------------------------------------------------------------------------


class Firefox:
    """A Marionette session: requests ``[0, id, command, parameters]``, answers ``[1, id, error, value]``."""

    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), WAIT)
        self._stream = self._connection.makefile("rb")
        self._numbers = itertools.count(1)
        self._receive()  # it introduces itself
        self._ask("WebDriver:NewSession", capabilities={"alwaysMatch": {"pageLoadStrategy": "normal"}})

    def _receive(self) -> Any:
        length = b""
        while (one := self._stream.read(1)) != b":":
            if not one:
                raise RuntimeError("Firefox hung up")
            length += one
        return json.loads(self._stream.read(int(length)))

    def _ask(self, command: str, **sent: Any) -> Any:
        number = next(self._numbers)
        message = json.dumps([0, number, command, sent]).encode()
        self._connection.sendall(b"%d:%s" % (len(message), message))
        kind, answered, error, value = self._receive()
        assert (kind, answered) == (1, number)
        if error is not None:
            raise RuntimeError(f"{error['error']}: {error['message']}")
        return value

    def open(self, url: str) -> None:
        self._ask("WebDriver:Navigate", url=url)

    def into_frame(self, css: str | None) -> None:
        self._ask("WebDriver:SwitchToFrame", id=None)
        if css is not None:
            found = self._ask("WebDriver:FindElement", using="css selector", value=css)["value"]
            self._ask("WebDriver:SwitchToFrame", element=found[ELEMENT])

    def run(self, script: str) -> Any:
        return self._ask("WebDriver:ExecuteScript", script=script, args=[])["value"]

    def picture(self) -> bytes:
        return base64.b64decode(self._ask("WebDriver:TakeScreenshot", full=False)["value"])

    def end(self) -> None:
        try:
            self._ask("Marionette:Quit", flags=["eForceQuit"])
        finally:
            self._stream.close()
            self._connection.close()


PREFERENCES = """
user_pref("marionette.port", %d);
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
"""


@contextmanager
def firefox() -> Iterator[Firefox]:
    """Start Firefox without a window, with a new profile: its cookie rules are those a new user has."""
    with tempfile.TemporaryDirectory(prefix="lb-firefox-", ignore_cleanup_errors=True) as home:
        port = free_port()
        Path(home, "user.js").write_text(PREFERENCES % port)
        command = [
            shutil.which("firefox-esr") or "firefox",
            "--headless",
            "--marionette",
            "--no-remote",
            "--profile",
            home,
        ]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with ended(subprocess.Popen(command, env=os.environ | {"HOME": home}, **quiet)):  # type: ignore[call-overload]
            until(lambda: _listens(port), "Firefox")
            browser = Firefox(port)
            try:
                yield browser
            finally:
                browser.end()
