"""The demo backpack's pages: who one is, what one allows, what one holds."""

import base64
import json
import re

import pytest

from lti_tool.demo.backpack import create_backpack
from lti_tool.demo.backpack_words import WORDS

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def app():
    return create_backpack("http://127.0.0.1:8002", people=[("Ada Lovelace", "ada@example.org")])


@pytest.fixture
def store(app):
    return app.extensions["backpack"]


@pytest.fixture
def browser(app):
    return app.test_client()


@pytest.fixture
def learner(browser):
    with browser.session_transaction() as session:
        session["email"] = "ada@example.org"
    return browser


def submit(browser, url, form, *, to=None):
    page = browser.get(url).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return browser.post(to or url, data=form | {"csrf_token": token})


def keep(store, email="ada@example.org", number=1, **achievement):
    document = {
        "id": f"https://badges.example/credentials/{number}",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": "urn:example:issuer", "name": "Lakeside <College>"},
        "awardedDate": "2026-03-01T09:00:00Z",
        "credentialSubject": {"achievement": {"name": "Water", "description": "Keeps pH in range.", **achievement}},
    }
    text = json.dumps(document)
    store.upsert(email, "urn:example:issuer", document["id"], text, "application/json")
    return text, store.credentials_of(email)[0].key


def test_both_languages_say_the_same_things():
    assert WORDS["en"].keys() == WORDS["fr"].keys()
    for key, text in WORDS["en"].items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", WORDS["fr"][key])), key


@pytest.mark.parametrize(
    ("accepted", "lang"), [("fr-CA,fr;q=0.9,en;q=0.5", "fr"), ("en-GB", "en"), ("de", "en"), ("", "en")]
)
def test_pages_speak_the_browsers_language(browser, accepted, lang):
    page = browser.get("/sign-in", headers={"Accept-Language": accepted}).get_data(as_text=True)
    assert f'<html lang="{lang}">' in page
    assert f"<h1>{WORDS[lang]['sign_in']}</h1>" in page


def test_the_backpack_is_for_those_signed_in(browser):
    response = browser.get("/")
    assert response.headers["Location"].startswith("/sign-in")


def test_signing_in_opens_an_account(browser, store):
    response = submit(browser, "/sign-in", {"name": "Björk", "email": " BJORK@Example.org"})
    assert response.headers["Location"] == "/"
    assert store.accounts["bjork@example.org"].name == "Björk"
    assert "Björk" in browser.get("/").get_data(as_text=True)


def test_signing_in_again_finds_the_same_account(browser, store):
    submit(browser, "/sign-in", {"name": "Somebody", "email": "ada@example.org"})
    assert store.accounts["ada@example.org"].name == "Ada Lovelace"


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": "", "email": "a@b.example"}, "name"),
        ({"name": "A" * 101, "email": "a@b.example"}, "name"),
        ({"name": "A", "email": "nowhere"}, "email"),
        ({"name": "A", "email": "a b@c.example"}, "email"),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_is_kept(browser, store, form, field):
    response = submit(browser, "/sign-in", form)
    page = response.get_data(as_text=True)
    assert response.status_code == 422
    assert f'href="#{field}"' in page
    assert f'aria-describedby="{field}-error"' in page
    assert f'value="{form["email"]}"' in page
    assert list(store.accounts) == ["ada@example.org"]


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x", ""])
def test_signing_in_leads_nowhere_else(browser, target):
    url = f"/sign-in?next={target}"
    response = submit(browser, url, {"name": "A", "email": "a@b.example"})
    assert response.headers["Location"] == "/"


def test_signing_in_leads_back_to_the_connection(browser):
    url = "/sign-in?next=%2Fims%2Fob%2Fv3p0%2Foauth%2Fauthorize%3Fclient_id%3Dx"
    response = submit(browser, url, {"name": "A", "email": "a@b.example"})
    assert response.headers["Location"] == "/ims/ob/v3p0/oauth/authorize?client_id=x"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/connections/x/end"])
