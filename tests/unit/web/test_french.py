"""The pages in French: nothing English is left, and sentences, plurals, dates and numbers are French ones."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from babel.messages.mofile import read_mo
from claims import Wallets, wallets_on
from flask.testing import FlaskClient
from flask_babel import force_locale
from french import CATALOGUE, FRENCH, PLACEHOLDER, catalogue, left_in_english, texts_of
from instructor_world import CourseWorld, lakeside
from sqlalchemy import update
from web_world import START, World
from werkzeug.test import TestResponse

from lti_tool.domain.evidence import Evidence, EvidenceState
from lti_tool.domain.judgement import Judgement, Kind, Reason, ReasonCode
from lti_tool.domain.rules import parse_rule
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import CookiesBlockedError, LaunchError
from lti_tool.models import LaunchSession, StaffRole
from lti_tool.web import failures, formats
from lti_tool.web.launch_messages import LAUNCH_MESSAGES
from lti_tool.web.messages import MESSAGES
from lti_tool.web.session import LAUNCH_COOKIE, STAFF_COOKIE
from lti_tool.web.translated import ngettext
from lti_tool.web.verify_words import CHECKS, LIMITS, NOT_CHECKED, REASONS, VERDICTS
from lti_tool.web.words import Voice, clause_lines, rule_sentence, sentence


@pytest.fixture
def course(world: World) -> CourseWorld:
    """Lakeside's course with a live badge and a draft, and a French browser of its instructor."""
    course = lakeside(world)
    course.add_badge("water", "Garde de l’eau", {"competency": course.identifier("water")}, live=True)
    course.add_badge("fish", "Garde des poissons", {"competency": course.identifier("fish")})
    course.evaluate()
    course.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = FRENCH["Accept-Language"]
    return course


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


@pytest.fixture
def in_french(world: World) -> Iterator[None]:
    """Texts outside pages, in French."""
    with world.app.test_request_context(), force_locale("fr"):
        yield


def french_browser(wallets: Wallets, user_id: int | None) -> FlaskClient:
    """The browser of a learner whose platform says French, whatever the browser says."""
    client = wallets.browser(user_id)
    with wallets.services.database.write() as session:
        session.execute(update(LaunchSession).values(locale="fr-CA"))
    return client


def in_words(answer: TestResponse) -> str:
    """A French page's text on one line, with ordinary spaces; checks that it says it is French, and is."""
    assert '<html lang="fr"' in answer.text
    texts = texts_of(answer.text)
    assert left_in_english(*texts) == []
    return re.sub(r"\s+", " ", " ".join(texts))


# -- the catalogue ----------------------------------------------------------------------------------------------------


def test_what_runs_is_what_was_written() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = {str(message.id): list(message.string) for message in read_mo(file) if message.id}
    written = {str(message.id): list(message.string) for message in catalogue() if message.id}
    assert compiled == written, "run make translations"


def test_nothing_obsolete_is_kept() -> None:
    assert list(catalogue().obsolete) == []


def test_plural_forms_are_those_of_french() -> None:
    assert catalogue().num_plurals == 2
    assert catalogue().plural_expr == "(n > 1)"


def each_form() -> Iterator[tuple[str, str]]:
    """Every English text beside its French, form by form."""
    for message in catalogue():
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        yield from zip(ids, forms, strict=True) if message.id else ()


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


# -- refusals and failures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", LAUNCH_MESSAGES)
def test_a_refused_launch_is_refused_in_french(world: World, client: FlaskClient, code: str) -> None:
    world.launches.error = LaunchError("English for the log.", code=code)
    answer = client.post("/lti/launch", data={"state": "s"}, headers=FRENCH)
    assert f'<span class="code">{code}</span>' in answer.text
    page = in_words(answer)
    assert "Ce que vous pouvez essayer" in page
    assert "Pour le soutien technique :" in page
    for text in (LAUNCH_MESSAGES[code].title, LAUNCH_MESSAGES[code].happened, *LAUNCH_MESSAGES[code].remedies):
        assert text._args[0] not in html.unescape(answer.text)


def test_blocked_cookies_have_a_way_out_in_french(world: World, client: FlaskClient) -> None:
    world.launches.error = CookiesBlockedError("no cookie", login_parameters={"iss": "https://lms.example"})
    page = in_words(client.post("/lti/launch", data={"state": "s"}, headers=FRENCH))
    assert "Votre navigateur empêche cet outil de démarrer ici" in page
    assert "Ouvrir dans une nouvelle fenêtre" in page


@pytest.mark.parametrize("code", MESSAGES)
def test_every_failure_has_a_french_page(world: World, code: str) -> None:
    with world.app.test_request_context("/", headers=FRENCH):
        page = failures.answer(code, 400, MESSAGES[code], "").get_data(as_text=True)
    assert '<html lang="fr"' in page
    assert left_in_english(*texts_of(page)) == []


