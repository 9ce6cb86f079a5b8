"""A badge checkpoint from deep linking to a badge, on strict platforms: placed, opened, handed in, assessed, earned.

Everything happens over HTTP: the platform checks each answer, score and line item to the letter.
"""

import html
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from platforms.journeys import Browser, School, add_skill, make_badge, publish, school_on
from platforms.quirks import CANVAS, MOODLE, PROFILES, STANDARD
from sqlalchemy import select

from lti_tool.demo.browser import Form
from lti_tool.domain.evidence import EvidenceState
from lti_tool.domain.lifecycle import AwardState
from lti_tool.models import Checkpoint, EvidenceColumn, Fact, Observation, ResourceLink, ScorePost, ScoreState, User

SKILL = "Keep the fish healthy"
JOURNEYS = [pytest.param(PROFILES[name], id=name) for name in ("standard", "canvas", "moodle")]


def enter(school: School, persona: str, message: dict[str, Any], path: str) -> Browser:
    """Somebody launches a message and ends on the page whose path has ``path``."""
    browser = knock(school, persona, message)
    assert browser.status == 200, browser.text[-800:]
    assert path in browser.url
    return browser


def knock(school: School, persona: str, message: dict[str, Any]) -> Browser:
    """Somebody launches a message; returns their browser where that ended."""
    browser = Browser()
    browser.url = f"{school.platform.base_url}/courses/1"
    login = Form(f"{school.url}/lti/login", "post", fields=school.platform.login_form(persona, message=message))
    browser.post(login)
    for link in browser.links:  # the page that leaves the login's secret with the platform
        if link.startswith(f"{school.platform.base_url}/auth?"):
            browser.open(link)
            break
    browser.submit_until("/courses/")
    return browser


def draft(browser: Browser, title: str, **values: str) -> None:
    """Describe a checkpoint and keep it for later."""
    form = browser.form("/content")
    form.fields.pop("choose", None)
    browser.post(form, title=title, do="more", **values)
    assert browser.status == 200
    assert html.escape(title) in browser.text


def skill_of(browser: Browser) -> str:
    """The value of the course's first skill in the form."""
    return browser.text.split('name="item_id"')[1].split('<option value="')[2].split('"')[0]


def place_two(school: School) -> list[Any]:
    """Put an evidence submission and a check-off into the course; returns the platform's links."""
    teacher = enter(school, "teacher", school.platform.deep_linking(), "/content")
    draft(teacher, "Fish <health> check", kind="evidence", item_id=skill_of(teacher), threshold="70", maximum="20")
    draft(teacher, "Tank visit", kind="check_off", maximum="1", instructions="Show us the tank.")
    form = teacher.form("/content")
    assert "Tank visit" in teacher.text
    form.fields.pop("choose", None)
    fields = [(key, value) for key, value in form.fields.items()] + [("choose", "draft-0"), ("choose", "draft-1")]
    answer = post_fields(teacher, form, [*fields, ("do", "place")])
    back = answer.form("/deep_links/")
    assert list(back.fields) == ["JWT"]
    assert f"form-action 'self' {school.platform.base_url}" in answer.headers["Content-Security-Policy"]
    answer.post(back)
    last = school.platform.answers[-1]
    assert last.problems == []
    assert [link.title for link in school.platform.links] == ["Fish <health> check", "Tank visit"]
    return list(school.platform.links)


def post_fields(browser: Browser, form: Form, fields: list[tuple[str, str]]) -> Browser:
    """Send a form in which a name comes more than once."""
    action = urljoin(browser.url, form.action)
    answer = browser._http.post(action, data=fields, headers={"Sec-Fetch-Site": "same-origin"}, timeout=60)
    browser._read(answer)
    return browser


def posts(school: School, title: str) -> list[ScorePost]:
    """Every score of a checkpoint, oldest first."""
    with school.services.database.read() as session:
        found = select(ScorePost).join(Checkpoint, Checkpoint.id == ScorePost.checkpoint_id)
        return list(session.scalars(found.where(Checkpoint.title == title).order_by(ScorePost.id)))


