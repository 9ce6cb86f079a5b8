"""What every host of these tests is made of: a threaded server, a log of its calls, and faults to order.

``with BadgrHost() as host:`` serves on a free loopback port inside this process; ``hosts.processes`` serves the same in
a process of its own, where the methods named in ``CONTROL`` are called through ``POST /_control/<name>``.

Faults (constructed): ``host.fail(where, how, count)``; ``where`` is a regular expression searched in ``METHOD /path``.

====================  ==============================================================================================
``die_before``        the connection ends before anything is done
``die_during``        the connection ends in the middle: a batch is stored by half, an answer is sent by half
``die_after``         everything is done and stored, then the connection ends without an answer
``throttle``          429 and ``Retry-After: 1``
``status 503``        this status and nothing done (any number)
``html``              200 with a web page, nothing done
``not_json``          200 with a body that is no JSON, nothing done
``wrong_shape``       200 with ``[]``, nothing done
``slow 2``            the work is done, after so many seconds
====================  ==============================================================================================
"""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it was answered; ``status`` 0: the connection ended instead."""

    method: str
    path: str
    query: str
    status: int
    milliseconds: float
    fault: str | None
    body: str


@dataclass(slots=True)
class Fault:
    """What is to go wrong, and how often still."""

    where: str
    how: str
    count: int
    skip: int = 0


@dataclass(slots=True)
class Refusal(Exception):
    """Ends a request with this answer."""

    response: Response


class ConnectionEnds(Exception):
    """Ends a request without an answer."""


def answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(json.dumps(document), status, headers=headers, content_type="application/json")


class Host:
    """A WSGI application and a context manager; subclasses name their ``RULES`` and ``CONTROL`` methods.

    ``latency``: seconds every answer takes. ``keep_alive``: answer as HTTP/1.1 and keep connections, as real hosts do;
    off inside a test's own process, where every socket has to be closed at the end.
    """

    RULES: tuple[tuple[str, str, str], ...] = ()
    """(methods separated by blanks, path, name of the method that answers)."""
    CONTROL: frozenset[str] = frozenset({"fail", "set_latency", "call_counts", "clear_calls", "clear_faults"})

    def __init__(self, *, latency: float = 0.0, port: int = 0, keep_alive: bool = False) -> None:
        self.latency, self._port, self._keep_alive = latency, port, keep_alive
        self.base_url = ""
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self._now = threading.local()
        self._map = Map(
            [Rule(path, endpoint=name, methods=methods.split()) for methods, path, name in self.RULES],
            strict_slashes=False,
            merge_slashes=False,
        )

    # -- life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        handler = _KeepAliveHandler if self._keep_alive else QuietHandler
        self._server = make_server("127.0.0.1", self._port, self, threaded=True, request_handler=handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def netloc(self) -> str:
        """``127.0.0.1:port``."""
        return urlsplit(self.base_url).netloc

    # -- what a test orders -------------------------------------------------------------------------------------------

    def fail(self, where: str, how: str, count: int = 1, skip: int = 0) -> None:
        """Let the next ``count`` matching requests go wrong, after ``skip`` that go well."""
        with self.lock:
            self.faults.append(Fault(where, how, count, skip))

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        with self.lock:
            self.faults.clear()

    def set_latency(self, seconds: float) -> None:
        """Answer this much later from now on."""
        self.latency = seconds

    def clear_calls(self) -> None:
        """Forget the log."""
        with self.lock:
            self.calls.clear()

    def call_counts(self) -> dict[str, int]:
        """How many requests each ``METHOD /path`` had, ids replaced by ``*``."""
        counts: dict[str, int] = {}
        with self.lock:
            for call in self.calls:
                name = f"{call.method} {self._shape(call.path)}"
                counts[name] = counts.get(name, 0) + 1
        return counts

    def count(self, where: str) -> int:
        """How many requests match."""
        with self.lock:
            return sum(re.search(where, f"{call.method} {call.path}") is not None for call in self.calls)

    def _shape(self, path: str) -> str:
        known = {part for _, rule, _ in self.RULES for part in rule.split("/")}
        return "/".join(part if part in known else "*" for part in path.split("/"))

    # -- requests -----------------------------------------------------------------------------------------------------

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request, began = Request(environ), time.perf_counter()
        body = request.get_data()  # a connection that is kept must be read to the end
        if request.path.startswith("/_control/"):
            return self._control(request, body)(environ, start_response)
        fault = self._take_fault(f"{request.method} {request.path}")
        self._now.dies = fault == "die_during"
        try:
            response = self._answer(request, fault)
        except ConnectionEnds:
            self._note(request, body, 0, began, fault)
            _end(environ)
            raise ConnectionAbortedError("as ordered") from None
        finally:
            self._now.dies = False
        dies_half_way = fault == "die_during"
        self._note(request, body, 0 if dies_half_way else response.status_code, began, fault)
        if dies_half_way:
            return _half_of(response, environ, start_response)
        return response(environ, start_response)

    def half_way(self) -> None:
        """Called in the middle of storing many things: where the host dies if it was ordered to."""
        if getattr(self._now, "dies", False):
            raise ConnectionEnds

    def _answer(self, request: Request, fault: str | None) -> Response:
        kind, _, number = (fault or "").partition(" ")
        if self.latency:
            time.sleep(self.latency)
        if kind == "slow":
            time.sleep(float(number))
        if kind == "die_before":
            raise ConnectionEnds
        if kind in INSTEAD:
            return INSTEAD[kind](number)
        response = self._dispatch(request)
        if kind == "die_after":
            raise ConnectionEnds
        return response

    def _dispatch(self, request: Request) -> Response:
        try:
            name, values = self._map.bind_to_environ(request.environ).match()
            found: Response = getattr(self, name)(request, **values)
        except Refusal as refusal:
            return refusal.response
        except NotFound:
            return self.unknown(request)
        except HTTPException as error:
            return answer({"error": error.name}, error.code or 500)
        return found

    def unknown(self, request: Request) -> Response:
        """Answer for an address nobody has."""
        return answer({"error": "not found"}, 404)

    def _take_fault(self, name: str) -> str | None:
        with self.lock:
            for fault in self.faults:
                if not re.search(fault.where, name):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.count -= 1
                if fault.count <= 0:
                    self.faults.remove(fault)
                return fault.how
        return None

    def _note(self, request: Request, body: bytes, status: int, began: float, fault: str | None) -> None:
        spent = (time.perf_counter() - began) * 1000
        query, text = request.query_string.decode(), body[:2000].decode("utf-8", "replace")
        with self.lock:
            self.calls.append(Call(request.method, request.path, query, status, round(spent, 1), fault, text))

    # -- from another process -----------------------------------------------------------------------------------------

    def _control(self, request: Request, body: bytes) -> Response:
        name = request.path.removeprefix("/_control/")
        if name == "calls":
            return answer([asdict(call) for call in self.calls])
        if name not in Host.CONTROL | self.CONTROL:
            return answer({"error": f"no {name}"}, 404)
        found = getattr(self, name)
        return answer(found(**json.loads(body or b"{}")) if callable(found) else found)


INSTEAD: dict[str, Callable[[str], Response]] = {
    "throttle": lambda _: answer({"error": "throttled"}, 429, {"Retry-After": "1"}),
    "status": lambda number: answer({"error": "ordered"}, int(number)),
    "html": lambda _: Response("<!doctype html><title>Maintenance</title>", content_type="text/html"),
    "not_json": lambda _: Response("{not json", content_type="application/json"),
    "wrong_shape": lambda _: answer([]),
}


def _end(environ: dict[str, Any]) -> None:
    """End the connection under the server's feet."""
    raw = environ.get("werkzeug.socket")
    if raw is not None:
        raw.shutdown(socket.SHUT_RDWR)


def _half_of(response: Response, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """Send headers for the whole body, half of it, and end."""
    body = response.get_data()
    response.headers["Content-Length"] = str(len(body))
    start_response(response.status, list(response.headers))

    def parts() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        _end(environ)
        raise ConnectionAbortedError("as ordered")

    return parts()


class QuietHandler(WSGIRequestHandler):
    """Answers without a line on the terminal for every request."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Keep quiet."""


class _KeepAliveHandler(QuietHandler):
    protocol_version = "HTTP/1.1"


@dataclass
class People:
    """Accounts of a host, by any of their verified addresses."""

    accounts: list["Account"] = field(default_factory=list)

    def find(self, email: str) -> "Account | None":
        """Who this address belongs to."""
        wanted = email.strip().lower()
        return next((one for one in self.accounts if wanted in one.emails), None)


@dataclass
class Account:
    """Somebody who has an account at the host; ``emails`` are verified, the first one is the main one."""

    id: str
    name: str
    password: str
    emails: list[str]
    assertions: dict[str, Any] = field(default_factory=dict)
    """What is in the backpack, by id, oldest first."""
