"""What a learner is told and can do about their badges: notices, progress, appeals, letting an offer go."""

from collections.abc import Iterator

import pytest
from award_world import PERSON, reviews, rows, set_policy
from claims import SAME_ORIGIN, Wallets, page_token, wallets_on
from flask.testing import FlaskClient
from learner_states import HOSTILE, States, every_state
from sqlalchemy import select

from lti_tool.domain.lifecycle import AwardState
from lti_tool.models import (
    Checkpoint,
    CheckpointKind,
    Credential,
    EvidenceColumn,
    LearnerNotice,
    Membership,
    Review,
    ReviewState,
)
from lti_tool.services import review_decisions


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


@pytest.fixture
def states(wallets: Wallets) -> States:
    """Ada has a badge in every state."""
    return every_state(wallets)


@pytest.fixture
def client(wallets: Wallets) -> FlaskClient:
    """Ada's browser."""
    return wallets.browser(wallets.ada)


def progress(states: States, name: str) -> str:
    return states.wallets.mine(f"/progress/{states.badges[name]}")


# -- notices ----------------------------------------------------------------------------------------------------------


def test_news_stand_on_top_with_their_reason_until_they_are_put_away(states: States, client: FlaskClient) -> None:
    page = client.get(states.wallets.mine()).text
    news = page.partition('id="news"')[2].partition("</section>")[0]
    for said in (
        "Your grade changed. Your badge “Badge graced” will be revoked on Mar 18, 2026",
        "Needs 70% in Work for graced. Lakeside shows 40%.",
        "The reason that was given: “Somebody else&#39;s work.”",
        "The answer: “We compared both texts.”",
        "Nobody but you can see it until you share it.",
    ):
        assert said in news
    assert "You have earned the badge" not in news, "what is ready to claim stands below"
    ids = [one.id for one in rows(states.course, LearnerNotice)]
    shown = [number for number in ids if f'name="notice" value="{number}"' in news]
    form = {"csrf_token": page_token(page), "notice": [str(shown[0]), "x", "9" * 30]}
    answer = client.post(states.wallets.mine("/notices/seen"), data=form, headers=SAME_ORIGIN)
    assert (answer.status_code, answer.location) == (303, states.wallets.mine())
    seen = rows(states.course, LearnerNotice, LearnerNotice.seen_at.is_not(None))
    assert [one.id for one in seen] == [shown[0]]
    after = client.get(states.wallets.mine()).text
    assert f'name="notice" value="{shown[0]}"' not in after
    assert "What happened to your badges" in after
    assert "You have earned the badge “Badge claimed”." in after.partition("What happened to your badges")[2]


def test_looking_puts_nothing_away(states: States, client: FlaskClient) -> None:
    for path in (states.wallets.mine(), progress(states, "graced")):
        assert client.get(path).status_code == 200
    assert rows(states.course, LearnerNotice, LearnerNotice.seen_at.is_not(None)) == []


def test_nobody_puts_another_learners_notices_away(states: States) -> None:
    ben = states.wallets.browser(states.course.person("ben"))
    page = ben.get(states.wallets.mine()).text
    assert 'id="news"' not in page
    token = page_token(ben.get(progress(states, "not_yet")).text)
    ids = [str(one.id) for one in rows(states.course, LearnerNotice)]
    form = {"csrf_token": token, "notice": ids}
    assert ben.post(states.wallets.mine("/notices/seen"), data=form, headers=SAME_ORIGIN).status_code == 303
    assert rows(states.course, LearnerNotice, LearnerNotice.seen_at.is_not(None)) == []


def test_a_claim_puts_its_own_notices_away(wallets: Wallets, client: FlaskClient) -> None:
    wallets.press(client, f"/awards/{wallets.award_id()}", "claim")
    assert rows(wallets.course, LearnerNotice, LearnerNotice.seen_at.is_(None)) == []


# -- how a badge stands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "state", "said"),
    [
        ("ready", "ready", "Look at it and claim it"),
        ("not_yet", "not_yet", "You need 6 more of the 100 points."),
        ("unknown", "unknown", "Hand it in if you have not yet; then it waits for a grade."),
        ("hidden", "unknown", "You have nothing to do: your instructor releases the grade."),
        ("waits", "waits_for_date", "It is offered to you from Apr 1, 2026"),
        ("expired", "expired", "It was valid until Mar 3, 2026. Whoever checks it is told that it has expired."),
        ("graced", "in_review", "Your badge will be revoked on Mar 18, 2026, unless you earn it again by then."),
        ("flagged", "in_review", "Your grade changed. A person will look at it; your badge stays until then."),
        ("suspended", "suspended", "it does not hold for now. A person decides what becomes of it."),
        ("revoked", "revoked", "It was revoked on Mar 4, 2026. It does not hold any more."),
        ("lapsed", "lapsed", "When you earn it again, it is offered to you again by itself."),
        ("declined", "declined", "You let this offer go."),
        ("held", "held", "The offer was taken back for the moment. A person looks at it."),
    ],
)
def test_every_state_is_said_in_plain_words(
    states: States, client: FlaskClient, name: str, state: str, said: str
) -> None:
    page = client.get(progress(states, name))
    assert page.status_code == 200
    head = page.text.partition('class="hero"')[2]
    assert f'data-state="{state}"' in head.partition("</div>\n</div>")[0]
    assert said in page.text
    assert said in client.get(states.wallets.mine()).text


