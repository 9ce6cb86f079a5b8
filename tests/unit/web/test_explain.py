"""Explanations as JSON: codes with their sentences, for the instructor and for the learner themselves."""

from collections.abc import Iterator
from typing import Any

import pytest
from award_world import PERSON
from claims import Wallets, wallets_on
from flask.testing import FlaskClient
from learner_states import HOSTILE, States, every_state
from sqlalchemy import update

from lti_tool.lti.claims import MEMBERSHIP
from lti_tool.models import LaunchSession
from lti_tool.services import revoking


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


@pytest.fixture
def states(wallets: Wallets) -> States:
    """Ada has a badge in every state."""
    return every_state(wallets)


def instructor(wallets: Wallets, **more: Any) -> FlaskClient:
    """The browser of the course's instructor."""
    teacher = wallets.course.person("teacher", is_learner=False)
    client = wallets.browser(teacher)
    with wallets.services.database.write() as session:
        values = {"roles": [f"{MEMBERSHIP}#Instructor"], **more}
        session.execute(update(LaunchSession).where(LaunchSession.user_id == teacher).values(**values))
    return client


def staff_path(states: States, name: str, user_id: int | None = None) -> str:
    user_id = user_id or states.ada
    return f"/courses/{states.course.context_id}/learners/{user_id}/badges/{states.badges[name]}/why.json"


def own_path(states: States, name: str) -> str:
    return f"/courses/{states.course.context_id}/badges/{states.badges[name]}/why.json"


def test_an_instructor_reads_codes_figures_and_sentences(states: States) -> None:
    answer = instructor(states.wallets).get(staff_path(states, "graced"))
    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.get_json()
    assert (found["form"], found["language"], found["verdict"], found["state"]) == (1, "en", "not_met", "in_review")
    assert found["as_of"] == states.course.now.isoformat()
    assert found["learner"] == {"id": states.ada, "name": "Ada Okafor"}
    assert found["badge"]["rule_text"] == "Learners earn this when they have the skill “Skill of Badge graced”."
    assert (found["badge"]["version"], found["badge"]["rule"]) == (1, 1)
    whole, part = found["clauses"]
    assert (whole["path"], part["path"], part["kind"]) == ("$", "$.parts[0]", "part")
    assert part["reason"]["code"] == "below_threshold"
    assert part["text"] == "Needs 70% in Work for graced. Lakeside shows 40% (graded Mar 4, 2026)."
    evidence = part["evidence"]
    assert (evidence["score"], evidence["percent"], evidence["source"]) == ("40", "40", "ags")
    assert (evidence["freshness"], evidence["state"]) == ("fresh", "graded")
    assert evidence["graded_at"] is not None
    assert evidence["checked_at"] is not None
    (remedy,) = found["remedies"]
    assert (remedy["code"], remedy["helper"], remedy["path"]) == ("score_more", "learner", "$.parts[0]")
    assert remedy["text"] == "30 more of the 100 points would be enough."
    assert found["decision"]["reason"] == "in_grace"
    assert found["decision"]["not_before"] == found["reviews"][0]["due_at"]
    assert found["award"]["state"] == "claimed"
    assert (found["policy"]["grace_days"], found["policy"]["validity_days"]) == (14, 300)
    assert [one["moment"] for one in found["kept"]] == ["offered", "claimed", "reviewed"]
    assert {one["again"] for one in found["kept"]} == {"same"}
    assert found["kept"][1]["clauses"][1]["evidence"]["score"] == "80"


def test_every_pair_is_explained_in_both_languages(states: States) -> None:
    for locale in ("en", "fr"):
        client = instructor(states.wallets, locale=locale)
        for name in states.badges:
            found = client.get(staff_path(states, name)).get_json()
            assert found["language"] == locale
            assert found["text"]
            assert all(one["text"] for one in [*found["clauses"], *found["remedies"]])
            assert found["decision"]["text"]


def test_a_learner_reads_their_own_in_their_words(states: States) -> None:
    found = states.wallets.browser(states.ada).get(own_path(states, "not_yet")).get_json()
    assert found["learner"] == {"id": states.ada}
    assert found["badge"]["rule_text"].startswith("You earn this when you have")
    assert found["remedies"][0]["text"] == "You need 6 more of the 100 points."


def score_of(document: dict[str, Any]) -> str | None:
    """The score seen at the last clause."""
    score: str | None = document["clauses"][-1]["evidence"]["score"]
    return score


def test_a_learner_does_not_read_what_is_kept_from_them(states: States) -> None:
    with states.course.database.write() as session:
        revoking.bar(session, states.badges["unknown"], states.ada, "Copied twice.", PERSON, states.course.now)
    ada, teacher = states.wallets.browser(states.ada), instructor(states.wallets)
    assert score_of(teacher.get(staff_path(states, "hidden")).get_json()) == "91"
    assert score_of(ada.get(own_path(states, "hidden")).get_json()) is None
    assert teacher.get(staff_path(states, "unknown")).get_json()["bar"] == {"reason": "Copied twice."}
    assert ada.get(own_path(states, "unknown")).get_json()["bar"] == {"reason": None}


def test_only_the_courses_people_are_explained_to_its_instructors(states: States) -> None:
    teacher = instructor(states.wallets)
    stranger = states.course.person("stranger", enrolled=False)
    assert teacher.get(staff_path(states, "ready", stranger)).status_code == 404
    assert teacher.get(staff_path(states, "ready").replace("/badges/", "/badges/99")).status_code == 404
    assert states.wallets.browser(states.ada).get(staff_path(states, "ready")).status_code == 403
    assert states.wallets.browser(None).get(own_path(states, "ready")).status_code == 403
    other = states.course.add_course("course-2")
    client = states.wallets.browser(states.ada, context_id=other)
    assert client.get(own_path(states, "ready")).status_code == 403
    wrong = own_path(states, "ready").replace(f"/courses/{states.course.context_id}/", f"/courses/{other}/")
    assert client.get(wrong).status_code == 404


def test_hostile_names_are_data(states: States) -> None:
    states.add("hostile", "20", title=HOSTILE)
    answer = instructor(states.wallets).get(staff_path(states, "hostile"))
    assert answer.mimetype == "application/json"
    assert '<script>alert("1")</script> %(title)s 100 %' in answer.get_json()["text"]


def test_the_instructors_page_says_what_would_help_and_what_is_decided(states: States) -> None:
    page = instructor(states.wallets).get(f"/courses/{states.course.context_id}/learners/{states.ada}").text
    assert "30 more of the 100 points would be enough." in page
    assert "It is revoked on Mar 18, 2026" in page
    assert f'href="{staff_path(states, "graced")}"' in page