def test_every_form_is_guarded(learner, path):
    response = learner.post(path, data={"name": "A", "email": "a@b.example"})
    assert response.status_code == 400
    assert WORDS["en"]["form_old"] in response.get_data(as_text=True)


def test_signing_out(learner):
    submit(learner, "/", {}, to="/sign-out")
    assert learner.get("/").status_code == 302


def test_an_empty_backpack_says_what_will_be_here(learner):
    assert WORDS["en"]["empty"] in learner.get("/").get_data(as_text=True)


def test_a_badge_is_shown_with_what_is_known_of_it(learner, store):
    keep(store)
    page = learner.get("/").get_data(as_text=True)
    assert "<h2>Water</h2>" in page
    assert "Lakeside &lt;College&gt;" in page
    assert "1 March 2026" in page
    assert 'class="verdict unchecked"' in page
    assert WORDS["en"]["unchecked"] in page


def test_dates_are_written_in_french(learner, store):
    keep(store)
    assert "1 mars 2026" in learner.get("/", headers={"Accept-Language": "fr"}).get_data(as_text=True)


def test_a_badge_with_little_in_it_is_still_shown(learner, store):
    document = {"id": "urn:x:1", "issuer": "urn:x:2", "type": ["VerifiableCredential"], "credentialSubject": [],
                "awardedDate": "soon", "image": 7}  # fmt: skip
    store.upsert("ada@example.org", "urn:x:2", "urn:x:1", json.dumps(document), "application/ld+json")
    page = learner.get("/").get_data(as_text=True)
    assert WORDS["en"]["unnamed"] in page
    assert "urn:x:2" in page


def test_the_file_is_what_was_received(learner, store):
    text, key = keep(store)
    response = learner.get(f"/badges/{key}/file")
    assert response.get_data(as_text=True) == text
    assert response.headers["Content-Disposition"] == 'attachment; filename="badge.json"'


@pytest.mark.parametrize("part", ["file", "picture"])
def test_other_peoples_badges_are_not_there(learner, store, part):
    _text, key = keep(store, email="eve@example.org")
    assert learner.get(f"/badges/{key}/{part}").status_code == 404


def test_a_picture_inside_the_badge_is_shown(learner, store):
    data = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    _text, key = keep(store, image={"id": data, "type": "Image", "caption": "A drop of water"})
    response = learner.get(f"/badges/{key}/picture")
    assert (response.mimetype, response.data) == ("image/png", PIXEL)
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert 'alt="A drop of water"' in learner.get("/").get_data(as_text=True)


@pytest.mark.parametrize(
    "image",
    ["http://10.0.0.1/x.png", "data:text/html,<script>", "data:image/png;base64,???", "", "ftp://x/y", "http://[x"],
)
def test_without_a_picture_there_is_a_medal(learner, store, image):
    _text, key = keep(store, image=image)
    response = learner.get(f"/badges/{key}/picture")
    assert response.headers["Location"] == "/static/medal.svg"
    assert learner.get(response.headers["Location"], buffered=True).mimetype == "image/svg+xml"


def test_a_connection_can_be_ended_by_its_owner_only(learner, store):
    tool, _secret = store.add_client("LTI Badges", "http://localhost:8000", (), ())
    store.ensure_account("Eve", "eve@example.org")
    for email in ("ada@example.org", "eve@example.org"):
        store.give_code(email, tool, "", (), "")
    mine, hers = (code.consent for code in store.codes.values())
    for consent in (mine, hers):
        store.give_tokens(consent)
    assert "LTI Badges" in learner.get("/").get_data(as_text=True)
    for consent in (mine, hers):
        submit(learner, "/", {}, to=f"/connections/{consent.id}/end")
    assert (mine.ended, hers.ended) == (True, False)
    assert WORDS["en"]["connections_none"] in learner.get("/").get_data(as_text=True)


@pytest.mark.parametrize("path", ["/", "/sign-in", "/about", "/nothing"])
def test_pages_bring_everything_from_here(learner, path):
    response = learner.get(path)
    page = response.get_data(as_text=True)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert re.findall(r'(?:src|href)="(?!/|#)', page) == []
    assert "<script" not in page
    assert "style=" not in page
