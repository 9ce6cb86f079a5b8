"""The real tool and the strict platform on loopback, and people who go through both with a browser.

``with school_on(live, database_url, quirks=CANVAS) as school:`` serves them, registered with each other, over one
database. ``school.launch("teacher")`` is a person's browser on the tool's first page, after real forms and redirects;
``school.work()`` does what the worker would do.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from platforms.quirks import STANDARD, Quirks
from platforms.strict import Person, StrictPlatform
from requests.cookies import RequestsCookieJar
from sqlalchemy import func, select

from lti_tool.app import create_app
from lti_tool.demo.browser import Form, JourneyError, Visitor
from lti_tool.jobs.schedule import run_due
from lti_tool.lti.registration import add_registration
from lti_tool.models import Award, EvidenceColumn, LaunchSession, Membership, Observation, Registration, User
from lti_tool.settings import Settings, load_settings
from lti_tool.wiring import Services, build_services

HOME = re.compile(r"/courses/\d+/$")
LEARNED_FROM_LAUNCHES = (User, Membership, LaunchSession)
"""Tables to which a refused launch must add nothing."""


class Watch:
    """The time of day, moved on at will. It begins a day ago, so that others find nothing dated in the future."""

    def __init__(self) -> None:
        self._behind = timedelta(days=1)

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self._behind

    def forward(self, **parts: float) -> None:
        """Move on, ``timedelta``'s way."""
        self._behind -= timedelta(**parts)


class Door:
    """The tool's one address: a load balancer without memory, behind which instances take turns, request by request."""

    def __init__(self) -> None:
        self._turns: Iterator[tuple[int, Flask]] = iter(())
        self.answered: list[tuple[str, int]] = []
        """Path and number of the instance, in order."""

    def open(self, turns: Iterator[tuple[int, Flask]]) -> None:
        """Let these instances, each with its number, answer from now on."""
        self._turns = turns

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        number, instance = next(self._turns)
        self.answered.append((environ["PATH_INFO"], number))
        return instance(environ, start_response)


class Browser(Visitor):
    """A ``Visitor`` that shows headers, and may ask for JSON or refuse cookies whose names begin with ``refusing``."""

    def __init__(self, *, accept: str | None = None, refusing: str | None = None) -> None:
        super().__init__()
        self.headers: dict[str, str] = {}
        self.paths: list[str] = []
        """Path of every page that was shown."""
        if accept:
            self._http.headers["Accept"] = accept
        if refusing:
            self._http.cookies = _PickyJar(refusing)

    @property
    def cookies(self) -> RequestsCookieJar:
        """What this browser keeps."""
        return self._http.cookies

    def send(self, form: Form, **values: str) -> None:
        """Send a form after a look at it: ticks and choices are refused unless the page has them."""
        unknown = set(values) - set(form.fields) - set(form.choices) - {name for name, _ in form.buttons}
        if unknown:
            raise JourneyError(f"the form for {form.action} has no {', '.join(sorted(unknown))}")
        self.post(form, **values)

    def _read(self, response: requests.Response) -> None:
        super()._read(response)
        self.headers = dict(response.headers)
        self.paths.append(urlsplit(response.url).path)


class _PickyJar(RequestsCookieJar):
    """Keeps cookies of plain http, too, except those it refuses."""

    def __init__(self, refused: str) -> None:
        super().__init__()
        self._refused = refused

    def set_cookie(self, cookie: Any, *args: Any, **options: Any) -> None:
        cookie.secure = False
        if not cookie.name.startswith(self._refused):
            super().set_cookie(cookie, *args, **options)


@dataclass
class School:
    """A platform with one course, and the tool that serves it with one or several instances."""

    url: str
    platform: StrictPlatform
    settings: Settings
    watch: Watch
    door: Door
    instances: list[Services] = field(default_factory=list)

    @property
    def services(self) -> Services:
        """The parts of the first instance."""
        return self.instances[0]

    def new_instance(self) -> Flask:
        """Another instance, which shares nothing with the others but the database and the settings."""
        self.instances.append(build_services(self.settings, clock=self.watch))
        return create_app(self.instances[-1])

    def work(self) -> int:
        """Do everything that is due; returns how many tasks there were."""
        return run_due(self.instances[-1])

    # -- people -------------------------------------------------------------------------------------------------------

    def enrol(self, name: str, email: str | None = None, *, roles: Iterable[str] = ("Learner",)) -> Person:
        """Put somebody on the roster whose persona is their name in small letters."""
        people = self.platform.personas
        has_numbers = self.platform.quirks.has_integer_user_ids
        people[name.lower()] = str(100 + len(people)) if has_numbers else f"{name.lower()}-1"
        return self.platform.add_member(people[name.lower()], f"{name} Example", email, roles=roles)

    def knock(self, persona: str, browser: Browser | None = None) -> Browser:
        """Begin a login; returns the browser on the platform's page whose form answers it."""
        browser = browser or Browser()
        form = Form(f"{self.url}/lti/login", "post", fields=self.platform.login_form(persona))
        browser.url = f"{self.platform.base_url}/courses/1"
        browser.post(form)
        onward = [link for link in browser.links if link.startswith(f"{self.platform.base_url}/auth?")]
        if onward:  # the page that leaves the login's secret with the platform; without a script its link goes on
            browser.open(onward[0])
        return browser

    def asked(self) -> tuple[str, str]:
        """Return state and nonce of the last login."""
        query = next(one for one in reversed(self.platform.requests) if one.kind == "auth").query
        return query["state"], query["nonce"]

    def answer(self, browser: Browser, fields: dict[str, str]) -> None:
        """Post the platform's answer to a login, as its page would."""
        browser.post(Form(f"{self.url}/lti/launch", "post", fields=fields))

    def launch(self, persona: str, browser: Browser | None = None) -> Browser:
        """Launch the tool; returns the browser on the tool's first page."""
        browser = self.knock(persona, browser)
        browser.submit_until("/courses/")
        if browser.status != 200:
            raise JourneyError(f"the launch of {persona} ended with {browser.status}: {browser.text[-500:]}")
        return browser

    # -- what is in the database --------------------------------------------------------------------------------------

    def count(self, *tables: Any) -> list[int]:
        """How many rows each table has."""
        with self.services.database.read() as session:
            return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]

    def observations(self) -> int:
        """How many observations were ever added."""
        return self.count(Observation)[0]

    def award(self, persona: str) -> Award | None:
        """Somebody's one award, if there is one."""
        with self.services.database.read() as session:
            platform_id = self.platform.personas[persona]
            found = select(Award).join(User, User.id == Award.user_id).where(User.platform_user_id == platform_id)
            return session.scalars(found).one_or_none()

    def column_id(self, title: str) -> int:
        """The number of a column."""
        with self.services.database.read() as session:
            return session.scalars(select(EvidenceColumn.id).where(EvidenceColumn.title == title)).one()


