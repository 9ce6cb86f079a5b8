"""A learning platform's course page for real browsers: the tool in its frame, and where activities are added.

``with course_pages_on(live, database_url) as front:`` serves a school (``journeys``); ``front.course("teacher", "fr")``
is the address of the course page of a person who reads French. Every link of its menu opens in the frame: the tool,
``Add an activity`` (deep linking, for staff), and each activity that was added.

Ground: constructed.
"""

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from platforms.journeys import School, school_on
from platforms.names import LTI
from sqlalchemy import select
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from lti_tool.models import Registration

STYLE = """
body { margin: 0; font: 16px sans-serif }
nav { display: flex; flex-wrap: wrap; gap: 8px 16px; padding: 8px }
iframe { display: block; width: 100%; height: calc(100vh - 80px); border: 0 }
"""
STAFF = {"teacher"}


class CoursePages:
    """The pages, as a WSGI application."""

    def __init__(self) -> None:
        self.school: School | None = None

    @Request.application
    def __call__(self, request: Request) -> Response:
        pages = {"/course": self._course, "/launch": self._launch, "/auth": self._auth}
        return pages[request.path](request) if request.path in pages else Response(status=404)

    def _course(self, request: Request) -> Response:
        """The course, with a menu; the frame is empty until something is opened."""
        assert self.school is not None
        person = request.args.to_dict()
        entries = [("Badges", "tool")]
        entries += [("Add an activity", "add")] if person["who"] in STAFF else []
        entries += [(link.title, link.link_id) for link in self.school.platform.links]
        menu = "".join(
            f'<a href="{html.escape(address)}" target="tool">{html.escape(title)}</a>'
            for title, address in ((title, f"/launch?{urlencode(person | {'what': what})}") for title, what in entries)
        )
        return _page(
            "Aquaponics 101",
            f"<style>{STYLE}</style><header><nav>{menu}</nav></header>"
            '<main><iframe name="tool" title="Activity"></iframe></main>',
        )

    def _launch(self, request: Request) -> Response:
        """A form that begins the login and sends itself."""
        assert self.school is not None
        platform, what, language = self.school.platform, request.args["what"], request.args["language"]
        message: dict[str, Any] = {}
        if what == "add":
            message = platform.deep_linking()
        elif what != "tool":
            message = platform.resource_link(next(one for one in platform.links if one.link_id == what))
        presentation = {"document_target": "iframe", "locale": language}
        message |= {"locale": language, LTI + "launch_presentation": presentation}
        fields = platform.login_form(request.args["who"], message=message)
        inputs = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in fields.items()
        )
        return _page(
            "Opening",
            f'<form method="post" action="{self.school.url}/lti/login">{inputs}</form>'
            "<script>document.forms[0].submit()</script>",
        )

    def _auth(self, request: Request) -> Response:
        """The address the tool knows; the platform itself answers."""
        assert self.school is not None
        return redirect(f"{self.school.platform.base_url}/auth?{request.query_string.decode()}")


def _page(title: str, body: str) -> Response:
    head = f'<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>{title}</title>'
    return Response(head + body, mimetype="text/html")


@dataclass
class Front:
    """What a browser test holds in its hands."""

    url: str
    school: School

    def course(self, who: str, language: str) -> str:
        """Return the address of somebody's course page."""
        return f"{self.url}/course?{urlencode({'who': who, 'language': language})}"


@contextmanager
def course_pages_on(live: Callable[[Any], str], database_url: str) -> Iterator[Front]:
    """Serve the platform's pages and the tool; the two are different sites."""
    pages = CoursePages()
    url = live(pages)
    with school_on(live, database_url) as school:
        pages.school = school
        school.platform.storage_target = None  # cookies of the frame's own partition are enough here
        with school.services.database.write() as session:
            session.scalars(select(Registration)).one().auth_login_url = f"{url}/auth"
        yield Front(url, school)