def test_a_badge_says_the_value_seen_the_rule_and_what_happened(states: States, client: FlaskClient) -> None:
    page = client.get(progress(states, "graced")).text
    assert "You earn this when you have the skill “Skill of Badge graced”." in page
    assert "Needs 70% in Work for graced. Lakeside shows 40% (graded Mar 4, 2026)." in page
    assert "Seen: 40 of 100 points (40%)" in page
    assert "It is valid for 300 days from its claim." in page
    assert "its holder is told, and 14 days later it is revoked." in page
    then = page.partition("When it was claimed")[2].partition("</details>")[0]
    assert "Lakeside shows 80% in Work for graced" in then
    assert "Rule number 1." in page


def test_a_hidden_grade_is_nowhere_on_the_learners_pages(states: States, client: FlaskClient) -> None:
    for path in (progress(states, "hidden"), states.wallets.mine()):
        page = client.get(path).text
        assert "91%" not in page
        assert "91 of" not in page


def test_what_was_held_before_it_was_seen_is_nowhere(wallets: Wallets, client: FlaskClient) -> None:
    award_id = wallets.award_id()
    with wallets.course.database.write() as session:
        session.query(LearnerNotice).delete()
        wallets_award = session.get(type(wallets.course.award()), award_id)
        assert wallets_award is not None
        wallets_award.state = AwardState.HELD
    home = client.get(wallets.mine()).text
    assert "/awards/" not in home
    assert 'data-state="held"' not in home
    assert "As soon as it is offered to you, you see it here." in home
    assert client.get(wallets.mine(f"/awards/{award_id}")).status_code == 404
    form = {"csrf_token": page_token(client.get(wallets.mine(f"/progress/{wallets.achievement_id}")).text)}
    assert form["csrf_token"]
    answer = client.post(wallets.mine(f"/awards/{award_id}/claim"), data=form, headers=SAME_ORIGIN)
    assert answer.status_code == 404
    assert "Writer" not in client.get("/mine").text


def test_the_next_step_leads_to_the_checkpoint(states: States, client: FlaskClient) -> None:
    with states.course.database.write() as session:
        checkpoint = Checkpoint(
            context_id=states.course.context_id,
            kind=CheckpointKind.EVIDENCE,
            title=HOSTILE,
            line_item_url=session.get_one(EvidenceColumn, states.columns["unknown"]).external_key,
            created_by=PERSON,
            created_at=states.course.now,
        )
        session.add(checkpoint)
        session.flush()
        number = checkpoint.id
    link = f'href="/courses/{states.course.context_id}/checkpoints/{number}"'
    assert link in client.get(progress(states, "unknown")).text
    page = client.get(states.wallets.mine()).text
    assert link in page
    assert "<script>alert" not in page
    with states.course.database.write() as session:
        session.get_one(Checkpoint, number).closes_at = states.course.now
    assert link not in client.get(states.wallets.mine()).text, "nothing can be handed in there any more"


