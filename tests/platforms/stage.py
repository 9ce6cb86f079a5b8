"""A platform's pages for real browsers, with the tool in a frame, and everything that can be wrong about cookies.

``with stage_on(live, database_url) as stage:`` serves a school (``journeys``) whose authorisation endpoint is a page of
the stage: it answers a login with a form that sends itself. ``stage.course(storage="delays")`` is the address of a
course page that launches the tool at once; ``storage`` says how its platform storage behaves (``BEHAVIOURS``).

Ground: constructed. The frame of its own for storage (``post_message_forwarding``) and the names of the messages follow
LTI Platform Storage 1.0 and Canvas' documents as of 2026; what the misbehaving ones do is made up.
"""

import html
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from platforms.journeys import School, school_on
from sqlalchemy import select
from werkzeug.wrappers import Request, Response

from lti_tool.models import LaunchSession, PendingLaunch, Registration

FRAME = "post_message_forwarding"
BEHAVIOURS = ("answers", "ignores", "delays", "wrong origin", "wrong message_id", "wrong value", "error", "forgets")

STORAGE_SCRIPT = """
const behaviour = %(behaviour)s, kept = {};
window.heard = [];
window.addEventListener("message", (event) => {
  const asked = event.data;
  if (!asked || !["lti.put_data", "lti.get_data"].includes(asked.subject)) return;
  window.heard.push({origin: event.origin, ...asked});
  const isGet = asked.subject === "lti.get_data";
  if (!isGet) kept[asked.key] = asked.value;
  const {key, message_id} = asked;
  const answer = {subject: asked.subject + ".response", message_id, key, value: kept[key]};
  if (behaviour === "ignores") return;
  if (isGet && behaviour === "wrong message_id") answer.message_id += "x";
  if (isGet && behaviour === "wrong value") answer.value = "guessed";
  if (isGet && behaviour === "forgets") answer.value = null;
  if (isGet && behaviour === "error") answer.error = {code: "storage_exhaustion", message: "no"};
  if (isGet && behaviour === "wrong origin") {
    top.frames.impostor.postMessage(answer, "*");
    return;
  }
  setTimeout(() => event.source.postMessage(answer, event.origin), isGet && behaviour === "delays" ? 1600 : 0);
});
"""
IMPOSTOR = """<!doctype html><title>Impostor</title><script>
addEventListener("message", (event) => top.frames.tool.postMessage(event.data, "*"));
</script>"""


@dataclass
class Weather:
    """Stands before the tool and does to cookies what browsers and proxies do; remembers what came."""

    app: Any = None
    loses: Callable[[str], bool] = lambda path: False
    """Paths whose requests lose their cookies."""
    knows_partitioned: bool = True
    """Without it the attribute is dropped, as a browser does that never heard of it: the cookie is an ordinary one."""
    seen: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    """Path and names of the cookies of every request under ``/lti``, after the weather."""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if self.loses(path):
            environ.pop("HTTP_COOKIE", None)
        if path.startswith("/lti/"):
            self.seen.append((path, frozenset(Request(environ).cookies)))

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [(name, self._through(name, value)) for name, value in headers], *more)

        answer: Iterable[bytes] = self.app(environ, start)
        return answer

    def _through(self, name: str, value: str) -> str:
        if name.lower() == "set-cookie" and not self.knows_partitioned:
            return value.replace("; Partitioned", "")
        return value

    def count(self, path: str) -> int:
        """How many requests a path had."""
        return sum(one == path for one, _ in self.seen)


class Pages:
    """The platform's pages: a course with the tool in a frame, its storage, and its authorisation endpoint."""

    def __init__(self) -> None:
        self.school: School | None = None
        self.impostor_url = ""
        self.persona = "learner"

    @Request.application
    def __call__(self, request: Request) -> Response:
        pages = {"/course": self._course, "/storage": self._storage, "/auth": self._auth}
        if request.path not in pages:
            return Response(status=404)
        return Response(pages[request.path](request), mimetype="text/html")

    def _course(self, request: Request) -> str:
        assert self.school is not None
        behaviour, target = request.args["storage"], request.args["target"]
        fields = self.school.platform.login_form(self.persona) | {"lti_storage_target": target}
        if behaviour == "absent":
            del fields["lti_storage_target"]
        script = STORAGE_SCRIPT % {"behaviour": json.dumps(behaviour)} if target == "_parent" else ""
        storage = f'<iframe name="{FRAME}" title="Storage" src="/storage?{urlencode({"storage": behaviour})}"></iframe>'
        return (
            "<!doctype html><html lang=en><title>Course</title><style>"
            "iframe[name=tool] {width: 100%; height: 900px; border: 0}"
            "iframe:not([name=tool]) {display: none}</style><h1 hidden>Course</h1>"
            f"<script>{script}</script>"
            f'<iframe name="impostor" title="Impostor" src="{self.impostor_url}"></iframe>'
            f"{storage if target == FRAME else ''}"
            '<iframe name="tool" title="Badges"></iframe>'
            f'<form id=launch action="{self.school.url}/lti/login" target="tool">{_hidden(fields)}'
            "<button>Launch</button></form>"
            '<script>addEventListener("load", () => document.getElementById("launch").submit())</script>'
        )

    def _storage(self, request: Request) -> str:
        script = STORAGE_SCRIPT % {"behaviour": json.dumps(request.args["storage"])}
        return f"<!doctype html><title>Storage</title><script>{script}</script>"

    def _auth(self, request: Request) -> str:
        assert self.school is not None
        fields = self.school.platform.launch_form(self.persona, request.args["state"], request.args["nonce"])
        return (
            "<!doctype html><html lang=en><title>Signing in</title>"
            f'<form id=answer method=post action="{request.args["redirect_uri"]}">{_hidden(fields)}'
            "<button>Go on</button></form><script>document.getElementById('answer').submit()</script>"
        )


def _hidden(fields: dict[str, str]) -> str:
    return "".join(
        f'<input type=hidden name="{html.escape(name)}" value="{html.escape(value)}">' for name, value in fields.items()
    )


@dataclass
class Stage:
    """What a browser test holds in its hands."""

    url: str
    school: School
    weather: Weather

    def course(self, *, storage: str = "absent", target: str = FRAME) -> str:
        """Return the address of a course page that launches the tool in its frame."""
        return f"{self.url}/course?{urlencode({'storage': storage, 'target': target})}"

    @property
    def sessions(self) -> int:
        """How many sessions launches opened."""
        return self.school.count(LaunchSession)[0]

    @property
    def waiting(self) -> list[PendingLaunch]:
        """The launches that wait or waited for proof, in order."""
        with self.school.services.database.read() as session:
            return list(session.scalars(select(PendingLaunch).order_by(PendingLaunch.id)))


@contextmanager
def stage_on(live: Callable[[Any], str], database_url: str) -> Iterator[Stage]:
    """Serve the platform's pages and the tool; cookies and frames are of two sites."""
    pages = Pages()
    url = live(pages)
    with school_on(live, database_url) as school:
        pages.school = school
        pages.impostor_url = live(Response(IMPOSTOR, mimetype="text/html"))
        with school.services.database.write() as session:
            session.scalars(select(Registration)).one().auth_login_url = f"{url}/auth"
        weather = Weather(school.new_instance())
        school.door.open(itertools.repeat((0, weather)))  # type: ignore[arg-type]
        yield Stage(url, school, weather)
