"""The browser without a screen: forms, links, cookies and redirects, against a real server."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from lti_tool.demo.browser import JourneyError, Visitor
from lti_tool.demo.journey import wait_for

PAGE = """
<a href="/elsewhere?a=1&amp;b=2">Elsewhere</a>
<form action="/search"><input name="q" value="fish"><button>Go</button></form>
<form method="POST" action="/claim" enctype="multipart/form-data">
  <input type="hidden" name="csrf" value="t&lt;k"><input type="checkbox" name="show" value="yes">
  <input type="checkbox" name="kept" value="on" checked><textarea name="note">Hello
there</textarea><input type="file" name="picture">
  <select name="colour"><option value="blue">b</option><option value="red" selected>r</option></select>
  <select name="size"><option value="small">s</option><option value="large">l</option></select>
  <button name="decision" value="allow">Allow</button><input type="submit" name="decision" value="deny">
</form>
"""


class Site:
    """Remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], dict[str, str], str]] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        sent = request.args.to_dict() | request.form.to_dict()
        site = request.headers.get("Sec-Fetch-Site", "")
        self.asked.append((request.method, request.path, sent, dict(request.cookies), site))
        if request.path == "/page":
            response = Response(PAGE, mimetype="text/html")
            response.set_cookie("__Host-launch", "s", secure=True, path="/")
        elif request.path.startswith("/step"):
            number = int(request.path[5:])
            target = "/courses/1" if number == 3 else f"/step{number + 1}"
            response = Response(f'<form method="post" action="{target}"></form>', mimetype="text/html")
        else:
            response = Response(f"<p>{request.path}</p>", mimetype="text/html")
        return response(environ, start_response)


@pytest.fixture
def site(live: Callable[[Any], str]) -> tuple[Site, str]:
    """A site and its address."""
    site = Site()
    return site, live(site)


@pytest.fixture
def visitor(site: tuple[Site, str]) -> Visitor:
    """A visitor on the page."""
    visitor = Visitor()
    visitor.open(f"{site[1]}/page")
    return visitor


def test_a_form_is_sent_as_a_browser_would(site: tuple[Site, str], visitor: Visitor) -> None:
    form = visitor.form("/claim")
    assert form.fields == {"csrf": "t<k", "kept": "on", "note": "Hello\nthere", "colour": "red", "size": "small"}
    assert form.choices == {"show": ["yes"]}
    assert form.buttons == [("decision", "allow"), ("decision", "deny")]
    visitor.post(form, decision="allow", note="Bye")
    method, path, sent, cookies, fetch_site = site[0].asked[-1]
    assert (method, path, fetch_site, cookies) == ("POST", "/claim", "same-origin", {"__Host-launch": "s"})
    assert sent == {**form.fields, "decision": "allow", "note": "Bye"}


def test_a_form_may_ask(site: tuple[Site, str], visitor: Visitor) -> None:
    visitor.post(visitor.form("/search"))
    assert site[0].asked[-1][:3] == ("GET", "/search", {"q": "fish"})


def test_forms_and_links_are_found_by_what_they_hold(site: tuple[Site, str], visitor: Visitor) -> None:
    assert visitor.form(button="deny") is visitor.form(holding="csrf") is visitor.form(holding="show")
    assert visitor.link("elsewhere") == f"{site[1]}/elsewhere?a=1&b=2"
    for look in (lambda: visitor.form("/nowhere"), lambda: visitor.link("nowhere")):
        with pytest.raises(
            JourneyError, match=r"/page \(200\) has no .* nowhere|/page \(200\) has no form for /nowhere"
        ):
            look()


def test_pages_that_submit_themselves_are_followed_to_their_end(site: tuple[Site, str], visitor: Visitor) -> None:
    visitor.open("/step1")
    visitor.submit_until("/courses/")
    assert visitor.url == f"{site[1]}/courses/1"
    visitor.open("/step1")
    with pytest.raises(JourneyError, match="no end"):
        visitor.submit_until("/courses/", limit=2)


def test_waiting_has_an_end() -> None:
    answers = iter([False, True])
    wait_for("the second answer", lambda: next(answers))
    with pytest.raises(JourneyError, match="for ever"):
        wait_for("for ever", lambda: False, seconds=0.05)
