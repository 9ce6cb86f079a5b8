"""The tool on platforms that nobody here wrote: Open edX's LTI consumer and the package ``lti1p3platform``.

Launch, roster, gradebook and deep linking, each judged by their code; the tool, its database and HTTP are real.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from shutil import copyfile
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from conftest import served
from platforms.journeys import Browser
from platforms.peers.openedx import OpenEdx
from platforms.peers.package_site import DATA, PackageSite
from sqlalchemy import select

from lti_tool.app import create_app
from lti_tool.lti.advantage import ActivityProgress, GradingProgress, NewLineItem, Score
from lti_tool.lti.registration import add_registration
from lti_tool.models import Context, LaunchSession, Registration, User
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services

Foreign = OpenEdx | PackageSite
NAMES = {"lti-consumer-xblock": "Lea Loach", "lti1p3platform": "Ada Okafor"}
"""Who ``learner`` is there."""


class Visit:
    """One foreign platform, and the tool that is registered with it."""

    def __init__(self, platform: Foreign, services: Services, url: str) -> None:
        self.platform, self.services, self.url = platform, services, url

    def launch(self, persona: str, kind: str = "") -> Browser:
        """Launch from the platform's own address; returns the browser on the tool's first page."""
        browser = Browser()
        browser.open(self.platform.start(persona, kind) if kind else self.platform.start(persona))
        browser.submit_until("/courses/")
        assert browser.status == 200, browser.text[-500:]
        return browser

    def known(self) -> tuple[Registration, Context]:
        """The registration, and the course that was launched from."""
        with self.services.database.read() as session:
            return session.scalars(select(Registration)).one(), session.scalars(select(Context)).one()

    def learner(self) -> User:
        """The learner, as the tool knows them from a launch."""
        with self.services.database.read() as session:
            last = select(LaunchSession).order_by(LaunchSession.id.desc()).limit(1)
            return session.get_one(User, session.scalars(last).one().user_id)


@pytest.fixture(scope="module", params=[OpenEdx, PackageSite], ids=["openedx", "lti1p3platform"])
def visit(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """The tool at an address of another site, and the platform, which learns that address when it starts."""
    database = tmp_path_factory.mktemp("foreign") / "lti-badges.db"
    copyfile(sqlite_template, database)
    tool: list[Any] = []
    with served(lambda environ, start_response: tool[0](environ, start_response)) as address:
        url = address.replace("127.0.0.1", "localhost")
        settings = load_settings({"LTI_BADGES_ENV": "test"}, database_url=f"sqlite:///{database}", public_url=url)
        services = build_services(settings)
        tool.append(create_app(services))
        with request.param(url) as platform:
            values = platform.registration()
            deployment_id = values.pop("deployment_id")
            with services.database.write() as session:
                add_registration(
                    session, **values, deployment_ids=(deployment_id,), now=datetime.now(UTC), settings=settings
                )
            yield Visit(platform, services, url)
        services.database.engine.dispose()


def test_launches(visit: Visit) -> None:
    teacher = visit.launch("teacher")
    assert "/skills" in " ".join(teacher.links)
    learner = visit.launch("learner")
    assert "/mine" in learner.url
    assert visit.learner().name == NAMES[visit.platform.name]
    context = visit.known()[1]
    assert context.line_items_url
    assert context.memberships_url


def test_the_roster(visit: Visit) -> None:
    visit.launch("learner")
    learner = visit.learner()
    members = [one for page in visit.services.advantage.iter_members(*visit.known()) for one in page]
    found = {one.platform_user_id: one for one in members}
    assert found[learner.platform_user_id].name == NAMES[visit.platform.name]
    assert len(found) == len(members) >= 2


def test_the_gradebook(visit: Visit) -> None:
    visit.launch("teacher")
    visit.launch("learner")
    learner, advantage = visit.learner(), visit.services.advantage
    known = visit.known()
    new = NewLineItem(label="Safe Lab", score_maximum=Decimal(20), resource_id="safe-lab", tag="foreign")
    made = advantage.create_line_item(*known, new)
    listed = [one for page in advantage.iter_line_items(*known) for one in page]
    assert [one.url for one in listed if one.resource_id == "safe-lab"] == [made.url]
    assert advantage.find_or_create_line_item(*known, new).url == made.url
    score = Score(
        platform_user_id=learner.platform_user_id,
        timestamp=datetime.now(UTC),
        activity_progress=ActivityProgress.COMPLETED,
        grading_progress=GradingProgress.FULLY_GRADED,
        score_given=Decimal("17.5"),
        score_maximum=Decimal(20),
        comment="Careful work",
    )
    advantage.post_score(*known, made.url, score)
    results = [one for page in advantage.iter_results(*known, made.url) for one in page]
    assert [(one.platform_user_id, one.score, one.maximum) for one in results] == [
        (learner.platform_user_id, Decimal("17.5"), Decimal(20))
    ]
    kept = visit.platform.kept()
    assert {"safe-lab"} <= {one["resource_id"] for one in kept["line_items"]}
    assert (learner.platform_user_id, 17.5) in [(one["user_id"], float(one["score_given"])) for one in kept["scores"]]


def choose_checkpoint(visit: Visit, title: str) -> dict[str, Any]:
    """Put a new checkpoint into the course, from the platform's request to its own page; returns what it decoded."""
    browser = visit.launch("teacher", "deep-linking")
    assert browser.url.endswith("/content")
    form = browser.form("/content", holding="title")
    browser.send(form, choose="new", title=title, instructions="Walk", due_at="2036-12-24T12:00", do="place")
    answer = browser.form(holding="JWT")
    sent = jwt.decode(answer.fields["JWT"], options={"verify_signature": False})
    browser.post(answer)
    assert browser.status == 200, browser.text
    assert f"localhost:{urlsplit(visit.url).port}" not in browser.url
    return sent


def test_content_is_chosen_and_launched(visit: Visit) -> None:
    """Last of all, for what is chosen here changes where Open edX's launches lead."""
    sent = choose_checkpoint(visit, "Safe Lab walk")
    (content,) = visit.platform.kept()["content"]
    assert content["content_type"] == "ltiResourceLink"
    item = content["attributes"]
    assert item["title"] == "Safe Lab walk"
    assert item["url"].startswith(f"{visit.url}/checkpoints/")
    assert item["url"].endswith(item["custom"]["checkpoint"])
    assert item["lineItem"]["scoreMaximum"] == 10
    assert item["lineItem"]["resourceId"] == item["custom"]["checkpoint"]
    assert item["submission"]["endDateTime"].startswith("2036-12-24T12:00")
    if isinstance(visit.platform, PackageSite):
        assert sent["https://purl.imsglobal.org/spec/lti-dl/claim/data"] == DATA
        return
    learner = visit.launch("learner")
    assert "/checkpoints/" in learner.url
    assert "<h1>Safe Lab walk</h1>" in learner.text


def test_a_forged_answer_is_refused(visit: Visit) -> None:
    """What this tool signs is checked there: another signature does not pass."""
    browser = visit.launch("teacher", "deep-linking")
    browser.send(browser.form("/content", holding="title"), choose="home", do="place")
    answer = browser.form(holding="JWT")
    head, claims, signature = answer.fields["JWT"].split(".")
    before = visit.platform.kept()["content"]
    forged = ".".join((head, claims, signature[:-8] + "AAAAAAAA"))
    browser.post(answer, JWT=forged)
    assert browser.status == 403
    assert visit.platform.kept()["content"] == before
