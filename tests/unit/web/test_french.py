"""The pages in French: each says so, and nothing English is left in it."""

import html
import re
from collections.abc import Iterator

import pytest
from claims import TOOL, Wallets, wallets_on
from flask.testing import FlaskClient
from forms import fields_of
from french import FRENCH, left_in_english, texts_of
from instructor_world import CourseWorld, lakeside, make_course
from sqlalchemy import update
from web_world import SAME_ORIGIN, World
from werkzeug.test import TestResponse

from lti_tool.errors import CookiesBlockedError, LaunchError
from lti_tool.models import LaunchSession, StaffRole
from lti_tool.web import failures
from lti_tool.web.launch_messages import LAUNCH_MESSAGES
from lti_tool.web.messages import MESSAGES
from lti_tool.web.session import LAUNCH_COOKIE, STAFF_COOKIE

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


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
    page = '<p>checked 4 minutes ago from Lakeside</p><b>Offered</b><svg aria-label="Steps"></svg><i>Offert</i>'
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
        ("/matrix", "Aucun travail ne compte pour la compétence « Keep the fish healthy »"),
        ("/skills/{fish_skill}", "Badges qui la nomment ou l’ont nommée"),
        ("/badges/{fish}/policy", "Si une note est corrigée plus tard, quelqu’un décide"),
        ("/badges/{fish}/retire", "Ce qui va se passer"),
        ("/badges/{water}/policy", "Ce badge est publié."),
        ("/templates", "Modèles de votre établissement"),
    ],
)
def test_the_instructors_pages(course: CourseWorld, path: str, said: str) -> None:
    ids = course.users | course.badges | {"fish_skill": course.items["fish"]}
    page = in_words(course.client.get(course.base + path.format(**ids)))
    assert said.format(**ids) in page


def test_building_a_rule_and_what_a_change_does(course: CourseWorld) -> None:
    water, fish = course.badges["water"], course.badges["fish"]
    base = f"/badges/{fish}/rule"
    added = course.post(base, **fields_of(course.get(base), "/rule") | {"do": "add:0", "add-0": "work"})
    assert "Ce qui est exigé" in in_words(added)
    wrong = course.post(base, **fields_of(added.text, "/rule") | {"do": "save"})
    assert "Faites un choix dans la liste." in in_words(wrong)
    place = f"threshold-{course.columns['quiz']}-{course.items['water']}"
    preview = course.post("/matrix", **fields_of(course.get("/matrix"), "/matrix") | {place: "69,5", "do": "save"})
    assert "personne l’obtiendrait" in in_words(preview)
    assert "Garde de l’eau" in preview.text
    refused = course.post(f"/badges/{water}/policy")
    assert refused.status_code == 409


def test_templates_for_staff_and_for_a_course(world: World, course: CourseWorld) -> None:
    client = world.app.test_client()
    client.set_cookie(STAFF_COOKIE, world.staff_secret(StaffRole.REGISTRAR, "registrar@example.org"))

    def send(path: str, **form: str) -> TestResponse:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/admin/approvals/").text)
        assert token
        return client.post(
            f"/admin/templates{path}", data=form | {"csrf_token": token[1]}, headers=SAME_ORIGIN | FRENCH
        )

    assert "Il n’y en a pas encore." in in_words(client.get("/admin/templates/", headers=FRENCH))
    assert "Donnez un nom au modèle." in in_words(send("/new", source="file"))
    look = send("/new", name="Aquaponie", course=str(course.context_id))
    assert "Il est enregistré comme brouillon." in in_words(look)
    send("/confirm", **fields_of(look.text, "/confirm"))
    for path, said in (("/1", "Ce qu’il contient"), ("/1/publish", "Non verrouillé"), ("/1/change", "Fichier JSON")):
        assert said in in_words(client.get(f"/admin/templates{path}", headers=FRENCH))
    send("/1/publish", locked="yes")
    other = make_course(world, "course-2")
    other.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = FRENCH["Accept-Language"]
    assert "L’utiliser dans ce cours" in in_words(other.client.get(f"{other.base}/templates/1"))
    assert "Nothing" not in other.post_on("/templates/1/adopt")
    assert "Les travaux de votre cours" in in_words(other.client.get(f"{other.base}/templates"))


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
    assert "Obtenu le 2 mars 2026" in badge


def test_a_badge_is_checked_in_french(wallets: Wallets) -> None:
    address = f"{TOOL}/credentials/{wallets.public_id(wallets.claim())}"
    anyone = wallets.app.test_client()
    page = in_words(anyone.post("/verify", data={"url": address}, headers=FRENCH))
    assert "Ce badge est valide" in page
    assert "Vérifié : Rien n’a changé depuis la signature." in page
    assert "Non vérifié : L’appartenance du badge n’a pas été vérifiée" in page


def test_a_shared_badge_has_a_french_page(wallets: Wallets) -> None:
    client = french_browser(wallets, wallets.ada)
    wallets.claim()
    assert "Fermer la page" in in_words(client.get(wallets.press(client, "/badges/1", "share").location))
    page = in_words(wallets.app.test_client().get(f"/credentials/{wallets.public_id(1)}", headers=BROWSER | FRENCH))
    assert "Obtenu le 2 mars 2026" in page
    assert "La personne titulaire a choisi de ne pas être nommée ici." in page


def test_approvals(world: World, course: CourseWorld, client: FlaskClient) -> None:
    course.post(f"/badges/{course.badges['fish']}/ask")
    client.set_cookie(STAFF_COOKIE, world.staff_secret(StaffRole.REGISTRAR, "registrar@example.org"))
    page = in_words(client.get("/admin/approvals/", headers=FRENCH))
    assert "Le badge serait offert : 0 ; indéterminé pour l’instant : 4 ; pas encore : 0." in page


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
