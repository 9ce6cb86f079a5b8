"""Flask's session as a row: of the launch for pages inside the platform, of the staff user under /admin and /staff.

``flask.session`` and Flask-WTF work unchanged. The secret travels in a cookie or, where the browser keeps none inside
a frame, in the path (``/s/<secret>/…``); nothing but its hash is stored. A row is read only when a page touches its
session, so public pages cost no query, set no cookie and need none.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, g
from flask.sessions import SessionInterface, SessionMixin

from lti_tool.services import sessions
from lti_tool.services.sessions import View
from lti_tool.web.current import services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LAUNCH_COOKIE = "__Host-lti_badges"
STAFF_COOKIE = "__Host-lti_badges_staff"
PATH_SECRET = "lti_badges.path_secret"  # noqa: S105 - a WSGI environment key
CSRF_FIELD = "csrf_token"
_PATH_SESSION = re.compile(r"/s/([A-Za-z0-9_-]{43})(/.*)")
_STAFF_PATH = re.compile(r"/(admin|staff)(/|$)")


class PathSession:
    """WSGI middleware: ``/s/<secret>/rest`` becomes ``/rest`` under the script name ``/s/<secret>``.

    Links, forms and redirects made with ``url_for`` then keep the session without a cookie or a script.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        """Serve one request."""
        match = _PATH_SESSION.fullmatch(environ.get("PATH_INFO", ""))
        if match:
            environ[PATH_SECRET] = match[1]
            environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/s/{match[1]}"
            environ["PATH_INFO"] = match[2]
        return self._app(environ, start_response)


def is_path_session(request: Request) -> bool:
    """Whether the session's secret is in this request's path."""
    return PATH_SECRET in request.environ


def is_for_staff(request: Request) -> bool:
    """Whether this path belongs to staff sessions."""
    return _STAFF_PATH.match(request.path) is not None


Loader = Callable[[], tuple[View, dict[str, Any]] | None]


class StoredSession(SessionMixin):
    """A session row as a mapping of JSON values, read at the first touch; remembers which keys changed.

    Without a row it is empty, and what is put into it is gone after the request. The CSRF token is derived from the
    secret and never stored: tabs that open at the same time agree on it, and a first page writes nothing.
    """

    def __init__(self, load: Loader, csrf_token: str | None) -> None:
        self._load, self._csrf_token = load, csrf_token
        self._view: View | None = None
        self._values: dict[str, Any] | None = None
        self.changed: set[str] = set()
        self.removed: set[str] = set()

    @property
    def view(self) -> View | None:
        """The session's row as pages see it, ended or not; ``None`` without one."""
        self._read()
        return self._view

    @property
    def is_read(self) -> bool:
        """Whether anything touched the session."""
        return self._values is not None

    def _read(self) -> dict[str, Any]:
        if self._values is None:
            found = self._load()
            self._view, self._values = found if found else (None, {})
            if self._view is not None and self._csrf_token is not None:
                self._values[CSRF_FIELD] = self._csrf_token
        return self._values

    def __getitem__(self, key: str) -> Any:
        return self._read()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._read()[key] = value
        self.changed.add(key)
        self.removed.discard(key)

    def __delitem__(self, key: str) -> None:
        del self._read()[key]
        self.removed.add(key)
        self.changed.discard(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    @property
    def modified(self) -> bool:
        """Whether a key was set or deleted; set it to ``True`` after changing a stored list or mapping in place."""
        return bool(self.changed or self.removed)

    @modified.setter
    def modified(self, value: bool) -> None:
        if value:
            self.changed.update(self._read())

    def changes(self) -> dict[str, Any]:
        """What was set, without the CSRF token."""
        return {key: self._read()[key] for key in self.changed if key != CSRF_FIELD}


class SqlSessions(SessionInterface):
    """Opens and keeps ``StoredSession``; which table and which secret follows from the path."""

    def open_session(self, app: Flask, request: Request) -> StoredSession:
        """Return the request's session, not read yet."""
        if is_for_staff(request):
            secret, find = request.cookies.get(STAFF_COOKIE), sessions.find_staff_session
        else:
            secret = request.environ.get(PATH_SECRET) or request.cookies.get(LAUNCH_COOKIE)
            find = sessions.find_launch_session  # type: ignore[assignment]
        if not secret:
            return StoredSession(lambda: None, None)

        def load() -> tuple[View, dict[str, Any]] | None:
            with services().database.read() as database_session:
                found = find(database_session, secret)
            if found is not None and found[0].expires_at <= services().clock():
                return found[0], {}  # an ended session still says who may frame the page that explains it
            return found

        return StoredSession(load, csrf_token_of(secret, str(app.secret_key)))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        """Write what changed, and at most once a minute that the session is in use."""
        if not isinstance(session, StoredSession) or not session.is_read or g.get("session_ended"):
            return
        view, now = session.view, services().clock()
        if view is None or view.expires_at <= now:
            return
        changed, removed = session.changes(), session.removed - {CSRF_FIELD}
        if changed or removed or now - view.seen_at >= sessions.SEEN_EVERY:
            with services().database.write() as database_session:
                sessions.keep(database_session, view, now, changed=changed, removed=removed)


def csrf_token_of(secret: str, key: str) -> str:
    """Return the CSRF token that belongs to a session's secret."""
    return hmac.new(key.encode(), b"csrf:" + secret.encode(), hashlib.sha256).hexdigest()


def set_launch_cookie(response: Response, secret: str) -> None:
    """Give the browser a launch session; partitioned, so that it survives inside the platform's frame."""
    response.set_cookie(LAUNCH_COOKIE, secret, path="/", secure=True, httponly=True, samesite="None", partitioned=True)


def set_staff_cookie(response: Response, secret: str) -> None:
    """Give the browser a staff session; never sent from a frame or with another site's request."""
    response.set_cookie(STAFF_COOKIE, secret, path="/", secure=True, httponly=True, samesite="Lax")


def end_staff_cookie(response: Response) -> None:
    """Take the staff session back."""
    g.session_ended = True
    response.delete_cookie(STAFF_COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