def test_english_left_in_a_page_would_be_found() -> None:
    """The comparison these tests rest on finds sentences with values, single words, and words read out."""
    page = '<p>Bon. <i>checked 4 minutes ago from Lakeside</i></p><b>Offered</b><svg aria-label="Steps"></svg><i>Offert</i>'
    assert set(left_in_english(*texts_of(page))) == {"checked %(ago)s from %(source)s", "Offered", "Steps"}


# -- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/", "1 offert, pas encore réclamé 1 indéterminé pour l’instant 2 pas encore"),
        ("/skills", "Travaux qui comptent"),
        ("/evidence", "à partir de quel pourcentage dans Nitrogen cycle quiz pour « Balance the water chemistry »"),
        ("/learners", "Indéterminé pour l’instant"),
        ("/learners/{ada}", "Constaté : 88 sur 100 (88 %) ·"),
        ("/learners/{cho}", "Personne {cho} (nom non communiqué)"),
        ("/badges/new", "Ce que la personne sait faire"),
        ("/badges/{water}/content", "Ce badge est publié."),
        ("/badges/{water}/rule", "Pour obtenir ce badge, il faut la compétence « Balance the water chemistry »."),
        ("/badges/{water}/try", "Il faut 70 % dans « Nitrogen cycle quiz ». Lakeside affiche 69,5 %"),
        ("/badges/{water}/publish", "Ce badge est publié."),
        ("/badges/{fish}/content", "Enregistrer et continuer"),
        ("/badges/{fish}/rule", "2 travaux comptent"),
        ("/badges/{fish}/try", "Indéterminé pour l’instant : 4 personnes"),
        ("/badges/{fish}/publish", "Ce qui va se passer"),
    ],
)
def test_the_instructors_pages(course: CourseWorld, path: str, said: str) -> None:
    ids = course.users | course.badges
    page = in_words(course.client.get(course.base + path.format(**ids)))
    assert said.format(**ids) in page


def test_a_course_without_anything_teaches_in_french(world: World, client: FlaskClient) -> None:
    opened = world.open(locale="fr-FR")
    client.set_cookie(LAUNCH_COOKIE, opened.secret)
    page = in_words(client.get(f"/courses/{opened.context_id}/", headers={"Accept-Language": "en"}))
    assert "Créez votre premier badge" in page


def test_what_was_typed_wrong_is_said_in_french(course: CourseWorld) -> None:
    answer = course.post(f"/badges/{course.badges['fish']}/rule", mode="all")
    assert "Choisissez au moins une compétence ou un badge." in in_words(answer)


def test_a_learners_pages(wallets: Wallets) -> None:
    client = french_browser(wallets, wallets.ada)
    home = in_words(client.get(wallets.mine()))
    assert "Prêt à réclamer" in home
    claim = in_words(client.get(wallets.mine(f"/awards/{wallets.award_id()}")))
    assert "Personne ne peut le trouver. Les personnes à qui vous le donnez peuvent le vérifier." in claim
    assert "Réclamer le badge" in claim
    badge = in_words(client.get(wallets.mine(f"/badges/{wallets.claim()}")))
    assert "Le garder" in badge
    assert f"Obtenu le {formats_day(wallets.course.now)}" in badge


def formats_day(at: datetime) -> str:
    """A day as French writes it, worked out here."""
    months = "janv. févr. mars avr. mai juin juill. août sept. oct. nov. déc.".split()
    return f"{at.day} {months[at.month - 1]} {at.year}"


def test_who_waits_for_a_grade_and_who_is_not_named(wallets: Wallets) -> None:
    waiting = in_words(french_browser(wallets, wallets.course.person("cara")).get(wallets.mine()))
    assert "Le travail « Essay » n’est pas encore noté." in waiting
    assert "Voici ce qui peut être obtenu ici." in in_words(french_browser(wallets, None).get(wallets.mine()))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/", "Quelqu’un vous a montré un badge"),
        ("/verify", "Donnez le fichier du badge, son adresse ou son texte."),
        ("/about/terms", "Un émetteur peut révoquer un badge."),
        ("/about/privacy", "Personne ne peut trouver votre badge."),
        ("/no/such/page", "Il n’y a rien ici"),
    ],
)
def test_public_pages(client: FlaskClient, path: str, said: str) -> None:
    assert said in in_words(client.get(path, headers=FRENCH))


def test_staff_pages(world: World, client: FlaskClient) -> None:
    world.add_deployment("7")
    token = world.invite()
    assert "avec le rôle « admin »" in in_words(client.get(f"/staff/join/{token}", headers=FRENCH))
    client.set_cookie(STAFF_COOKIE, world.staff_secret(StaffRole.ADMIN, "second@example.org"))
    page = in_words(client.get("/admin/", headers=FRENCH))
    assert "1 déploiement attend votre décision." in page
    assert "Aucun cours n’a encore été lu." in page


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
        source="csv",
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