def held(school: School, column_title: str, persona: str) -> EvidenceState | None:
    """What is known about somebody's work in a column."""
    with school.services.database.read() as session:
        found = (
            select(Observation.state)
            .join(Fact, Fact.observation_id == Observation.id)
            .join(EvidenceColumn, EvidenceColumn.id == Fact.column_id)
            .join(User, User.id == Fact.user_id)
            .where(EvidenceColumn.title == column_title, EvidenceColumn.source == "ags")
            .where(User.platform_user_id == school.platform.personas[persona])
        )
        return session.scalars(found).one_or_none()


@pytest.mark.parametrize("quirks", JOURNEYS)
def test_a_checkpoint_is_placed_handed_in_assessed_and_earns_the_badge(quirks, live, migrated_sqlite_url) -> None:
    with school_on(live, migrated_sqlite_url, quirks) as school:
        school.enrol("Ada", "ada@school.example")
        school.enrol("Ben")
        teacher = school.launch("teacher")
        add_skill(teacher, SKILL)
        fish, tank = place_two(school)
        school.watch.forward(minutes=3)
        school.work()
        teacher = school.launch("teacher", teacher)
        school.work()
        teacher.open(teacher.link("/checkpoints"))
        assert teacher.text.count('data-state="not_placed"') == 2, "nobody launched a link yet"
        teacher = school.launch("teacher")
        make_badge(teacher, "Fish Keeper", "Keeps fish healthy.", "A fish health check, good to 70 percent.")
        publish(teacher)
        expected = EvidenceState.NOT_OPENED if quirks.results_need_scores else None
        assert held(school, "Fish <health> check", "ada") is expected
        assert held(school, "Fish <health> check", "ben") is expected

        ada = enter(school, "ada", school.platform.resource_link(fish), "/checkpoints/")
        assert "Fish &lt;health&gt; check" in ada.text
        school.work()
        (opening,) = posts(school, "Fish <health> check")
        assert (opening.state, opening.activity_progress, opening.score_given) == (ScoreState.SENT, "Initialized", None)
        user_id = school.platform.personas["ada"]
        assert fish.column.scores.get(user_id) is None

        ada.send(ada.form("/checkpoints/", holding="text"), text="pH 7 <b>fine</b>", link="https://files.example/a?b=1")
        assert "Handed in" in ada.text
        school.work()
        assert [one.activity_progress for one in posts(school, "Fish <health> check")] == ["Initialized", "Submitted"]

        grader = enter(school, "teacher", school.platform.resource_link(fish), "/learners")
        grader.open(grader.link("/learners/"))
        assert "pH 7 &lt;b&gt;fine&lt;/b&gt;" in grader.text
        grader.send(grader.form("/learners/", holding="score"), score="14", comment="Good & careful", do="save")
        assert "Saved" in grader.text
        school.work()
        assert fish.column.scores[user_id] == Decimal(14)
        sent = posts(school, "Fish <health> check")
        assert [one.state for one in sent] == [ScoreState.SENT] * 3
        assert sorted(one.timestamp for one in sent) == [one.timestamp for one in sent]

        school.watch.forward(minutes=5)
        ada = school.launch("ada", ada)
        school.work()
        award = school.award("ada")
        assert award is not None
        assert award.state is AwardState.OFFERED
        assert school.award("ben") is None
        ada = enter(school, "ada", school.platform.resource_link(fish), "/checkpoints/")
        assert "14 of 20 points" in ada.text
        assert "Good &amp; careful" in ada.text
        assert len(posts(school, "Fish <health> check")) == 3, "opening it again says nothing new"

        ticked_off(school, tank)