def test_hostile_names_are_text(states: States, client: FlaskClient) -> None:
    badge = states.add("hostile", "75", title=HOSTILE)
    states.grade("hostile", "20")
    states.course.evaluate()
    states.badges["hostile"] = badge
    for path in (states.wallets.mine(), progress(states, "hostile"), "/mine"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "%(title)s 100 %" in page.text


def test_the_claim_page_says_how_long_and_by_what_policy(states: States, client: FlaskClient) -> None:
    set_policy(states.course, states.badges["ready"], validity_days=30, grade_change="ignore")
    page = client.get(states.wallets.mine(f"/awards/{states.award('ready').id}")).text
    assert "If you claim it today, until Apr 3, 2026." in page
    assert "Once claimed it stays, whatever happens to the grades." in page


@pytest.mark.parametrize("name", ["lapsed", "declined", "held"])
def test_an_award_that_cannot_be_claimed_leads_to_its_progress(states: States, client: FlaskClient, name: str) -> None:
    answer = client.get(states.wallets.mine(f"/awards/{states.award(name).id}"))
    assert (answer.status_code, answer.location) == (303, progress(states, name))


def test_a_revoked_badge_says_the_reason_that_was_given(states: States, client: FlaskClient) -> None:
    with states.course.database.read() as session:
        found = select(Credential.id).where(Credential.award_id == states.award("revoked").id)
        number = session.scalars(found).one()
    page = client.get(states.wallets.mine(f"/badges/{number}")).text
    assert 'data-state="revoked"' in page
    assert "Somebody else&#39;s work." in page
    assert f'href="{progress(states, "revoked")}"' in page


# -- letting an offer go ----------------------------------------------------------------------------------------------


def test_an_offer_is_let_go_after_it_was_asked_twice(states: States, client: FlaskClient) -> None:
    award = states.award("ready")
    page = client.get(states.wallets.mine(f"/awards/{award.id}")).text
    assert "only a person can offer it to you again" in page.partition("I don't want this badge")[2]
    answer = states.wallets.press(client, f"/awards/{award.id}", "decline")
    assert (answer.status_code, answer.location) == (303, states.wallets.mine())
    assert states.award("ready").state is AwardState.DECLINED
    assert "You let the offer go." in client.get(answer.location).text
    again = {"csrf_token": page_token(page)}
    path = states.wallets.mine(f"/awards/{states.award('claimed').id}/decline")
    assert client.post(path, data=again, headers=SAME_ORIGIN).status_code == 303
    assert states.award("claimed").state is AwardState.CLAIMED


# -- appeals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "is_possible"),
    [
        ("unknown", True),
        ("lapsed", True),
        ("revoked", True),
        ("suspended", True),
        ("graced", True),
        ("held", True),
        ("ready", False),
        ("claimed", False),
        ("declined", False),
        ("not_yet", False),
    ],
)
def test_who_can_write(states: States, client: FlaskClient, name: str, is_possible: bool) -> None:
    """Who has the badge or its offer has nothing to write about; who wrote already waits for the answer."""
    page = client.get(progress(states, name)).text
    assert ("Send this message to my instructor" in page) is is_possible
    if is_possible:
        form = {"csrf_token": page_token(page), "text": " I handed it in on Monday. "}
        answer = client.post(f"{progress(states, name)}/appeal", data=form, headers=SAME_ORIGIN)
        assert answer.status_code == 303
        (review,) = reviews(states.course, Review.state == ReviewState.OPEN, Review.text == "I handed it in on Monday.")
        assert (review.achievement_id, review.user_id) == (states.badges[name], states.ada)
        after = client.get(answer.location).text
        assert "It waits for an answer." in after
        assert "Send this message to my instructor" not in after


def test_the_answer_is_shown(states: States, client: FlaskClient) -> None:
    (review,) = reviews(
        states.course, Review.state == ReviewState.OPEN, Review.achievement_id == states.badges["not_yet"]
    )
    with states.course.database.write() as session:
        answer = "<b>You are right.</b>"
        review_decisions.answer_appeal(session, review.id, answer, PERSON, states.course.now, granted=True)
    page = client.get(progress(states, "not_yet")).text
    assert "The badge is yours." in page
    assert "&lt;b&gt;You are right.&lt;/b&gt;" in page
    assert 'data-state="ready"' in page
    assert "was answered: it is yours." in client.get(states.wallets.mine()).text


@pytest.mark.parametrize(("text", "said"), [("  ", "Write what you think is wrong."), ("x" * 2001, "2,000 characters")])
def test_what_is_typed_wrong_stays(states: States, client: FlaskClient, text: str, said: str) -> None:
    form = {"csrf_token": page_token(client.get(progress(states, "unknown")).text), "text": text}
    page = client.post(f"{progress(states, 'unknown')}/appeal", data=form, headers=SAME_ORIGIN)
    assert page.status_code == 200
    assert said in page.text.partition("data-takes-focus")[2].partition("</div>")[0]
    assert 'aria-invalid="true"' in page.text
    assert f">{text}</textarea>" in page.text
    assert reviews(states.course, Review.achievement_id == states.badges["unknown"]) == []


def test_an_appeal_about_what_is_ones_own_changes_nothing(states: States, client: FlaskClient) -> None:
    form = {"csrf_token": page_token(client.get(progress(states, "unknown")).text), "text": "Mine?"}
    answer = client.post(f"{progress(states, 'claimed')}/appeal", data=form, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    assert "There is nothing to write about now" in client.get(answer.location).text
    assert reviews(states.course, Review.achievement_id == states.badges["claimed"]) == []


def test_a_test_user_has_nobody_to_write_to(states: States) -> None:
    with states.course.database.write() as session:
        session.scalars(select(Membership).where(Membership.user_id == states.ada)).one().is_test_user = True
    client = states.wallets.browser(states.ada, is_test_user=True)
    assert "Send this message" not in client.get(progress(states, "unknown")).text


def test_somebody_the_platform_did_not_name_has_no_progress(states: States) -> None:
    client = states.wallets.browser(None)
    assert client.get(progress(states, "unknown")).status_code == 403
