"""What an admin sets up beside LTI, in a real browser: sources of grades, backpacks, issuing platforms.

And where an instructor allows the tool to read Canvas. In English and French, wide and narrow.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from claims import wallets_on
from conftest import served
from hosts.badgr_host import BadgrHost
from looks import Window, both_windows, opened_browser
from mirror_world import REGISTRAR, Mirror
from platforms.canvas_api import CanvasApi
from platforms.moodle_api import FUNCTIONS, MoodleApi
from playwright.sync_api import Browser, Page, expect
from served_tool import Front
from sqlalchemy import select, update

from lti_tool.evidence import canvas_scopes
from lti_tool.lti.claims import MEMBERSHIP
from lti_tool.models import (
    ApiGrant,
    BackpackHost,
    GrantState,
    IssuingPlatform,
    IssuingState,
    LaunchSession,
    MirroredAward,
    MirrorState,
    Registration,
    SourceReading,
    StaffRole,
)
from lti_tool.services import backpacks, staff
from lti_tool.services.secrets import new_secret, secret_hash
from lti_tool.services.sessions import IDLE

Windows = dict[str, Window]
EMAIL = "registrar.of.the.college@lakeside.example"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


class School:
    """The tool at an address, with a course, and both kinds of platform it can read."""

    def __init__(self, mirror: Mirror, base: str, canvas: CanvasApi, moodle: MoodleApi) -> None:
        self.mirror, self.base, self.canvas, self.moodle = mirror, base, canvas, moodle
        self.services, self.course = mirror.wallets.services, mirror.wallets.course
        self.sources = f"{base}/admin/platforms/{self.course.registration_id}/sources"

    def invite(self, language: str) -> str:
        """The address at which an admin joins."""
        with self.services.database.write() as session:
            token = staff.invite(session, f"{language}.{EMAIL}", StaffRole.ADMIN, self.course.now)
        return f"{self.base}/staff/join/{token}"

    def teach(self, language: str) -> str:
        """The address of the tool's pages as an instructor of the course launched them."""
        secret, now, teacher = new_secret(), self.course.now, self.course.person("teacher", is_learner=False)
        with self.services.database.write() as session:
            session.add(
                LaunchSession(
                    secret_hash=secret_hash(secret),
                    user_id=teacher,
                    context_id=self.course.context_id,
                    deployment_id=self.course.deployment_id,
                    roles=[f"{MEMBERSHIP}#Instructor"],
                    is_test_user=False,
                    locale=language,
                    frame_ancestors=[],
                    data={},
                    created_at=now,
                    seen_at=now,
                    expires_at=now + IDLE,
                )
            )
        return f"{self.base}/s/{secret}/courses/{self.course.context_id}"

    def change(self, table: type, **values: object) -> None:
        """Change every row of a table."""
        with self.services.database.write() as session:
            session.execute(update(table).values(**values))


