"""The pages of installing in a real browser: the platform's frame and the admin's pages, wide and narrow."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Live
from platforms.quirks import CANVAS
from platforms.registration_mishaps import Mishap
from platforms.strict import StrictPlatform
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select
from web_world import START, World, make_world

from lti_tool.lti.tool_configuration import SCOPES
from lti_tool.models import Deployment, Registration
from lti_tool.services import platform_invites, registrations

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
SIZES = {"wide": (1280, 900), "narrow": (320, 740)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(params=["wide-light", "narrow-dark"])
def look_of(request: pytest.FixtureRequest) -> str:
    """Size and scheme of the window."""
    return str(request.param)


@pytest.fixture
def page(browser: Browser, look_of: str) -> Iterator[Page]:
    """A page that must not complain on its console."""
    size, scheme = look_of.split("-")
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert [one for one in complaints if "the server responded with a status of" not in one] == []


@pytest.fixture
def tool(live: Live, migrated_sqlite_url: str) -> Iterator[tuple[World, str]]:
    """The tool, and its address."""
    door: list[World] = []
    base = live(lambda environ, start: door[0].app(environ, start)).replace("127.0.0.1", "localhost")
    world = make_world(migrated_sqlite_url, public_url=base)
    door.append(world)
    yield world, base
    world.services.database.engine.dispose()


def check(page: Page, name: str, look_of: str) -> None:
    """The page at hand must be accessible and fit."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder, f"{name}-{look_of}.png"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.locator("h1").count() == 1


# -- in the platform ------------------------------------------------------------------------------------------------


def test_registering_in_the_platforms_frame(tool: tuple[World, str], page: Page, look_of: str) -> None:
    """Another site's page frames it: no cookie is needed, the button works, and Close tells the platform."""
    world, base = tool
    with world.services.database.write() as session:
        token = platform_invites.invite_platform(session, "Hillside", product="canvas", actor="cli", now=START)
    link = f"{base}/lti/register?invite={token}"
    page.goto(link)
    check(page, "link", look_of)
    page.goto(f"{base}/lti/register?invite=nobody")
    check(page, "invite-unknown", look_of)
    with StrictPlatform(CANVAS, clock=lambda: world.now[0].timestamp()) as platform:
        platform.scopes_removed_by_admin = {SCOPES["score"]}
        platform.configuration_mishap = Mishap.HTML
        page.goto(platform.registration_address(link))
        check(page, "failed", look_of)
        platform.configuration_mishap = None
        page.goto(platform.registration_address(link))
        check(page, "settings", look_of)

        frame = f'<iframe title="Tool" style="width: 100%; height: 700px" src="{platform.registration_address(link)}">'
        listen = "<script>heard = []; addEventListener('message', event => heard.push(event.data.subject))</script>"
        page.goto(f"{platform.base_url}/no-such-page")
        page.set_content(f"<!doctype html><title>LMS</title>{listen}{frame}</iframe>".replace("&", "&amp;"))
        inside = page.frame_locator("iframe")
        inside.get_by_label("E-mail addresses").uncheck()
        inside.get_by_role("button", name="Register").click()
        inside.get_by_role("heading", name="“Hillside” is registered").wait_for()
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(folder, f"framed-{look_of}.png"))
        assert "Write grades into its own columns" in inside.get_by_role("main").inner_text()
        inside.get_by_role("button", name="Close").click()
        page.wait_for_function("heard.includes('org.imsglobal.lti.close')")
        assert page.context.cookies() == []
        (tool_claim,) = (one["https://purl.imsglobal.org/spec/lti-tool-configuration"] for one in sent(platform))
        assert tool_claim["claims"] == ["iss", "sub", "name", "given_name", "family_name"]

        link = renewal_link(world, base)
        page.goto(platform.registration_address(link))
        page.get_by_role("button", name="Register").click()
        page.get_by_role("heading", name="“Hillside” is up to date").wait_for()
        check(page, "done", look_of)
        assert page.get_by_role("button", name="Close").count() == 0, "nobody to tell"


