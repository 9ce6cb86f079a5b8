"""A platform with many small courses, in a process of its own: rosters and gradebooks over HTTP, page by page.

Constructed: paging, addresses and documents are the standards' (NRPS 2.0, AGS 2.0), tokens are given to whoever asks.
What a course holds follows from its number and the edition of the gradebook, so that a test knows it without asking.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
PER_PAGE = 2


@dataclass(frozen=True, slots=True)
class CourseBook:
    """One course: its learners, and their score in each column; ``None`` is listed and not graded."""

    learners: tuple[str, ...]
    columns: tuple[dict[str, int | None], ...]


def course_book(number: int, edition: int) -> CourseBook:
    """The course as it is in an edition; from one to the next a tenth of the scores change, and a few appear."""
    chance = random.Random(number)
    learners = tuple(f"learner-{number}-{one}" for one in range(chance.randint(2, 4)))
    columns = []
    for column in range(chance.randint(1, 2)):
        scores: dict[str, int | None] = {}
        for learner in learners:
            first = random.Random(f"{number}/{column}/{learner}").choice([None, -1, *range(100)])
            for later in range(1, edition + 1):
                change = random.Random(f"{number}/{column}/{learner}/{later}")
                if change.random() < 0.1:
                    first = change.randint(0, 100)
            if first != -1:
                scores[learner] = first
        columns.append(scores)
    return CourseBook(learners, tuple(columns))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    edition = 0
    victim: tuple[int, int, float] | None = None
    """Process id, pages that it still gets, seconds that it still lives then."""
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/edition":
            type(self).edition += 1
        if self.path == "/kill":
            type(self).victim = tuple(json.loads(sent))
        token = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600, "scope": ""}
        self._answer(token)

    def do_GET(self) -> None:
        self._strike()
        parts = urlsplit(self.path)
        _, _, number, service, *rest = parts.path.split("/")
        book = course_book(int(number), self.edition)
        if service == "members":
            rows: list[object] = [{"user_id": one, "roles": [LEARNER]} for one in book.learners]
        elif not rest:
            rows = [
                {"id": self._url(f"/courses/{number}/items/{one}"), "label": f"Work {one}", "scoreMaximum": 100}
                for one in range(len(book.columns))
            ]
        else:
            scores = book.columns[int(rest[0])].items()
            rows = [
                {"id": f"r-{one}", "userId": one, "resultMaximum": 100}
                | ({} if score is None else {"resultScore": score})
                for one, score in scores
            ]
        at = int(parse_qs(parts.query).get("at", ["0"])[0])
        more = at + PER_PAGE < len(rows)
        link = f'<{self._url(f"{parts.path}?at={at + PER_PAGE}")}>; rel="next"' if more else None
        page = rows[at : at + PER_PAGE]
        self._answer({"members": page} if service == "members" else page, link)

    def _strike(self) -> None:
        """Let the victim die a little after its last page: while it stores it, or while it waits for the next."""
        if self.victim is None:
            return
        process, pages, seconds = self.victim
        type(self).victim = (process, pages - 1, seconds)
        if pages == 1:
            threading.Timer(seconds, os.kill, (process, signal.SIGKILL)).start()

    def _url(self, path: str) -> str:
        return f"http://{self.headers['Host']}{path}"

    def _answer(self, document: object, link: str | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if link is not None:
            self.send_header("Link", link)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: who asked was killed."""


@contextmanager
def served() -> Iterator[str]:
    """The platform in a process of its own; yields its address."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def next_edition(address: str) -> None:
    """Let the grades change."""
    _tell(address, "edition", b"")


def kill_after(address: str, process: int, pages: int, seconds: float) -> None:
    """Let a process die so long after it was given so many pages."""
    _tell(address, "kill", json.dumps([process, pages, seconds]).encode())


def _tell(address: str, what: str, body: bytes) -> None:
    with urlopen(Request(f"{address}/{what}", data=body, method="POST"), timeout=10) as answer:
        answer.read()


if __name__ == "__main__":
    server = _Server(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