@pytest.fixture(scope="module")
def school(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    path = tmp_path_factory.mktemp("admin") / "lti-badges.db"
    shutil.copyfile(sqlite_template, path)
    front, host = Front(), BadgrHost(throttle_seconds=0)
    with served(front) as url, CanvasApi() as canvas, MoodleApi() as moodle, host:
        base = url.replace("127.0.0.1", "localhost")
        settings = {"public_url": base, "allowed_private_hosts": ("127.0.0.1",)}
        with wallets_on(f"sqlite:///{path}", **settings) as wallets:
            front.app = wallets.app
            canvas.course.now = wallets.course.now
            canvas.redirect_uris = {f"{base}/grants/callback"}
            canvas.key_scopes = frozenset(canvas_scopes.scopes_of(canvas_scopes.PARTS))
            host.add_user(REGISTRAR, "a long secret")
            yield School(Mirror(wallets, host), base, canvas, moodle)


@pytest.fixture
def admins(browser: Browser, school: School) -> Iterator[Windows]:
    """Two admins, signed in."""
    with both_windows(browser, "admin") as windows:
        for language, window in windows.items():
            window.page.goto(school.invite(language))
            window.page.get_by_role("button").click()
            window.page.wait_for_url(f"{school.base}/admin/")
        yield windows


def look(windows: Windows, address: str, name: str, act: Callable[[Page], None] | None = None) -> None:
    """Open a page in both windows, do something there, look at what comes."""
    for window in windows.values():
        window.page.goto(address)
        if act is not None:
            act(window.page)
        window.look(name)


def store_key(school: School) -> Callable[[Page], None]:
    """Fill in Canvas's form."""

    def act(page: Page) -> None:
        fields = {"address": school.canvas.address, "client_id": school.canvas.client_id}
        for name, value in (fields | {"client_secret": school.canvas.client_secret}).items():
            page.locator(f"input[name={name}]").fill(value)
        page.locator("form:has([name=client_id]) button").click()

    return act


def test_canvas_from_nothing_to_refused(school: School, admins: Windows) -> None:
    school.change(Registration, product="canvas")
    page = admins["en"].page
    look(admins, school.sources, "canvas-nothing")
    look(admins, school.sources, "canvas-error", lambda page: page.locator("form:has([name=client_id]) button").click())
    page.goto(school.sources)
    store_key(school)(page)
    look(admins, school.sources, "canvas-stored")
    look(
        admins,
        school.sources,
        "canvas-connect",
        lambda page: page.locator("form[action$='/connect'] button").click(),
    )
    page.locator("a[href*='/grants/go/']").click()
    page.locator(f"a[href$='{school.sources.removeprefix(school.base)}']").wait_for()
    admins["en"].look("canvas-allowed")
    look(admins, school.sources, "canvas-connected", lambda page: page.locator("section .alert-success").wait_for())
    with school.services.database.write() as session:
        read = {"failed_code": "grant_not_allowed", "failed_at": school.course.now}
        session.add(SourceReading(context_id=school.course.context_id, source="canvas", **read))
    school.change(ApiGrant, state=GrantState.NEEDED, error_code="grant_narrowed", tokens=None)
    look(admins, school.sources, "canvas-narrowed", lambda page: page.locator("section .alert-warning").wait_for())


def test_an_instructor_allows_canvas(school: School, browser: Browser) -> None:
    """After the service account's permission was narrowed."""
    with both_windows(browser, "teacher") as windows:
        for language, window in windows.items():
            window.page.goto(f"{school.teach(language)}/grants/canvas")
            window.look("grant")
            window.page.locator("form[action$='/grants/canvas'] button").click()
            window.page.locator("a[target=_blank]").wait_for()
            window.look("grant-open")
            with window.page.context.expect_page() as opening:
                window.page.locator("a[target=_blank]").click()
            allowed = Window(language, opening.value, "teacher")
            allowed.page.locator("h1").wait_for()
            allowed.look("grant-allowed")
            window.page.go_back()
            window.page.reload()
            window.page.locator("form[action$='/end']").first.wait_for()
            window.look("grant-given")
            window.page.locator("form[action$='/end'] button").click()
            window.look("grant-ended")


def test_moodle_with_what_is_wrong_and_connected(school: School, admins: Windows) -> None:
    school.change(Registration, product="moodle", issuer=school.moodle.base_url)

    def enter(token: str, then: str) -> Callable[[Page], None]:
        def act(page: Page) -> None:
            for closed in page.locator("details:not([open]):has([name=token]) > summary").all():
                closed.click()
            page.locator("[name=address]").fill(school.moodle.base_url)
            page.locator("[name=token]").fill(token)
            page.locator("form:has([name=token]) button").click()
            page.locator(then).first.wait_for()

        return act

    wrong = "#token-moodle-1-error"
    look(admins, school.sources, "moodle-nothing")
    look(admins, school.sources, "moodle-refused", enter("wrong", wrong))
    school.moodle.functions = list(FUNCTIONS[:2])
    missing = f"{wrong}:has-text('{FUNCTIONS[2]}')"
    look(admins, school.sources, "moodle-functions", enter(school.moodle.token, missing))
    school.moodle.functions = list(FUNCTIONS)
    look(admins, school.sources, "moodle-connected", enter(school.moodle.token, "section .alert-success"))


def test_backpacks(school: School, admins: Windows) -> None:
    address, now = f"{school.base}/admin/backpacks/", school.course.now
    look(admins, address, "backpacks-none")

    def add(page: Page) -> None:
        page.locator("#name").fill("Satchel")
        page.locator("#address").fill("https://10.0.0.1")
        page.locator("form:has(#address) button").click()
        page.locator("[data-takes-focus]:focus").wait_for()

    look(admins, address, "backpacks-error", add)
    with school.services.database.write() as session:
        backpacks.add_host(session, "https://backpack.of.the.hillside.consortium.example/api/v3", "Hillside", now)
        resting = backpacks.add_host(session, "https://bag.example", "Satchel", now)
        resting.paused_until, resting.failures = now + timedelta(hours=1), 5
        resting.error_code = "backpack_unavailable"
        retired: BackpackHost = backpacks.add_host(session, "https://old.example", "Old bag", now)
        retired.is_offered = False
    look(admins, address, "backpacks")


def test_issuing_platforms(school: School, admins: Windows) -> None:
    address, mirror = f"{school.base}/admin/issuing/", school.mirror
    look(admins, address, "issuing-none")

    def sign_in(page: Page, password: str = "wrong") -> None:
        for name, value in {"name": "Badgr", "address": mirror.host.base_url, "email": REGISTRAR}.items():
            page.locator(f"#{name}").fill(value)
        page.locator("#password").fill(password)
        page.locator("form:has(#address) button").click()

    look(admins, address, "issuing-error", sign_in)
    page = admins["en"].page
    page.goto(address)
    sign_in(page, "a long secret")
    expect(page.locator("article")).to_have_count(1)
    with school.services.database.read() as session:
        mirror.platform_id = session.scalars(select(IssuingPlatform.id)).one()
    made = mirror.award(5)
    mirror.run()
    mirror.revoke(made[0])
    mirror.run()
    look(admins, address, "issuing-active")
    with school.services.database.write() as session:
        last = session.scalars(select(MirroredAward).order_by(MirroredAward.id.desc()).limit(1)).one()
        last.state, last.error_code = MirrorState.FAILED, "issuing_recipient_refused"
    school.change(IssuingPlatform, state=IssuingState.REFUSED, error_code="issuing_account_refused")
    look(admins, address, "issuing-refused")