def sent(platform: StrictPlatform) -> list[dict[str, Any]]:
    """What tools registered with."""
    return [platform.client().document]


def renewal_link(world: World, base: str) -> str:
    with world.services.database.write() as session:
        token = platform_invites.invite_platform(
            session, "Hillside", product=None, renews=True, actor="cli", now=world.now[0]
        )
    return f"{base}/lti/register?invite={token}"


# -- here -------------------------------------------------------------------------------------------------------------


def test_the_admins_pages(tool: tuple[World, str], page: Page, look_of: str) -> None:
    world, base = tool
    page.goto(f"{base}/staff/join/{world.invite()}")
    page.get_by_role("button").click()
    page.wait_for_url(f"{base}/admin/")
    page.get_by_role("link", name="Connect a learning platform").click()
    check(page, "new", look_of)
    page.get_by_label("Moodle").check()
    page.get_by_role("button", name="Make the link").click()
    page.locator("[data-takes-focus]:focus").wait_for()
    check(page, "new-error", look_of)
    page.get_by_label("Name").fill("Hillside Moodle with a rather long name that has to be broken somewhere")
    page.get_by_role("button", name="Make the link").click()
    page.get_by_role("heading", name="The link for Hillside Moodle").wait_for()
    check(page, "made", look_of)
    page.get_by_role("button", name="Copy the link").wait_for()

    page.goto(f"{base}/admin/platforms/manual?product=brightspace")
    page.get_by_label("Name").fill("Hillside")
    page.get_by_role("button", name="Register").click()
    check(page, "manual", look_of)

    fill(world)
    page.goto(f"{base}/admin/")
    check(page, "home", look_of)
    page.get_by_role("link", name="Lakeside", exact=True).click()
    check(page, "platform", look_of)
    page.get_by_role("button", name="Test the connection").click()
    page.get_by_role("heading", name="The test, just now").wait_for()
    check(page, "tested", look_of)
    page.get_by_role("link", name="Switch off").click()
    check(page, "switch", look_of)
    page.get_by_role("link", name="Leave it as it is").click()
    page.get_by_role("link", name="Keys of this tool").click()
    check(page, "keys", look_of)
    page.goto(f"{base}/admin/platforms/2/adopt")
    check(page, "adopt", look_of)
    page.get_by_role("link", name="Look at it first").click()
    check(page, "adopt-preview", look_of)
    page.get_by_role("button", name="Take over").click()
    page.get_by_text("took over from “Lakeside”").wait_for()


def fill(world: World) -> None:
    """A platform in trouble, and one that was registered anew with it."""
    world.add_deployment("123:a-long-deployment-identifier-of-a-platform-that-likes-them-0123456789")
    world.open(sub="ada")
    with world.services.database.write() as session:
        lakeside = session.get_one(Registration, 1)
        lakeside.product, lakeside.auth_token_url = "moodle", "http://127.0.0.1:9/token"
        lakeside.scopes, lakeside.details = [SCOPES["lineitem"]], {"version": "4.5", "messages": {}}
        for name in ("key_set_url", "auth_login_url"):
            setattr(lakeside, name, "http://127.0.0.1:9/x")
        registrations.note_launch(session, 1, 75, START)
        registrations.note_token(session, 1, [SCOPES["lineitem"]], START)
        registrations.add_by_hand(
            session,
            actor="cli",
            now=START,
            settings=world.services.settings,
            name="Lakeside anew",
            issuer="https://lms.example",
            client_id="client-2",
            auth_login_url="https://lms.example/auth",
            auth_token_url="https://lms.example/token",
            key_set_url="https://lms.example/jwks",
            deployment_ids=["2"],
        )
    with world.services.database.write() as session:
        made = session.scalars(select(Deployment).where(Deployment.deployment_id == "2")).one()
        row_id, organization_id = made.id, made.organization_id
    world.open(registration_id=2, deployment_row_id=row_id, organization_id=organization_id, sub="ada")
    world.later(minutes=4)
    with world.services.database.write() as session:
        registrations.note_failure(session, 1, "token_refused", world.now[0])