@contextmanager
def school_on(
    live: Callable[[Any], str],
    database_url: str,
    quirks: Quirks = STANDARD,
    *,
    instances: int = 1,
    names_deployment: bool = True,
    **settings: Any,
) -> Iterator[School]:
    """Serve a platform and the tool, registered with each other."""
    watch, door = Watch(), Door()
    # Another host name than the platform's: another site, so that cookies behave as in life.
    url = live(door).replace("127.0.0.1", "localhost")
    options: dict[str, Any] = {"public_url": url, "instructors_publish": True} | settings
    loaded = load_settings({"LTI_BADGES_ENV": "test"}, database_url=database_url, **options)
    with ExitStack() as stack:
        platform = stack.enter_context(
            StrictPlatform(
                quirks,
                tool_jwks_url=f"{url}/lti/jwks",
                redirect_uris=[f"{url}/lti/launch"],
                clock=lambda: watch().timestamp(),
            )
        )
        school = School(url, platform, loaded, watch, door)
        stack.callback(lambda: [one.database.engine.dispose() for one in school.instances])
        door.open(itertools.cycle(enumerate([school.new_instance() for _ in range(instances)])))
        register(school, names_deployment=names_deployment)
        yield school


def register(school: School, *, names_deployment: bool = True) -> Registration:
    """Register the platform, as its admin does."""
    values = school.platform.registration()
    deployment_id = values.pop("deployment_id")
    deployment_ids = (deployment_id,) if names_deployment else ()
    with school.services.database.write() as session:
        return add_registration(
            session, **values, deployment_ids=deployment_ids, now=school.watch(), settings=school.settings
        )


# -- what an instructor and a learner do on the pages -----------------------------------------------------------------


def go_home(browser: Browser) -> None:
    """Go to the course's first page."""
    browser.open(next(link for link in browser.links if HOME.search(link)))


def add_skill(browser: Browser, statement: str) -> None:
    """Write a skill down."""
    browser.open(browser.link("/skills"))
    browser.send(browser.form("/skills", holding="statement"), statement=statement)


def let_count(browser: Browser, column_id: int, threshold: str) -> None:
    """Let a column count for the course's first skill, from so many percent on."""
    browser.open(browser.link("/evidence"))
    form = browser.form("/evidence")
    key = next(name.removeprefix("counts-") for name in form.choices if name.startswith(f"counts-{column_id}-"))
    browser.send(form, **{f"counts-{key}": "yes", f"threshold-{key}": threshold})


def make_badge(browser: Browser, name: str, description: str, criteria: str) -> None:
    """Make a badge for the first skill, as far as the page that shows who would earn it."""
    go_home(browser)
    browser.open(browser.link("/badges/new"))
    browser.send(browser.form("/badges/new"), name=name, description=description, criteria=criteria, do="save")
    rule = browser.form("/rule", holding="skill")
    browser.send(rule, skill=rule.choices["skill"][0], do="save")
    browser.open(browser.link("/try"))


def publish(browser: Browser) -> None:
    """Publish the badge that is being tried."""
    browser.open(browser.link("/publish"))
    browser.send(browser.form("/publish"))


def look_at_offer(browser: Browser) -> Form:
    """Open the one offer on a learner's first page; returns the form that claims it."""
    browser.open(browser.link("/mine/awards/"))
    return browser.form("/claim")


def claim(browser: Browser, **choices: str) -> str:
    """Claim the one offer on a learner's first page; returns the address of the credential's document."""
    browser.send(look_at_offer(browser), **choices)
    if "/mine/badges/" not in browser.url:
        raise JourneyError(f"the claim ended on {browser.url} ({browser.status})")
    return browser.link(".json")
