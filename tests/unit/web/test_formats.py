"""Values as people read them, by locale."""

from datetime import timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from flask_babel import force_locale
from web_world import START, World

from lti_tool.app import STATIC_FOLDER
from lti_tool.domain.lifecycle import AwardState
from lti_tool.models import AchievementState, DeliveryState, DeploymentState, StaffRole, SyncState
from lti_tool.web.formats import STATES, ago, day, moment, number, percent, role_name, source_name, state_look


@pytest.mark.parametrize(
    ("before", "english"),
    [
        (timedelta(seconds=44), "just now"),
        (timedelta(minutes=4), "4 minutes ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=2), "2 days ago"),
    ],
)
def test_ages_in_words(world: World, before: timedelta, english: str) -> None:
    with world.app.test_request_context():
        assert ago(START - before) == english


def test_ages_and_dates_in_french(world: World) -> None:
    with world.app.test_request_context(), force_locale("fr"):
        assert ago(START - timedelta(minutes=4)) == "il y a 4 minutes"
        assert day(START) == "2 mars 2026"


def test_dates_say_their_zone(world: World) -> None:
    with world.app.test_request_context():
        assert day(START) == "Mar 2, 2026"
        assert moment(START).startswith("Mar 2, 2026")
        assert moment(START).endswith("UTC")


@pytest.mark.parametrize(
    ("value", "english", "french"),
    [
        ("69.5", "69.5%", "69,5\u00a0%"),
        ("69.99999", "69.99999%", "69,99999\u00a0%"),
        ("70.00", "70%", "70\u00a0%"),
        ("100", "100%", "100\u00a0%"),
        ("0", "0%", "0\u00a0%"),
    ],
)
def test_percents_are_never_rounded(world: World, value: str, english: str, french: str) -> None:
    with world.app.test_request_context():
        assert percent(Decimal(value)) == english
        with force_locale("fr"):
            assert percent(Decimal(value)) == french


def test_numbers_have_the_signs_of_the_language(world: World) -> None:
    with world.app.test_request_context():
        assert number(12345) == "12,345"
        assert number(Decimal("1E+3")) == "1,000"


@pytest.mark.parametrize("states", [AwardState, AchievementState, DeliveryState, DeploymentState, SyncState])
def test_every_state_has_words_and_a_symbol(states: type) -> None:
    for state in states:
        assert state_look(state).label


def test_every_symbol_is_in_the_sprite() -> None:
    root = ElementTree.parse(STATIC_FOLDER / "icons.svg").getroot()
    symbols = {one.get("id") for one in root}
    assert {look.icon for look in STATES.values()} <= symbols


def test_roles_and_sources_have_names(world: World) -> None:
    with world.app.test_request_context():
        assert {role_name(role) for role in StaffRole} == {"admin", "registrar", "reviewer"}
        assert source_name("canvas") == "Canvas"
        assert source_name("ags") == "your learning platform"
        assert source_name("Brightspace") == "Brightspace"
