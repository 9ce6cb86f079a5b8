"""``python -m bench.institution_host PROFILE``: the sweep's institution, a server of its own; prints its address.

Canvas's API, Moodle's web services, AGS and NRPS, as far as a reading asks for them: pages as those platforms make
them (Canvas 100 entries with bookmarks in ``Link``; AGS and NRPS 50, on Moodle all of a roster at once; Moodle one
person's report a call). Nothing is kept from call to call, so that it costs the same whoever asks. ``/control`` (JSON)
sets ``latency`` (seconds) and ``throttle``, changes grades, and answers what was asked so far.

Throttling is Canvas's: a bucket that holds ``capacity`` units and drains by ``refill`` a second, in which each call
puts its cost; a full one is answered 403 "Rate Limit Exceeded".
"""

import asyncio
import json
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from bench import institution
from bench.institution import SERVICE_ACCOUNT, Course, Gradebook

PAGE = 50
CANVAS_PAGE = 100
FUNCTIONS = ("core_webservice_get_site_info", "gradereport_user_get_grade_items", "core_enrol_get_enrolled_users")
Query = Mapping[str, list[str]]


@dataclass(slots=True)
class Reply:
    """What is answered; ``headers`` are whole lines."""

    body: bytes
    status: str = "200 OK"
    headers: str = ""


@dataclass(slots=True)
class Bucket:
    """Canvas's throttle. ``costs``: units of a call for submissions and of any other."""

    capacity: float
    refill: float
    costs: tuple[float, float]
    level: float = 0.0
    at: float = 0.0

    def take(self, now: float, *, is_large: bool) -> tuple[float, float] | None:
        """Return the call's cost and what is left, ``None`` when the bucket is full."""
        self.level = max(0.0, self.level - (now - self.at) * self.refill)
        self.at = now
        if self.level >= self.capacity:
            return None
        cost = self.costs[0 if is_large else 1]
        self.level += cost
        return cost, self.capacity - self.level


