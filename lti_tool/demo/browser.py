"""A browser without a screen: follows links and posts forms as a person would, over real HTTP, without scripts."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.cookies import RequestsCookieJar


class JourneyError(Exception):
    """A page was not what the journey expected; the message names the address's path and what was missing."""


@dataclass(slots=True)
class Form:
    """One form of a page: where it goes, its fields with their values, its buttons."""

    action: str
    method: str
    is_multipart: bool = False
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    """Values of unchecked boxes and radio buttons, by name."""
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects forms and links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._form: Form | None = None
        self._area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form":
            multipart = given.get("enctype", "").startswith("multipart")
            self._form = Form(given.get("action", ""), given.get("method", "get").lower(), multipart)
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "button":
            form.buttons.append((name, given.get("value", "")))
        elif tag == "textarea":
            self._area = name
            form.fields[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in form.fields):
            form.fields[self._select] = given.get("value", "")
        elif tag == "input" and name:
            self._input(form, name, given)

    @staticmethod
    def _input(form: Form, name: str, given: dict[str, str]) -> None:
        kind, value = given.get("type", "text"), given.get("value", "")
        if kind in {"checkbox", "radio"} and "checked" not in given:
            form.choices.setdefault(name, []).append(value)
        elif kind == "submit":
            form.buttons.append((name, value))
        elif kind != "file":
            form.fields[name] = value

    def handle_data(self, text: str) -> None:
        if self._form is not None and self._area is not None:
            self._form.fields[self._area] += text

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None


class _LoopbackJar(RequestsCookieJar):
    """Keeps Secure cookies for plain http too, as browsers do for localhost."""

    def set_cookie(self, cookie: Cookie, *args: Any, **options: Any) -> None:
        """Keep a cookie, whatever the scheme."""
        cookie.secure = False
        super().set_cookie(cookie, *args, **options)


class Visitor:
    """One person's browser: cookies, the page that is open, its forms and links."""

    def __init__(self, language: str = "en") -> None:
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.cookies = _LoopbackJar()
        self._http.headers.update({"Accept": "text/html,application/xhtml+xml;q=0.9", "Accept-Language": language})
        self.url = ""
        self.text = ""
        self.status = 0
        self.forms: list[Form] = []
        self.links: list[str] = []

    def open(self, url: str) -> None:
        """Follow a link."""
        self._read(self._http.get(urljoin(self.url, url), timeout=60))

    def post(self, form: Form, **values: str) -> None:
        """Send a form with these values filled in; an unnamed value adds to what the form holds."""
        target = urljoin(self.url, form.action or self.url)
        data = {**form.fields, **values}
        same_origin = urlsplit(target).netloc == urlsplit(self.url).netloc
        headers = {"Sec-Fetch-Site": "same-origin" if same_origin else "cross-site"}
        if form.method == "get":
            self._read(self._http.get(target, params=data, headers=headers, timeout=60))
        elif form.is_multipart:
            files = {name: (None, value) for name, value in data.items()}
            self._read(self._http.post(target, files=files, headers=headers, timeout=60))
        else:
            self._read(self._http.post(target, data=data, headers=headers, timeout=60))

    def form(self, action_part: str = "", *, button: str | None = None, holding: str | None = None) -> Form:
        """Return the first form whose address has ``action_part``, with a button value or a field of these names."""
        for form in self.forms:
            named = action_part in (form.action or self.url)
            pressed = button is None or any(value == button for _, value in form.buttons)
            holds = holding is None or holding in form.fields or holding in form.choices
            if named and pressed and holds:
                return form
        raise JourneyError(
            f"{urlsplit(self.url).path} ({self.status}) has no form for {action_part or button or holding}"
        )

    def link(self, part: str) -> str:
        """Return the first link that has ``part`` in it."""
        for link in self.links:
            if part in link:
                return urljoin(self.url, link)
        raise JourneyError(f"{urlsplit(self.url).path} ({self.status}) has no link with {part}")

    def submit_until(self, path_part: str, *, limit: int = 8) -> None:
        """Post the page's only form again and again, as auto-submitting pages do, until the address has a part."""
        for _ in range(limit):
            if path_part in urlsplit(self.url).path or len(self.forms) != 1:
                return
            self.post(self.forms[0])
        raise JourneyError(f"the way to {path_part} has no end")

    def _read(self, response: requests.Response) -> None:
        self.url, self.text, self.status = response.url, response.text, response.status_code
        reader = _Reader()
        reader.feed(self.text)
        self.forms, self.links = reader.forms, reader.links
