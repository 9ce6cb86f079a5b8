"""The demo LMS as a platform: a small tool with its own keys launches and calls the services over the protocol."""

import html
import re
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, jsonify
from jwt.algorithms import RSAAlgorithm
from werkzeug.serving import make_server

from lti_tool.demo.lms import create_lms, registration
from lti_tool.demo.story import COURSE, TEST_USER_ROLE
from lti_tool.demo.story_people import ADMIN, FORMER_LEARNER, INSTRUCTOR, LEARNERS, TEST_USER, find_person

BASE = "http://127.0.0.1:8001"
LTI = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
ALL_SCOPES = f"{AGS}scope/lineitem {AGS}scope/result.readonly {AGS}scope/score {NRPS}"
ROWS_PER_PAGE = 10


class FakeTool:
    """A tool of its own: keys, a JWKS over real loopback HTTP, and the browser's part of the OIDC dance."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = "tool-1"
        keys = Flask("fake-tool")

        @keys.get("/lti/jwks")
        def jwks():
            jwk = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            return jsonify(keys=[jwk | {"kid": self.kid, "alg": "RS256", "use": "sig"}])

        self.server = make_server("127.0.0.1", 0, keys, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def assertion(self, **changes):
        now = int(time.time())
        known = registration(BASE, self.url)
        claims = {
            "iss": known["client_id"],
            "sub": known["client_id"],
            "aud": known["auth_token_url"],
            "iat": now,
            "exp": now + 300,
            "jti": f"{time.monotonic_ns()}",
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(claims, self.key, "RS256", headers={"kid": self.kid})

    def ask_token(self, client, scope=ALL_SCOPES, **changes):
        return client.post(
            "/oidc/token",
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": self.assertion(**changes),
                "scope": scope,
            },
        )

    def authentication_request(self, login):
        return {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": login["client_id"],
            "redirect_uri": f"{self.url}/lti/launch",
            "login_hint": login["login_hint"],
            "lti_message_hint": login["lti_message_hint"],
            "state": "state-1",
            "nonce": "nonce-1",
        }

    def launch(self, client, persona, **query):
        """Return the claims of a whole launch, checked as a tool does."""
        login = read_form(client.get("/launch", query_string={"as": persona} | query))
        answer = read_form(client.get("/oidc/auth", query_string=self.authentication_request(login.fields)))
        assert answer.address == f"{self.url}/lti/launch"
        assert answer.fields["state"] == "state-1"
        known = registration(BASE, self.url)
        published = client.get("/oidc/jwks").json["keys"]
        kid = jwt.get_unverified_header(answer.fields["id_token"])["kid"]
        key = jwt.PyJWK(next(one for one in published if one["kid"] == kid))
        return jwt.decode(
            answer.fields["id_token"],
            key,
            algorithms=["RS256"],
            audience=known["client_id"],
            issuer=known["issuer"],
            options={"require": ["exp", "iat", "nonce", "sub"]},
        )


class Form:
    """An auto-submitted form."""

    def __init__(self, address, fields):
        self.address, self.fields = address, fields


def read_form(response):
    assert response.status_code == 200, response.text
    address = re.search(r'<form[^>]* method="post" action="([^"]*)"', response.text)[1]
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', response.text)
    return Form(html.unescape(address), {name: html.unescape(value) for name, value in fields})


def next_page(response):
    found = re.fullmatch(r'<([^>]*)>; rel="next"', response.headers.get("Link", ""))
    return found[1] if found else None


def path_of(url):
    assert url.startswith(BASE)
    return url.removeprefix(BASE)


@pytest.fixture(scope="module")
def tool():
    fake = FakeTool()
    yield fake
    fake.stop()


@pytest.fixture
def lms(tool):
    return create_lms(base_url=BASE, tool_url=tool.url)


@pytest.fixture
def client(lms):
    return lms.test_client()


@pytest.fixture
def bearer(client, tool):
    return {"Authorization": f"Bearer {tool.ask_token(client).json['access_token']}"}


def read_all(client, url, headers, rows=lambda body: body):
    """Follow every page; return the rows and the number of pages."""
    found, pages = [], 0
    while url:
        response = client.get(path_of(url), headers=headers)
        assert response.status_code == 200, response.text
        assert len(rows(response.json)) <= ROWS_PER_PAGE
        found += rows(response.json)
        pages += 1
        url = next_page(response)
    return found, pages


@pytest.fixture
def line_items(client, tool, bearer):
    claims = tool.launch(client, "instructor")
    rows, _ = read_all(client, claims[f"{AGS}claim/endpoint"]["lineitems"], bearer)
    return {row["label"]: row for row in rows}


# -- login and launch ------------------------------------------------------------------------------------------------


def test_login_initiation_carries_what_the_tool_needs(client, tool):
    form = read_form(client.get("/launch?as=ada-okafor&course=AQ-101"))
    known = registration(BASE, tool.url)
    assert form.address == f"{tool.url}/lti/login"
    assert form.fields["iss"] == known["issuer"]
    assert form.fields["client_id"] == known["client_id"]
    assert form.fields["lti_deployment_id"] == known["deployment_id"]
    assert form.fields["target_link_uri"] == f"{tool.url}/lti/launch"
    assert form.fields["login_hint"] == LEARNERS[0].sub


def test_launch_of_a_learner_has_every_claim(client, tool):
    claims = tool.launch(client, "ada-okafor", lang="fr")
    assert claims["nonce"] == "nonce-1"
    assert claims["sub"] == LEARNERS[0].sub
    assert (claims["name"], claims["given_name"], claims["family_name"]) == ("Ada Okafor", "Ada", "Okafor")
    assert claims["email"] == "ada.okafor@lakeside.example"
    assert claims[f"{LTI}message_type"] == "LtiResourceLinkRequest"
    assert claims[f"{LTI}version"] == "1.3.0"
    assert claims[f"{LTI}target_link_uri"] == f"{tool.url}/lti/launch"
    assert claims[f"{LTI}deployment_id"] == registration(BASE, tool.url)["deployment_id"]
    assert "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner" in claims[f"{LTI}roles"]
    assert claims[f"{LTI}context"] == {
        "id": COURSE.id,
        "label": "AQ-101",
        "title": "Aquaponics Operator",
        "type": ["http://purl.imsglobal.org/vocab/lis/v2/course#CourseOffering"],
    }
    assert claims[f"{LTI}tool_platform"]["name"] == "Lakeside College"
    assert claims[f"{LTI}tool_platform"]["product_family_code"] == "lakeside-demo"
    assert claims[f"{LTI}launch_presentation"] == {
        "document_target": "iframe",
        "return_url": f"{BASE}/return",
        "locale": "fr",
    }
    assert claims[f"{LTI}lis"]["person_sourcedid"] == LEARNERS[0].sourced_id
    assert claims[f"{LTI}resource_link"]["title"] == "Badges"
    assert claims[f"{LTI}custom"]["course_code"] == "AQ-101"
    endpoint = claims[f"{AGS}claim/endpoint"]
    scopes = {"lineitem", "lineitem.readonly", "result.readonly", "score"}
    assert set(endpoint["scope"]) == {f"{AGS}scope/{name}" for name in scopes}
    assert "lineitem" not in endpoint
    assert claims["https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"]["service_versions"] == ["2.0"]


def test_launch_of_a_checkpoint_names_its_line_item(client, tool, line_items):
    claims = tool.launch(client, "ada-okafor", item="water-log")
    assert claims[f"{AGS}claim/endpoint"]["lineitem"] == line_items["Water log"]["id"]
    assert claims[f"{LTI}resource_link"]["id"] == line_items["Water log"]["resourceLinkId"]


def test_people_without_name_or_email_launch_without_those_claims(client, tool):
    without_email = tool.launch(client, "noor-haddad")
    assert without_email["name"] == "نور حداد"
    assert "email" not in without_email
    assert {"name", "given_name", "family_name"}.isdisjoint(tool.launch(client, "name-withheld"))


@pytest.mark.parametrize(
    ("persona", "role"),
    [
        ("instructor", "http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"),
        ("admin", "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"),
        ("test-user", TEST_USER_ROLE),
    ],
)
def test_roles_are_full_addresses(client, tool, persona, role):
    roles = tool.launch(client, persona)[f"{LTI}roles"]
    assert role in roles
    assert all(urlsplit(one).scheme == "http" for one in roles)
    if persona == "admin":
        assert not any("membership" in one for one in roles)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"as": "nobody"}, 404),
        ({}, 404),
        ({"as": "ada-okafor", "item": "final-project"}, 404),
        ({"as": "ada-okafor", "course": "another"}, 404),
        ({"as": FORMER_LEARNER.slug}, 403),
    ],
)
def test_what_cannot_be_launched(client, query, status):
    assert client.get("/launch", query_string=query).status_code == status


@pytest.mark.parametrize("change", [{"redirect_uri": "https://evil.example/"}, {"client_id": "another"}])
def test_an_unknown_receiver_gets_nothing(client, tool, change):
    login = read_form(client.get("/launch?as=ada-okafor")).fields
    request = tool.authentication_request(login) | change
    response = client.get("/oidc/auth", query_string=request)
    assert response.status_code == 400
    assert "id_token" not in response.text
    assert "evil.example" not in response.text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"nonce": ""}, "invalid_request"),
        ({"response_mode": "query"}, "invalid_request"),
        ({"prompt": "login"}, "invalid_request"),
        ({"login_hint": LEARNERS[1].sub}, "login_required"),
        ({"lti_message_hint": "forged"}, "login_required"),
    ],
)
def test_a_wrong_request_is_answered_with_an_error(client, tool, change, code):
    login = read_form(client.get("/launch?as=ada-okafor")).fields
    request = tool.authentication_request(login) | change
    answer = read_form(client.post("/oidc/auth", data=request))
    assert answer.address == f"{tool.url}/lti/launch"
    assert answer.fields["error"] == code
    assert answer.fields["state"] == "state-1"
    assert "id_token" not in answer.fields


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_token_has_the_scopes_asked_for(client, tool):
    response = tool.ask_token(client, scope=f"{NRPS} https://example.org/scope/other")
    assert response.status_code == 200
    assert response.json["token_type"] == "bearer"
    assert response.json["scope"] == NRPS


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://another.example/token"},
        {"iss": "another"},
        {"sub": "another"},
        {"exp": None},
        {"exp": int(time.time()) - 3600, "iat": int(time.time()) - 3700},
        {"exp": int(time.time()) + 86400},
        {"iat": None},
        {"jti": None},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_a_wrong_assertion_is_refused(client, tool, changes):
    response = tool.ask_token(client, **changes)
    assert response.status_code == 401
    assert response.json["error"] == "invalid_client"


def test_an_assertion_works_once(client, tool):
    assert tool.ask_token(client, jti="once").status_code == 200
    assert tool.ask_token(client, jti="once").status_code == 401


def test_an_assertion_of_another_key_is_refused(client, tool):
    data = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(
            jwt.decode(tool.assertion(), options={"verify_signature": False}),
            rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "RS256",
            headers={"kid": tool.kid},
        ),
        "scope": NRPS,
    }
    assert client.post("/oidc/token", data=data).json["error"] == "invalid_client"


def test_a_rotated_tool_key_works_at_once(client):
    tool = FakeTool()
    try:
        client = create_lms(base_url=BASE, tool_url=tool.url).test_client()
        assert tool.ask_token(client).status_code == 200
        tool.key, tool.kid = rsa.generate_private_key(public_exponent=65537, key_size=2048), "tool-2"
        assert tool.ask_token(client).status_code == 200
    finally:
        tool.stop()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"scope": "https://example.org/scope/other"}, "invalid_scope"),
        ({"client_assertion": "not-a-token"}, "invalid_client"),
    ],
)
def test_token_errors_have_the_standard_form(client, tool, change, error):
    data = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": tool.assertion(),
        "scope": NRPS,
    }
    assert client.post("/oidc/token", data=data | change).json["error"] == error


# -- services --------------------------------------------------------------------------------------------------------


def test_services_need_a_token_with_their_scope(client, tool, line_items):
    url = path_of(line_items["Water log"]["id"])
    assert client.get(url).status_code == 401
    assert client.get(url, headers={"Authorization": "Bearer nonsense"}).status_code == 401
    names_only = {"Authorization": f"Bearer {tool.ask_token(client, scope=NRPS).json['access_token']}"}
    assert client.get(url, headers=names_only).status_code == 403
    assert client.get(f"{url}/results", headers=names_only).status_code == 403
    login = read_form(client.get("/launch?as=ada-okafor")).fields
    launch = read_form(client.get("/oidc/auth", query_string=tool.authentication_request(login)))
    stolen = {"Authorization": f"Bearer {launch.fields['id_token']}"}
    assert client.get(url, headers=stolen).status_code == 401


def test_only_the_tools_own_columns_are_line_items(client, bearer, line_items):
    assert list(line_items) == ["Water log", "Nitrogen cycle quiz", "Fish health check", "Bed design"]
    assert line_items["Water log"]["scoreMaximum"] == 20
    assert line_items["Water log"]["resourceId"] == "lakeside-water-log"
    assert {row["tag"] for row in line_items.values()} == {"checkpoint"}
    hidden = path_of(line_items["Water log"]["id"]).replace("water-log", "final-project")
    assert client.get(hidden, headers=bearer).status_code == 404
    assert client.get(f"{hidden}/results", headers=bearer).status_code == 404


def test_line_items_can_be_filtered(client, bearer, line_items):
    url = path_of(line_items["Water log"]["id"]).rsplit("/", 1)[0]
    found = client.get(f"{url}?resource_id=lakeside-bed-design", headers=bearer)
    assert [row["label"] for row in found.json] == ["Bed design"]
    assert found.headers["Content-Type"] == "application/vnd.ims.lis.v2.lineitemcontainer+json"


def test_results_come_in_pages_and_keep_who_left(client, bearer, line_items):
    rows, pages = read_all(client, f"{line_items['Water log']['id']}/results", bearer)
    assert pages == 3
    scores = {row["userId"]: row["resultScore"] for row in rows}
    assert len(scores) == len(rows) == 25
    assert scores[FORMER_LEARNER.sub] == 17
    assert scores[TEST_USER.sub] == 20
    assert scores[find_person("jules-tremblay").sub] == 13.9
    assert scores[find_person("zoe-ni-bhriain").sub] == 0
    assert scores[find_person("soren-angstrom").sub] == 22
    assert find_person("dang-thi-huong").sub in scores
    assert scores[find_person("dang-thi-huong").sub] is None
    assert find_person("thomas-nguyen").sub not in scores


def test_hidden_is_null_and_excused_is_absent(client, bearer, line_items):
    hidden, excused = find_person("olena-shevchenko").sub, find_person("chloe-lefevre").sub
    quiz = f"{path_of(line_items['Nitrogen cycle quiz']['id'])}/results?user_id={hidden}"
    rows = client.get(quiz, headers=bearer).json
    assert [(row["userId"], row["resultScore"], row["resultMaximum"]) for row in rows] == [(hidden, None, 40)]
    health = f"{path_of(line_items['Fish health check']['id'])}/results?user_id={excused}"
    assert client.get(health, headers=bearer).json == []


def test_a_live_grade_change_is_seen(client, lms, bearer, line_items):
    sub = find_person("jules-tremblay").sub
    url = f"{path_of(line_items['Water log']['id'])}/results?user_id={sub}"
    lms.extensions["lakeside"].set_score("water-log", "jules-tremblay", 14)
    assert client.get(url, headers=bearer).json[0]["resultScore"] == 14
    lms.extensions["lakeside"].set_score("water-log", "jules-tremblay", None)
    assert client.get(url, headers=bearer).json[0]["resultScore"] is None


def test_roster_comes_in_pages_without_who_left(client, tool, bearer):
    claims = tool.launch(client, "instructor")
    url = claims["https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"]["context_memberships_url"]
    members, pages = read_all(client, url, bearer, rows=lambda body: body["members"])
    assert pages == 3
    by_id = {member["user_id"]: member for member in members}
    assert len(by_id) == len(members) == len(LEARNERS) + 2
    assert FORMER_LEARNER.sub not in by_id
    assert ADMIN.sub not in by_id
    assert TEST_USER_ROLE in by_id[TEST_USER.sub]["roles"]
    assert by_id[INSTRUCTOR.sub]["status"] == "Active"
    assert "email" not in by_id[find_person("noor-haddad").sub]
    assert "name" not in by_id[find_person("name-withheld").sub]
    context = client.get(path_of(url), headers=bearer).json["context"]
    assert context == {"id": COURSE.id, "label": "AQ-101", "title": "Aquaponics Operator"}


def test_roster_filters_and_link_members(client, bearer, line_items):
    url = f"/api/lti/courses/{COURSE.id}/memberships"
    role = "http://purl.imsglobal.org/vocab/lis/v2/membership#Instructor"
    found = client.get(url, query_string={"role": role}, headers=bearer).json["members"]
    assert [member["user_id"] for member in found] == [INSTRUCTOR.sub]
    link = line_items["Water log"]["resourceLinkId"]
    found = client.get(url, query_string={"rlid": link}, headers=bearer)
    assert found.json["members"][0]["message"]
    assert dict(parse_qsl(urlsplit(next_page(found)).query))["rlid"] == link
    assert client.get(url, query_string={"rlid": "another"}, headers=bearer).status_code == 403
    assert client.get(url, query_string={"page": "x"}, headers=bearer).status_code == 400


def test_the_tool_makes_scores_and_removes_a_column(client, bearer, line_items):
    url = path_of(line_items["Water log"]["id"]).rsplit("/", 1)[0]
    made = client.post(url, json={"label": "Water Keeper", "scoreMaximum": 1, "tag": "badge-progress"}, headers=bearer)
    assert made.status_code == 201
    item = path_of(made.json["id"])
    ada = LEARNERS[0].sub
    score = {
        "userId": ada,
        "scoreGiven": 5,
        "scoreMaximum": 10,
        "timestamp": "2026-11-03T10:00:00.000Z",
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
    }
    assert client.post(f"{item}/scores", json=score, headers=bearer).status_code == 204
    assert [row["resultScore"] for row in client.get(f"{item}/results", headers=bearer).json] == [0.5]
    assert client.post(f"{item}/scores", json=score, headers=bearer).status_code == 409
    assert client.post(f"{item}/scores", json=score | {"userId": "nobody"}, headers=bearer).status_code == 422
    assert client.post(f"{item}/scores", json=score | {"timestamp": "noon"}, headers=bearer).status_code == 400
    changed = client.put(item, json=made.json | {"label": "Renamed"}, headers=bearer)
    assert changed.json["label"] == "Renamed"
    assert client.put(item, json={"label": "No maximum"}, headers=bearer).status_code == 400
    assert client.delete(item, headers=bearer).status_code == 204
    assert client.get(item, headers=bearer).status_code == 404