def ticked_off(school: School, tank: Any) -> None:
    """Two learners at once, after a look at who it would be."""
    grader = enter(school, "teacher", school.platform.resource_link(tank), "/learners")
    form = grader.form("/ticks")
    numbers = form.choices["learner"]
    chosen = numbers[:2]
    fields = [("csrf_token", form.fields["csrf_token"]), *(("learner", one) for one in chosen)]
    post_fields(grader, form, [*fields, ("do", "preview")])
    assert "Tick 2 learners off" in grader.text
    assert not [score for score in tank.column.scores.values() if score is not None], "nothing happens by looking"
    form = grader.form("/ticks")
    post_fields(grader, form, [*fields, ("do", "save")])
    assert "2 learners are ticked off" in grader.text
    school.work()
    assert sorted(score for score in tank.column.scores.values() if score is not None) == [Decimal(1), Decimal(1)]


def test_prior_learning_is_assessed_by_two_and_earns_the_badge(live, migrated_sqlite_url) -> None:
    with school_on(live, migrated_sqlite_url, STANDARD) as school:
        school.enrol("Ada", "ada@school.example")
        school.enrol("Noa", roles=("Instructor",))
        teacher = school.launch("teacher")
        add_skill(teacher, SKILL)
        teacher = enter(school, "teacher", school.platform.deep_linking(), "/content")
        form, skill = teacher.form("/content"), skill_of(teacher)
        form.fields["choose"] = "new"
        rubric = "Depth: none = 0; full = 6\nRecords: no = 0; yes = 4"
        teacher.post(form, title="Earlier work", kind="recognition", item_id=skill, threshold="70", rubric=rubric,
                     assessors_needed="2", do="place")  # fmt: skip
        teacher.post(teacher.form("/deep_links/"))
        assert school.platform.answers[-1].problems == []
        (link,) = school.platform.links
        assert link.column.maximum == Decimal(10)
        school.watch.forward(minutes=3)
        school.work()
        school.launch("teacher")
        school.work()
        teacher = school.launch("teacher")
        make_badge(teacher, "Fish Keeper", "Keeps fish healthy.", "Proof of earlier work.")
        publish(teacher)

        ada = enter(school, "ada", school.platform.resource_link(link), "/checkpoints/")
        assert "How it is assessed" in ada.text
        ada.send(ada.form("/checkpoints/", holding="text"), text="Ten years with trout.")
        school.work()

        def assess(persona: str, depth: str, comment: str) -> str:
            grader = enter(school, persona, school.platform.resource_link(link), "/learners")
            grader.open(next(one for one in grader.links if "/learners/" in one and "Ada" in page_of(grader, one)))
            form = grader.form("/learners/", holding="mark-0")
            grader.post(form, **{"mark-0": depth, "mark-1": "1", "comment": comment, "do": "save"})
            school.work()
            return str(grader.text)

        given = link.column.scores
        assert "It counts once somebody else has assessed it" in assess("teacher", "1", "Convincing")
        assert given.get(school.platform.personas["ada"]) is None
        assert "do not agree" in assess("noa", "0", "Too thin")
        school.work()
        assert school.award("ada") is None
        assert given.get(school.platform.personas["ada"]) is None, "nothing is passed back before it is settled"
        assert "The learning platform is told now" in assess("noa", "1", "I was persuaded")
        assert given[school.platform.personas["ada"]] == Decimal(10)
        award = school.award("ada")
        assert award is not None
        assert award.state is AwardState.OFFERED


def page_of(browser: Browser, link: str) -> str:
    """What stands behind a link of a page."""
    return browser.text.split(urlsplit(link).path, 1)[-1][:200]


def test_a_review_opens_the_work_that_is_meant(live, migrated_sqlite_url) -> None:
    with school_on(live, migrated_sqlite_url, STANDARD) as school:
        school.enrol("Ada")
        school.enrol("Ben")
        teacher = school.launch("teacher")
        add_skill(teacher, SKILL)
        school.work()
        fish, _ = place_two(school)
        ada = enter(school, "ada", school.platform.resource_link(fish), "/checkpoints/")
        ada.send(ada.form("/checkpoints/", holding="text"), text="All fish swim.")
        review = school.platform.submission_review(school.platform.personas["ada"], fish)
        grader = enter(school, "teacher", review, "/learners/")
        assert "All fish swim." in grader.text
        mine = enter(school, "ada", review, "/checkpoints/")
        assert "What you handed in" in mine.text
        ben = knock(school, "ben", review)
        assert ben.status == 403
        assert "All fish swim." not in ben.text


