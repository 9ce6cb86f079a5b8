"""The French catalogue and what is made of it: words, plurals, numbers, dates, reasons and rules."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from babel.messages.mofile import read_mo
from flask_babel import force_locale
from french import CATALOGUE, PLACEHOLDER, catalogue, left_in_english
from web_world import START, World

from lti_tool.domain.evidence import Evidence, EvidenceState
from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.rules import parse_rule
from lti_tool.domain.verdict import Verdict
from lti_tool.web import formats
from lti_tool.web.translated import ngettext
from lti_tool.web.verify_words import CHECKS, LIMITS, NOT_CHECKED, OTHER_RECIPIENT, REASONS, VERDICTS
from lti_tool.web.words import Voice, rule_sentence, sentence


@pytest.fixture
def in_french(world: World) -> Iterator[None]:
    """Texts outside pages, in French."""
    with world.app.test_request_context(), force_locale("fr"):
        yield


# -- the catalogue ----------------------------------------------------------------------------------------------------


def forms(text: str | Sequence[str]) -> tuple[str, ...]:
    """A text as its forms: one, or singular and plural."""
    return (text,) if isinstance(text, str) else tuple(text)


def test_what_runs_is_what_was_written() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = {forms(message.id): forms(message.string) for message in read_mo(file) if message.id}
    written = {forms(message.id): forms(message.string) for message in catalogue() if message.id}
    assert compiled == written, "run make translations"


def test_nothing_obsolete_is_kept() -> None:
    assert list(catalogue().obsolete) == []


def test_plural_forms_are_those_of_french() -> None:
    assert catalogue().num_plurals == 2
    assert catalogue().plural_expr == "(n > 1)"


def each_form() -> Iterator[tuple[str, str]]:
    """Every English text beside its French, form by form."""
    for message in catalogue():
        yield from zip(forms(message.id), forms(message.string), strict=True) if message.id else ()


def test_every_form_has_the_placeholders_of_its_text() -> None:
    found = re.compile(r"%\(\w+\)[a-z]|%%")
    wrong = [text for text, french in each_form() if sorted(found.findall(text)) != sorted(found.findall(french))]
    assert wrong == []


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ("['\"“”]", "apostrophes are curved, quotation marks are guillemets"),
        ("(?<!\u202f)[;!?]|(?<!\u202f)(?<!%)%(?![%(])", "a narrow no-break space stands before ; ! ? and %"),
        ("(?<!\u00a0):(?!//)", "a no-break space stands before a colon"),
        ("«(?!\u00a0)|(?<!\u00a0)»", "no-break spaces stand inside guillemets"),
        ("\\.\\.\\.| …|  |^ | $", "an ellipsis is one sign that follows its word; no space is double or at an end"),
    ],
)
def test_french_is_set_as_french_is(wrong: str, rule: str) -> None:
    assert [french for _, french in each_form() if re.search(wrong, french)] == [], rule


def test_words_that_must_not_vary() -> None:
    """The same English word is the same French word on every page."""
    short = {text: french for text, french in each_form() if text in WORDS}
    assert short == WORDS
    for english, french in (("skill", "compétence"), ("evidence", "preuve"), ("backpack", "porte-badges")):
        for text, translated in each_form():
            if re.search(rf"\b{english}s?\b", PLACEHOLDER.sub(" ", text), re.IGNORECASE):
                assert french in translated.lower(), text


WORDS = {
    "Badges": "Badges",
    "Skills": "Compétences",
    "Evidence": "Preuves",
    "Offered": "Offert",
    "Claimed": "Réclamé",
    "Revoked": "Révoqué",
    "Expired": "Expiré",
    "Can't tell yet": "Indéterminé pour l’instant",
    "checked %(ago)s from %(source)s": "vérifié %(ago)s auprès de %(source)s",
}


# -- words, numbers, dates --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_french")
@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_nothing_and_one_are_singular(number: int) -> None:
    english = ("Offer this badge to %(num)s learner", "Offer this badge to %(num)s learners")
    assert ngettext(*english, number) == f"Offrir ce badge à {number} personne{'s' if number > 1 else ''}"


@pytest.mark.usefixtures("in_french")
def test_ages_dates_and_numbers() -> None:
    assert formats.percent(Decimal("69.5")) == "69,5\u00a0%"
    assert formats.number(Decimal("12345.50")) == "12\u202f345,5"
    assert formats.ago(START - timedelta(hours=3), START) == "il y a 3 heures"
    assert formats.ago(START, START) == "à l’instant"
    assert formats.day(datetime(2026, 8, 1, tzinfo=UTC)) == "1 août 2026"


def work(score: str, graded_at: datetime | None = None) -> Evidence:
    """A grade out of 200."""
    return Evidence(
        slot="project",
        title="Projet final",
        source="csv_upload",
        state=EvidenceState.GRADED,
        score=Decimal(score),
        maximum=Decimal(200),
        graded_at=graded_at,
        checked_at=START,
    )


@pytest.mark.usefixtures("in_french")
def test_a_reason_in_french() -> None:
    params = {"title": "Projet final", "value": "69.5", "needed": "70"}
    evidence = work("139", datetime(2026, 11, 3, tzinfo=UTC))
    reason = Reason(ReasonCode.BELOW_THRESHOLD, params)
    judgement = Judgement(Verdict.NOT_MET, Kind.COLUMN, reason, evidence=evidence)
    said = sentence(judgement, voice=Voice.LEARNER)
    assert said.replace("\u00a0", " ") == (
        "Il faut 70 % dans « Projet final ». La feuille de notes déposée affiche 69,5 % (note du 3 nov. 2026)."
    )


FIGURES = {
    "title": "Projet final",
    "value": "64",
    "needed": "70",
    "have": "1",
    "unknown": "1",
    "at": "2026-11-03T10:00:00+00:00",
    "date": "2026-11-01T00:00:00+00:00",
}


@pytest.mark.usefixtures("in_french")
@pytest.mark.parametrize("voice", list(Voice))
@pytest.mark.parametrize("code", list(ReasonCode))
def test_every_reason_is_said_in_french(code: ReasonCode, voice: Voice) -> None:
    is_letter = code in {ReasonCode.LETTER_MET, ReasonCode.OTHER_LETTER}
    reason = Reason(code, FIGURES | ({"value": "C", "needed": "A, B"} if is_letter else {}))
    for kind in (Kind.COLUMN, Kind.COMPETENCY, Kind.ALL, Kind.BEFORE, Kind.AFTER):
        said = sentence(Judgement(Verdict.UNKNOWN, kind, reason, "x"), voice=voice, platform="Lakeside")
        assert left_in_english(*re.split(r"(?<=[.?]) ", said)) == []
        assert said.endswith(".")


@pytest.mark.usefixtures("in_french")
@pytest.mark.parametrize(("unknown", "said"), [("1", "Il manque encore 1 note."), ("3", "Il manque encore 3 notes.")])
def test_missing_grades_are_counted(unknown: str, said: str) -> None:
    reason = Reason(ReasonCode.NEEDS_GRADES, FIGURES | {"unknown": unknown})
    assert said in sentence(Judgement(Verdict.UNKNOWN, Kind.COMPETENCY, reason), voice=Voice.INSTRUCTOR)


@pytest.mark.usefixtures("in_french")
def test_a_rule_is_a_french_sentence() -> None:
    rule = parse_rule(
        {
            "all": [
                {"competency": "water"},
                {"at_least": 1, "of": [{"competency": "fish"}, {"achievement": "writer"}]},
                {"column": "quiz", "percent": {"at_least": "69.5"}},
            ]
        }
    )
    titles = {"water": "L’eau", "fish": "Les poissons", "writer": "Plume", "quiz": "Questionnaire"}
    said = rule_sentence(rule, titles, voice=Voice.LEARNER)
    assert re.sub(r"\s", " ", said) == (
        "Pour obtenir ce badge, il vous faut la compétence « L’eau », (au moins 1 de ces éléments : la compétence "
        "« Les poissons » et le badge « Plume ») et au moins 69,5 % dans « Questionnaire »."
    )


@pytest.mark.usefixtures("in_french")
def test_every_line_of_a_verification_is_french() -> None:
    lines = [text for texts in CHECKS.values() for text in texts.values()]
    verdicts = [text for verdict in (*VERDICTS.values(), OTHER_RECIPIENT) for text in (verdict.title, verdict.meaning)]
    for text in [*lines, *verdicts, *NOT_CHECKED.values(), *REASONS.values(), *LIMITS]:
        assert left_in_english(str(text)) == []