class Institution:
    """Answers requests; ``profile``: ``ags``, ``canvas`` or ``moodle``."""

    def __init__(self, profile: str) -> None:
        self.address = ""
        self.latency = 0.0
        self._profile = profile
        self._book = Gradebook()
        self._bucket: Bucket | None = None
        self._calls = self._refused = self._bytes = 0
        self._changed: tuple[object, list[int]] = (None, [])

    def reply(self, method: str, target: str, body: bytes) -> Reply:
        """Answer one request."""
        parts = urlsplit(target)
        if parts.path == "/control":
            return Reply(json.dumps(self._control(json.loads(body or b"{}"))).encode())
        self._calls += 1
        try:
            found = self._found(method, parts.path, parse_qs(parts.query), target, body)
        except (ValueError, KeyError, IndexError) as error:
            found = Reply(repr(error).encode(), "404 Not Found")
        self._bytes += len(found.body)
        return found

    def _control(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self.latency = wanted.get("latency", self.latency)
        if "throttle" in wanted:
            self._bucket = wanted["throttle"] and Bucket(**wanted["throttle"])
        for name, learner, column, score in wanted.get("change", ()):
            self._book.change(Course.named(name), learner, column, score, datetime.now(UTC))
            self._changed = (None, [])
        return {"calls": self._calls, "refused": self._refused, "bytes": self._bytes}

    def _found(self, method: str, path: str, query: Query, target: str, body: bytes) -> Reply:
        steps = path.strip("/").split("/")
        if steps[0] == "lti":
            return self._lti(Course.named(steps[1]), steps[2:], query, target)
        if steps[0] == "api":
            return self._throttled(steps[-1] == "submissions", lambda: self._canvas(steps[2:], query, target))
        if steps[0] == "webservice" and method == "POST":
            return Reply(self._moodle({key: one[0] for key, one in parse_qs(body.decode()).items()}).encode())
        raise KeyError(path)

    # -- LTI ----------------------------------------------------------------------------------------------------------

    def _lti(self, course: Course, steps: list[str], query: Query, target: str) -> Reply:
        page = int(query["page"][0]) if "page" in query else 1
        if steps == ["memberships"]:
            size = course.learners if self._profile == "moodle" else PAGE
            rows, link = self._page(course.learners, page, size, target)
            members = ",".join(institution.member(course, one, self._profile) for one in rows)
            text = f'{{"id":"{self.address}{target}","context":{{"id":"{course.name}"}},"members":[{members}]}}'
            return Reply(text.encode(), headers=link)
        if steps == ["lineitems"]:
            rows, link = self._page(course.columns, page, PAGE, target)
            items = (institution.line_item(course, one, self.address) for one in rows)
            return Reply(_listed(items), headers=link)
        column = int(steps[1])
        rows, link = self._page(course.learners, page, PAGE, target)
        results = (
            institution.result(course, one, column, self._book.work(course, one, column), self.address) for one in rows
        )
        return Reply(_listed(results), headers=link)

    def _page(self, total: int, page: int, size: int, target: str) -> tuple[range, str]:
        """Return which entries are on a page, and the ``Link`` line."""
        rows = range((page - 1) * size, min(page * size, total))
        if page * size >= total:
            return rows, ""
        return rows, f'Link: <{self.address}{_with_page(target, str(page + 1))}>; rel="next"\r\n'

    # -- Canvas -------------------------------------------------------------------------------------------------------

    def _throttled(self, is_large: bool, answer: Callable[[], Reply]) -> Reply:
        if self._bucket is None:
            return answer()
        taken = self._bucket.take(time.monotonic(), is_large=is_large)
        if taken is None:
            self._refused += 1
            words = b"403 Forbidden (Rate Limit Exceeded)\n"
            return Reply(words, "403 Forbidden", "X-Rate-Limit-Remaining: 0.0\r\n")
        found = answer()
        found.headers += f"X-Request-Cost: {taken[0]}\r\nX-Rate-Limit-Remaining: {taken[1]}\r\n"
        return found

    def _canvas(self, steps: list[str], query: Query, target: str) -> Reply:
        course = Course.named(steps[1])
        part = "/".join(steps[2:])
        if not part:
            return Reply(f'{{"id":{course.name},"name":"Aquaponics","grading_standard_id":null}}'.encode())
        if part == "grading_standards" or query.get("type[]") == ["StudentViewEnrollment"]:
            return Reply(b"[]")
        after = int(urlsafe_b64decode(query["page"][0].partition(":")[2])) if "page" in query else 0
        if part == "assignments":
            return self._bookmarked(
                range(course.columns), after, target, lambda one: institution.assignment(course, one)
            )
        if part == "enrollments":
            return self._bookmarked(
                range(course.learners), after, target, lambda one: institution.enrollment(course, one)
            )
        if part != "students/submissions":
            raise KeyError(part)
        return self._bookmarked(self._asked(course, query), after, target, lambda one: self._submission(course, one))

    def _asked(self, course: Course, query: Query) -> Sequence[int]:
        """The places of the submissions asked for: all, or those that changed since."""
        for name in ("graded_since", "submitted_since"):
            if name in query:
                key = (course, name, query[name][0])
                if self._changed[0] != key:
                    graded = name == "graded_since"
                    self._changed = (key, self._book.changed_since(course, query[name][0], graded=graded))
                return self._changed[1]
        return range(course.learners * course.columns)

    def _submission(self, course: Course, place: int) -> str:
        learner, column = divmod(place, course.columns)
        return institution.submission(course, learner, column, self._book.work(course, learner, column))

    def _bookmarked(self, places: Sequence[int], after: int, target: str, entry: Callable[[int], str]) -> Reply:
        rows = places[after : after + CANVAS_PAGE]
        link = ""
        if after + CANVAS_PAGE < len(places):
            mark = "bookmark:" + urlsafe_b64encode(str(after + CANVAS_PAGE).encode()).decode()
            here, following = f"{self.address}{target}", f"{self.address}{_with_page(target, mark)}"
            link = f'Link: <{here}>; rel="current",<{following}>; rel="next"\r\n'
        return Reply(_listed(map(entry, rows)), headers=link)

    # -- Moodle -------------------------------------------------------------------------------------------------------

    def _moodle(self, form: dict[str, str]) -> str:
        if form["wsfunction"] == FUNCTIONS[0]:
            listed = ",".join(f'{{"name":"{name}","version":"2024100706"}}' for name in FUNCTIONS)
            return (
                f'{{"sitename":"Lakeside","siteurl":"{self.address}","username":"badges","userid":{SERVICE_ACCOUNT},'
                f'"release":"4.5.6 (Build: 20250811)","functions":[{listed}]}}'
            )
        course = Course.named(form["courseid"])
        if form["wsfunction"] == FUNCTIONS[2]:
            options = {form[f"options[{one}][name]"]: form[f"options[{one}][value]"] for one in range(4)}
            first = int(options["limitfrom"])
            rows = range(first, min(first + int(options["limitnumber"]), course.learners))
            return _listed(f'{{"id":{course.user(one)}}}' for one in rows).decode()
        asked = int(form["userid"])
        learners = range(course.learners) if asked == 0 else [asked]
        reports = (
            institution.report(course, user, self._works(course, user))
            for user in (map(course.user, learners) if asked == 0 else learners)
        )
        return '{"usergrades":' + _listed(reports).decode() + ',"warnings":[]}'

    def _works(self, course: Course, user: int) -> list[institution.Work]:
        if user == SERVICE_ACCOUNT:
            return [institution.Work("unsubmitted", None, None)] * course.columns
        learner = course.learner(user)
        return [self._book.work(course, learner, column) for column in range(course.columns)]


def _listed(entries: Iterable[str]) -> bytes:
    return ("[" + ",".join(entries) + "]").encode()


def _with_page(target: str, page: str) -> str:
    """The same address with another page, everything else unchanged."""
    path, _, query = target.partition("?")
    kept = [one for one in query.split("&") if one and not one.startswith("page=")]
    return f"{path}?{'&'.join([*kept, f'page={quote(page)}'])}"


class Connection(asyncio.Protocol):
    """One connection, kept open; requests come one after the other."""

    def __init__(self, served: Institution) -> None:
        self._served = served
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode("latin-1").split("\r\n")
        length = next((int(one[15:]) for one in lines if one[:15].lower() == "content-length:"), 0)
        if len(rest) < length:
            return
        self._received = rest[length:]
        method, target, _ = lines[0].split(" ")
        if self._served.latency and target != "/control":
            loop = asyncio.get_running_loop()
            loop.call_later(self._served.latency, self._answer, method, target, rest[:length])
        else:
            self._answer(method, target, rest[:length])

    def _answer(self, method: str, target: str, body: bytes) -> None:
        reply = self._served.reply(method, target, body)
        head = (
            f"HTTP/1.1 {reply.status}\r\nContent-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(reply.body)}\r\n{reply.headers}\r\n"
        )
        if self._transport is not None:
            self._transport.write(head.encode("latin-1") + reply.body)


async def serve(profile: str) -> None:
    """Serve until standard input ends."""
    served = Institution(profile)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(served), "127.0.0.1", 0)
    served.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(served.address, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
