"""The pages about learners and decisions in French: each says so, and nothing English is left in it."""

import io
import re

import pytest
from decision_world import appeal, decisions, hidden, hold_run, lose_grade
from french import FRENCH, left_in_english, texts_of
from instructor_world import CourseWorld
from web_world import SAME_ORIGIN, World
from werkzeug.test import TestResponse

from lti_tool.models import StaffRole
from lti_tool.web.session import STAFF_COOKIE


@pytest.fixture
def course(world: World) -> CourseWorld:
    """Ada claimed the badge; the instructor's browser is French."""
    course = decisions(world)
    course.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = FRENCH["Accept-Language"]
    return course


def in_words(answer: TestResponse) -> str:
    """A French page's text on one line; checks that it says it is French, and is."""
    assert answer.status_code == 200, answer.text[:300]
    assert '<html lang="fr"' in answer.text
    texts = texts_of(answer.text)
    assert left_in_english(*texts) == []
    return re.sub(r"\s+", " ", " ".join(texts))


def look(course: CourseWorld, path: str) -> str:
    """A page in words."""
    return in_words(course.client.get(course.base + path))


def test_the_board_and_its_previews(course: CourseWorld) -> None:
    assert "Tout près : il manque un élément" in look(course, "/learners")
    form = {"for_badge": str(course.badges["water"]), "learner": [str(one) for one in course.users.values()]}
    for do, expected in (("give", "Offrir ce badge à 3 personnes"), ("suspend", "Suspendre le badge de 1 personne")):
        assert expected in in_words(course.post("/learners/selected", do=do, **form))
    assert "Cochez au moins une personne." in in_words(course.post("/learners/selected", do="give"))


def test_a_learner_with_every_step(course: CourseWorld) -> None:
    lose_grade(course)
    appeal(course, "ada")
    assert "« Water keeper » a été réclamé." in look(course, f"/learners/{course.users['ada']}")
    ada, badge = course.users["ada"], course.badges["water"]
    for step in ("give", "suspend", "bar", "hold"):
        look(course, f"/learners/{ada}/badges/{badge}/{step}")
    refused = course.post(f"/learners/{ada}/badges/{badge}/suspend", reason="")
    assert "Dites pourquoi." in in_words(refused)
    course.post(f"/learners/{ada}/badges/{badge}/suspend", reason="Vu en classe.")
    assert "« Water keeper » est suspendu." in look(course, f"/learners/{ada}")


def test_reviews(course: CourseWorld) -> None:
    first, second = lose_grade(course), appeal(course, text="Le questionnaire est mal noté.")
    assert "Plus mérité" in look(course, "/reviews")
    assert "Quand le badge a été décerné" in look(course, f"/reviews/{first}")
    assert "La personne a raison" in look(course, f"/reviews/{second}")
    assert "Choisissez ce qui doit se passer." in in_words(course.post(f"/reviews/{first}", reason="Oui."))
    course.post(f"/reviews/{first}", outcome="keep", reason="Oui.")
    look(course, "/reviews?show=decided")
    look(course, f"/reviews/{first}")


def test_runs(course: CourseWorld) -> None:
    run_id = hold_run(course)
    assert "« Water keeper » serait offert à 4 personnes sur 8" in look(course, "/runs")
    assert "4 décisions sont retenues" in look(course, "/")
    look(course, f"/runs/{run_id}")
    for step in ("release", "dismiss", "undo", "reconsider"):
        look(course, f"/runs/{run_id}/{step}")
    seen = hidden(course.get(f"/runs/{run_id}/release"), "seen")
    course.post(f"/runs/{run_id}/release", reason="Vu.", seen=seen)
    assert "Le lot est libéré. Faits : 4" in look(course, f"/runs/{run_id}")
    look(course, f"/runs/{run_id}/undo")


def test_a_list_of_people(course: CourseWorld) -> None:
    look(course, "/award-list")
    data = {"csrf_token": course.token(), "for_badge": str(course.badges["water"])}
    for content, expected in (
        (b"identifiant;nom\nben;\nada;\n;Dee Park\nnobody;\nben;\n", "se verront offrir le badge"),
        (b"", "Le fichier ne nomme personne."),
    ):
        answer = course.client.post(
            f"{course.base}/award-list",
            data={**data, "file": (io.BytesIO(content), "liste.csv")},
            headers=SAME_ORIGIN,
            content_type="multipart/form-data",
        )
        assert expected in in_words(answer)


def test_staff_pages(world: World, course: CourseWorld) -> None:
    review_id = lose_grade(course)
    client = world.app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = FRENCH["Accept-Language"]
    client.set_cookie(STAFF_COOKIE, world.staff_secret(StaffRole.REGISTRAR))
    assert "Cas à examiner" in in_words(client.get("/admin/reviews/"))
    assert "Le révoquer définitivement" in in_words(client.get(f"/admin/reviews/{review_id}"))
    page = client.get("/admin/terms/")
    assert "Aucune session pour l’instant." in in_words(page)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found
    form = {"csrf_token": found[1], "organization": str(world.organization_id), "name": "Hiver"}
    wrong = client.post("/admin/terms/", data=form, headers=SAME_ORIGIN)
    assert "Entrez une date." in in_words(wrong)
    client.post("/admin/terms/", data=form | {"first_day": "2026-01-05", "last_day": "2026-04-30"}, headers=SAME_ORIGIN)
    in_words(client.get("/admin/terms/"))
    in_words(client.get("/admin/terms/1"))
