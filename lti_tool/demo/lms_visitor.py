"""Who looks at the demo LMS, and in which language: asked for in the address, remembered in the session."""

from dataclasses import dataclass

from flask import request, session
from werkzeug.exceptions import Forbidden, NotFound

from lti_tool.demo.lms_texts import LOCALES, text
from lti_tool.demo.story import Person
from lti_tool.demo.story_people import INSTRUCTOR, find_person


@dataclass(frozen=True, slots=True)
class Card:
    """How a person is shown: ``colour`` is one of six classes of the style sheet."""

    person: Person
    name: str
    initials: str
    colour: int
    role: str
    note: str


def card_of(person: Person, locale: str) -> Card:
    """Return a person ready to be shown in this language."""
    parts = [part for part in (person.given_name, person.family_name) if part]
    return Card(
        person,
        person.name or text("no_name", locale),
        "".join(part[0].upper() for part in parts) or "?",
        int(person.sourced_id[2:]) % 6,
        text(person.kind, locale),
        person.note.of(locale),
    )


def chosen_locale() -> str:
    """Return the language asked for, remembered, or the browser's."""
    asked = request.args.get("lang", "")
    if asked in LOCALES:
        session["lang"] = asked
    remembered = session.get("lang")
    return remembered if remembered in LOCALES else request.accept_languages.best_match(LOCALES) or "en"


def chosen_person() -> Person:
    """Return the person asked for or remembered, the instructor at first. Raises ``NotFound``, ``Forbidden``."""
    asked = request.args.get("as")
    person = find_person(asked or session.get("as", INSTRUCTOR.key))
    if person is None:
        raise NotFound
    if person.kind == "former":
        raise Forbidden(text("left_course", chosen_locale()))
    if asked:
        session["as"] = person.key
    return person


def check_instructor() -> None:
    """Raise ``Forbidden`` for everybody but the instructor."""
    if chosen_person() is not INSTRUCTOR:
        raise Forbidden(text("not_instructor", chosen_locale()))
