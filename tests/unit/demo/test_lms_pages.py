"""The demo LMS's pages: who sees what, in which language."""

import csv
import io
import re
from decimal import Decimal

import pytest

from lti_tool.demo.lms import create_lms, registration
from lti_tool.demo.lms_texts import TEXTS, grade_text
from lti_tool.demo.story import Score
from lti_tool.demo.story_people import LEARNERS, find_person

BASE, TOOL = "http://127.0.0.1:8001", "http://localhost:8000"


@pytest.fixture
def lms():
    return create_lms(base_url=BASE, tool_url=TOOL)


@pytest.fixture
def client(lms):
    return lms.test_client()


def test_registration_has_what_platforms_add_takes():
    assert registration(f"{BASE}/", TOOL) == {
        "name": "Lakeside College",
        "issuer": BASE,
        "client_id": "lakeside-lti-badges",
        "auth_login_url": f"{BASE}/oidc/auth",
        "auth_token_url": f"{BASE}/oidc/token",
        "key_set_url": f"{BASE}/oidc/jwks",
        "deployment_id": "lakeside-1",
    }


def test_course_page_frames_the_tool_and_lists_everybody(client):
    page = client.get("/").text
    source = re.search(r'<iframe[^>]*src="([^"]*)"', page)[1]
    assert source == "/launch?as=instructor&amp;lang=en&amp;item=badges"
    assert f'allow="clipboard-write {TOOL}"' in page
    for learner in LEARNERS:
        assert f"as={learner.slug}" in page
    assert "marc-bouchard" not in page


def test_the_choice_of_person_and_language_is_remembered(client):
    response = client.get("/?as=ada-okafor&lang=fr")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("lakeside_lms=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    page = client.get("/").text
    assert '<html lang="fr">' in page
    assert "Journal de l’eau" in page
    assert "as=learner-01&amp;lang=fr" in page


def test_nothing_comes_from_another_host(client):
    for path in ("/", "/gradebook", "/launch?as=instructor"):
        response = client.get(path)
        loaded = re.findall(r'(?:src|href)="([^"]*)"', response.text)
        assert all(address.startswith(("/", "#")) for address in loaded), loaded
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert f"form-action 'self' {TOOL}" in policy
        for asset in (address for address in loaded if address.startswith("/static/")):
            with client.get(asset) as answer:
                assert answer.status_code == 200


def test_a_learner_sees_own_grades_and_no_gradebook(client):
    page = client.get("/?as=jules-tremblay&item=final-project").text
    assert "139 / 200" in page
    assert "<iframe" not in page
    assert client.get("/gradebook").status_code == 403
    assert client.get("/gradebook.csv").status_code == 403
    assert (
        client.post("/gradebook", data={"person": "learner-03", "item": "water-log", "points": "20"}).status_code == 403
    )


def test_the_page_says_what_the_tool_cannot_see(client):
    page = client.get("/").text
    hidden = page[page.index("The tool cannot see") :]
    assert "Final project" in hidden
    assert "System plan" in hidden
    assert "Water log" not in hidden


def test_gradebook_shows_every_column_and_who_left(client):
    page = client.get("/gradebook").text
    assert "Final project" in page
    assert "Marc Bouchard" in page
    assert "15 / 20 (late)" in page
    assert "Excused" in page


def test_the_instructor_changes_a_grade(client, lms):
    form = {"person": "learner-03", "item": "water-log", "points": "14,5"}
    response = client.post("/gradebook", data=form, follow_redirects=True)
    assert "Saved: Jules Tremblay, Water log: 14.5 / 20." in response.text
    assert str(lms.extensions["lakeside"].grade("water-log", "jules-tremblay").score.points) == "14.5"
    cleared = client.post("/gradebook", data=form | {"points": ""}, follow_redirects=True)
    assert "Water log: Not graded yet." in cleared.text


def test_a_wrong_grade_is_kept_in_the_form_and_changes_nothing(client, lms):
    response = client.post("/gradebook", data={"person": "learner-03", "item": "water-log", "points": "lots"})
    assert response.status_code == 422
    assert 'value="lots"' in response.text
    assert "Points are a number from 0 up." in response.text
    assert str(lms.extensions["lakeside"].grade("water-log", "learner-03").score.points) == "13.9"


def test_the_gradebook_file_has_every_column(client):
    rows = list(csv.reader(io.StringIO(client.get("/gradebook.csv").text)))
    assert rows[0][:3] == ["Student", "ID", "SIS User ID"]
    assert rows[0][-2:] == ["System plan", "Final project"]
    assert rows[1][5:] == ["20", "40", "50", "100", "100", "200"]
    by_id = {row[1]: row for row in rows[2:]}
    assert by_id[find_person("jules-tremblay").sub][5:] == ["13.9", "27.8", "34.75", "69.5", "69.5", "139"]
    assert by_id[find_person("chloe-lefevre").sub][7] == "EX"
    assert find_person("marc-bouchard").sub not in by_id


def test_return_page_shows_the_tools_message_as_text(client):
    page = client.get("/return", query_string={"lti_msg": "<b>Saved</b>"}).text
    assert "&lt;b&gt;Saved&lt;/b&gt;" in page
    assert 'target="_top"' in page


@pytest.mark.parametrize(("path", "status"), [("/?as=nobody", 404), ("/?item=nothing", 404), ("/?as=former-01", 403)])
def test_refusals_are_pages(client, path, status):
    response = client.get(path)
    assert response.status_code == status
    assert "Back to the course" in response.text


def test_every_text_is_in_both_languages():
    for key, text in TEXTS.items():
        assert text.en, key
        assert text.fr, key
        assert re.findall(r"{\w+}", text.en) == re.findall(r"{\w+}", text.fr), key


def test_grades_are_written_as_people_write_them():
    late = Score(Decimal("34.750"), "graded", late=True)
    assert grade_text(late, Decimal(50), "fr") == "34,75 / 50 (en retard)"
    assert grade_text(Score(Decimal(100), "graded"), Decimal(100), "en") == "100 / 100"
