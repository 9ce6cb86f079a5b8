"""A learner's pages in every state of a badge, in French: nothing English is left in them."""

import re
from collections.abc import Iterator

import pytest
from claims import SAME_ORIGIN, Wallets, page_token, wallets_on
from flask.testing import FlaskClient
from french import left_in_english, texts_of
from learner_states import States, every_state
from sqlalchemy import update
from werkzeug.test import TestResponse

from lti_tool.lti.claims import MEMBERSHIP
from lti_tool.models import LaunchSession


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
def client(states: States) -> FlaskClient:
    """Ada's browser; her platform says French."""
    client = states.wallets.browser(states.ada)
    with states.wallets.services.database.write() as session:
        session.execute(update(LaunchSession).values(locale="fr-CA"))
    return client


def in_words(answer: TestResponse) -> str:
    """A French page's text on one line; checks that it says it is French, and is."""
    assert answer.status_code == 200
    assert '<html lang="fr"' in answer.text
    texts = texts_of(answer.text)
    assert left_in_english(*texts) == []
    return re.sub(r"\s+", " ", " ".join(texts))


def test_home(states: States, client: FlaskClient) -> None:
    page = in_words(client.get(states.wallets.mine()))
    assert (
        "Votre badge « Badge graced » sera révoqué le 18 mars 2026, sauf si vous l’obtenez de nouveau d’ici là." in page
    )
    assert "Il vous manque 6 sur les 100 points." in page
    assert "En attente d’une note" in page


def test_every_badge(states: States, client: FlaskClient) -> None:
    for name, badge in states.badges.items():
        page = in_words(client.get(states.wallets.mine(f"/progress/{badge}")))
        assert "Ce qu’il faut, et où vous en êtes" in page, name
    page = in_words(client.get(states.wallets.mine(f"/awards/{states.award('ready').id}")))
    assert "Je ne veux pas de ce badge" in page
    assert "Pour toujours, sauf s’il est révoqué." in page


def test_what_was_typed_wrong(states: States, client: FlaskClient) -> None:
    path = states.wallets.mine(f"/progress/{states.badges['unknown']}")
    form = {"csrf_token": page_token(client.get(path).text), "text": ""}
    page = in_words(client.post(f"{path}/appeal", data=form, headers=SAME_ORIGIN))
    assert "Écrivez ce qui vous semble faux." in page


def test_everywhere(states: States, client: FlaskClient) -> None:
    assert "Tout emporter" in in_words(client.get("/mine"))


def test_the_instructors_why(states: States) -> None:
    teacher = states.course.person("teacher", is_learner=False)
    client = states.wallets.browser(teacher)
    with states.wallets.services.database.write() as session:
        session.execute(update(LaunchSession).values(locale="fr-CA", roles=[f"{MEMBERSHIP}#Instructor"]))
    page = in_words(client.get(f"/courses/{states.course.context_id}/learners/{states.ada}"))
    assert "Il suffirait de 30 de plus sur les 100 points." in page