def test_giving_up_answers_with_nothing(live, migrated_sqlite_url) -> None:
    with school_on(live, migrated_sqlite_url, STANDARD) as school:
        teacher = enter(school, "teacher", school.platform.deep_linking(), "/content")
        form = teacher.form("/content")
        teacher.post(form, do="cancel")
        teacher.post(teacher.form("/deep_links/"))
        answer = school.platform.answers[-1]
        assert (answer.problems, answer.items) == ([], [])
        assert answer.claims["https://purl.imsglobal.org/spec/lti-dl/claim/msg"] == "Nothing was added."
        assert school.count(Checkpoint) == [0]


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_platform_gets_an_answer_it_takes(name: str, live, migrated_sqlite_url) -> None:
    with school_on(live, migrated_sqlite_url, PROFILES[name]) as school:
        teacher = enter(school, "teacher", school.platform.deep_linking(), "/content")
        form = teacher.form("/content")
        form.fields["choose"] = "new"
        teacher.post(form, title="Water log", maximum="12.5", opens_at="2026-11-01T08:00", due_at="2027-01-31T23:59",
                     closes_at="2027-02-01T23:59", do="place")  # fmt: skip
        teacher.post(teacher.form("/deep_links/"))
        assert school.platform.answers[-1].problems == []
        (item,) = school.platform.answers[-1].items
        assert item["submission"] == {"endDateTime": "2027-01-31T23:59:00+00:00"}
        assert ("lineItem" in item) == (name != "desire2learn")


def test_a_place_that_takes_no_grades_gets_its_column_at_the_first_opening(live, migrated_sqlite_url) -> None:
    with school_on(live, migrated_sqlite_url, CANVAS) as school:
        school.enrol("Ada")
        teacher = enter(school, "teacher", school.platform.deep_linking("editor_button"), "/content")
        assert "made when the first learner opens" in teacher.text
        form = teacher.form("/content")
        form.fields["choose"] = "new"
        teacher.post(form, title="Water log", do="place")
        teacher.post(teacher.form("/deep_links/"))
        (link,) = school.platform.links
        assert link.column is None
        enter(school, "ada", school.platform.resource_link(link), "/checkpoints/")
        school.work()
        (post,) = posts(school, "Water log")
        assert post.state is ScoreState.SENT
        (column,) = school.platform.columns.values()
        assert (column.label, column.maximum) == ("Water log", Decimal(10))


def test_the_course_s_badges_as_an_item_without_a_grade(live, migrated_sqlite_url) -> None:
    with school_on(live, migrated_sqlite_url, MOODLE) as school:
        teacher = enter(school, "teacher", school.platform.deep_linking(), "/content")
        form = teacher.form("/content")
        form.fields["choose"] = "home"
        teacher.post(form, do="place")
        teacher.post(teacher.form("/deep_links/"))
        assert school.platform.answers[-1].problems == []
        (link,) = school.platform.links
        assert (link.title, link.column) == ("Badges in this course", None)
        browser = enter(school, "learner", school.platform.resource_link(link), "/mine")
        assert "My badges in this course" in browser.text
        with school.services.database.read() as session:
            assert session.scalars(select(ResourceLink.checkpoint_id)).all() == [None]


def test_learners_cannot_choose_content(live, migrated_sqlite_url) -> None:
    with school_on(live, migrated_sqlite_url, STANDARD) as school:
        browser = knock(school, "learner", school.platform.deep_linking())
        assert browser.status == 403
        assert "instructor_only" in browser.text
