"""``lti-badges explain``: plain lines and one JSON document, in English and French."""

import dataclasses
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from claims import wallets_on
from learner_states import HOSTILE, States, every_state


@pytest.fixture
def states(migrated_sqlite_url: str) -> Iterator[States]:
    """Ada has a badge in every state."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield every_state(wallets)


@pytest.fixture
def command(
    command_on: Callable[[str], Any], states: States, migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The command on their database, at the time of their course."""
    module = importlib.import_module("lti_tool.cli.explain")
    opened = module.open_services
    monkeypatch.setattr(module, "open_services", lambda: dataclasses.replace(opened(), clock=lambda: states.course.now))
    return command_on(migrated_sqlite_url)


def asked(states: States, name: str | None = None, learner: str = "ada") -> list[str]:
    found = ["explain", "--course", str(states.course.context_id), "--learner", learner]
    return found if name is None else [*found, "--badge", states.course.public_id(states.badges[name])]


def test_a_badge_is_explained_line_by_line(command: Any, states: States) -> None:
    lines = command(*asked(states, "graced")).splitlines()
    assert lines[0] == "“Badge graced”: Being looked at"
    assert all(line.startswith("    ") for line in lines[1:])
    text = "\n".join(line[4:] for line in lines[1:])
    assert text.startswith("Needs 70% in Work for graced. Lakeside shows 40% (graded Mar 4, 2026).\n")
    assert "Learners earn this when they have the skill “Skill of Badge graced”." in text
    assert "- Not yet: Skill of Badge graced: Needs 70% in Work for graced." in text
    assert "\n  Seen: 40 of 100 points (40%) · graded Mar 4, 2026" in text
    assert " from Lakeside\n  30 more of the 100 points would be enough.\n" in text
    assert "It is revoked on Mar 18, 2026" in text
    assert "When it was claimed, Mar 2, 2026" in text
    assert "The grades that were kept give the same decision again." in text
    assert "Rule number 1." in text


def test_a_learner_is_found_by_sub_or_number(command: Any, states: States) -> None:
    by_sub = command.json(*asked(states, "not_yet"))
    by_number = command.json(*asked(states, "not_yet", learner=str(states.ada)))
    assert by_sub["learner"] == {"id": states.ada, "sub": "ada", "name": "Ada Okafor"}
    assert by_number["learner"] == by_sub["learner"]
    other = states.course.person(str(states.ada))
    assert command.json(*asked(states, "not_yet", learner=str(states.ada)))["learner"]["id"] == other


def test_without_a_badge_all_are_explained(command: Any, states: States) -> None:
    found = command.json(*asked(states))["explanations"]
    assert [one["badge"]["id"] for one in found] == list(states.badges.values())
    assert len(command(*asked(states)).split("“Badge ")) > len(states.badges) - 1


def test_the_language_is_chosen(command: Any, states: States) -> None:
    found = command.json(*asked(states, "not_yet"), "--language", "fr")
    assert found["language"] == "fr"
    said = "Il faut 70 % dans « Work for not_yet ». Lakeside affiche 64 % (note du 2 mars 2026)."
    assert found["text"].replace("\u00a0", " ") == said
    assert "de" in command.misused(*asked(states, "not_yet"), "--language", "de")


def test_what_is_not_there_is_refused_in_one_line(command: Any, states: States) -> None:
    assert "no such person" in command.refused(*asked(states, "ready", learner="nobody"))
    assert "no such person" in command.refused(*asked(states, learner="9" * 40))
    stranger = states.course.person("stranger", enrolled=False)
    assert "no such person" in command.refused(*asked(states, learner=str(stranger)))
    assert "no such badge" in command.refused(*asked(states), "--badge", "nothing")
    other = states.course.add_course("course-2")
    assert "[not_found]" in command.refused("explain", "--course", str(other), "--learner", "ada")


def test_names_do_nothing_to_a_terminal(command: Any, states: States) -> None:
    states.add("hostile", "20", title=f"{HOSTILE} \x1b[2J\x9b2J")
    lines = command(*asked(states, "hostile"))
    assert "<script>" in lines
    for character in ("\x1b", "\x9b", "\u202e"):
        assert character not in lines
