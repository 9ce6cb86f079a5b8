"""The client against hosts that are odd, broken or hostile."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, Response, jsonify, redirect, request
from sending import find, push

from lti_tool.backpacks.base import ClientRegistration, HostDescription, Outcome, Tokens
from lti_tool.backpacks.ob3_api import READ, UPSERT, OpenBadgesApi
from lti_tool.errors import BackpackAnswerError, BackpackConsentError, BackpackError, BackpackRefusedError
from lti_tool.outbound import HttpClient

REDIRECT_URI = "http://localhost:8000/backpacks/callback"
TOKENS = Tokens("hush-hush", "hush-refresh", datetime(2026, 1, 1, tzinfo=UTC), UPSERT)
CLIENT = ClientRegistration("client id", "se:cret/", scope=UPSERT)
BADGE = json.dumps({"id": "https://badges.example/credentials/1", "type": ["VerifiableCredential"]})


def describe(base_url: str, **more: object) -> HostDescription:
    api_url = f"{base_url}/ims/ob/v3p0"
    values = {
        "api_url": api_url,
        "name": "Odd host",
        "registration_url": f"{base_url}/register",
        "authorization_url": f"{base_url}/authorize",
        "token_url": f"{base_url}/token",
        "refresh_url": f"{base_url}/token",
        **more,
    }
    return HostDescription(**values)


def discovery(base_url: str, *, flow: dict[str, object] | None = None, **scheme: object) -> dict[str, object]:
    return {
        "openapi": "3.0.1",
        "info": {"title": "Odd host", "termsOfService": "https://host.example/terms"},
        "components": {
            "securitySchemes": {
                "OAuth2ACG": {
                    "type": "oauth2",
                    "x-imssf-registrationUrl": f"{base_url}/register",
                    "x-imssf-privacyPolicyUrl": "javascript:alert(1)",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": f"{base_url}/authorize",
                            "tokenUrl": f"{base_url}/token",
                            **(flow or {}),
                        }
                    },
                    **scheme,
                }
            }
        },
    }


@pytest.fixture
def odd(serve):
    """``odd(path, view, …)``: the base URL of a host with one view for every method."""

    def start(**views):
        app = Flask("odd")
        base = serve(lambda _url: app)
        for name, view in views.items():
            path = {"credentials": "/ims/ob/v3p0/credentials", "discovery": "/ims/ob/v3p0/discovery"}.get(name)
            app.add_url_rule(path or f"/{name}", name, lambda view=view: view(base), methods=["GET", "POST"])
        return base

    return start


# -- discovery -------------------------------------------------------------------------------------------------------


def test_a_description_with_what_the_standard_demands_is_enough(api, odd):
    base = odd(discovery=lambda url: jsonify(discovery(url)))
    host = api.discover(base)
    assert host.refresh_url == host.token_url == f"{base}/token"
    assert (host.revocation_url, host.image_url, host.scopes) == (None, None, ())
    assert host.terms_url == "https://host.example/terms"
    assert host.privacy_url is None, "a link that is not https is not shown"


def test_a_moved_description_is_followed(api, odd):
    base = odd(discovery=lambda url: redirect(f"{url}/moved"), moved=lambda url: jsonify(discovery(url)))
    assert api.discover(base).token_url == f"{base}/token"


def test_servers_on_the_same_origin_name_the_api(api, odd):
    base = odd(
        discovery=lambda url: redirect(f"{url}/moved"),
        moved=lambda url: jsonify(discovery(url) | {"servers": [{"url": f"{url}/tenant/ims/ob/v3p0/"}]}),
    )
    assert api.discover(base).api_url == f"{base}/tenant/ims/ob/v3p0"


def test_servers_elsewhere_are_not_given_tokens(api, odd):
    base = odd(
        discovery=lambda url: jsonify(discovery(url) | {"servers": [{"url": "https://evil.example/ims/ob/v3p0"}]})
    )
    assert api.discover(base).api_url == f"{base}/ims/ob/v3p0"


def test_a_redirect_to_a_private_host_is_not_followed(odd):
    called = []
    inside = odd(secret=lambda _url: called.append(True) or jsonify({}))
    base = odd(discovery=lambda _url: redirect(inside.replace("127.0.0.1", "127.0.0.2") + "/secret"))
    with pytest.raises(BackpackRefusedError) as caught:
        OpenBadgesApi(HttpClient(allowed_private_hosts=["127.0.0.1"])).discover(base)
    assert caught.value.code == "address_refused"
    assert called == []


def test_a_private_host_is_refused_unless_listed(odd):
    base = odd(discovery=lambda url: jsonify(discovery(url)))
    with pytest.raises(BackpackRefusedError):
        OpenBadgesApi(HttpClient()).discover(base)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "http://8.8.8.8/a", "https://10.0.0.1/a", "https://u:p@8.8.8.8/a", "http://[x/a"],
)
@pytest.mark.parametrize("where", ["authorizationUrl", "tokenUrl", "refreshUrl", "x-imssf-registrationUrl"])
def test_addresses_in_a_description_are_checked(api, odd, where, url):
    changed = {where: url} if where.startswith("x-") else {"flow": {where: url}}
    base = odd(discovery=lambda base_url: jsonify(discovery(base_url, **changed)))
    with pytest.raises(BackpackRefusedError if "[" not in url else BackpackAnswerError):
        api.discover(base)


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"components": []}', '{"components": {"securitySchemes": 1}}'])
def test_what_is_no_description_is_refused(api, odd, body):
    base = odd(discovery=lambda _url: Response(body, content_type="application/json"))
    with pytest.raises(BackpackAnswerError):
        api.discover(base)


@pytest.mark.parametrize("address", ["", "   ", "https://", "http://[broken", "https://host.example:99999"])
def test_what_is_no_address_is_refused(api, address):
    with pytest.raises(BackpackRefusedError) as caught:
        api.discover(address)
    assert caught.value.code == "backpack_address_invalid"


def test_a_host_that_is_not_there_may_come_back(api, odd):
    with pytest.raises(BackpackError) as caught:
        api.discover("http://127.0.0.1:1")
    assert caught.value.retryable


def test_a_host_without_this_api_is_refused(api, odd):
    with pytest.raises(BackpackRefusedError) as caught:
        api.discover(odd())
    assert caught.value.http_status == 404


# -- registration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grant_types", "offline"),
    [
        (["authorization_code", "refresh_token"], True),
        (["authorization_code", "refresh_token"], False),
        (["authorization_code"], False),
        (["authorization_code"], True),
    ],
)
def test_whatever_form_a_host_wants_is_found(register, odd, grant_types, offline):
    def strict(_base):
        document = request.get_json()
        if document["grant_types"] != grant_types or ("offline_access" in document["scope"].split()) is not offline:
            return jsonify(error="invalid_client_metadata"), 400
        return jsonify(client_id="c", client_secret="s", scope=document["scope"]), 201

    client = register(describe(odd(register=strict)))
    assert ("offline_access" in client.scope.split()) is offline


@pytest.mark.parametrize(
    ("status", "error"), [(400, "invalid_redirect_uri"), (400, "unapproved_software_statement"), (403, "")]
)
def test_a_refusal_no_other_form_cures_is_final(register, odd, status, error):
    calls = []
    base = odd(register=lambda _base: calls.append(1) or (jsonify(error=error), status))
    with pytest.raises(BackpackRefusedError) as caught:
        register(describe(base))
    assert (caught.value.code, len(calls)) == ("backpack_registration_refused", 1)


def test_a_host_that_refuses_every_form_ends_the_attempts(register, odd):
    calls = []
    base = odd(register=lambda _base: calls.append(1) or (jsonify(error="invalid_client_metadata"), 400))
    with pytest.raises(BackpackRefusedError):
        register(describe(base))
    assert len(calls) == 4


def test_a_host_that_takes_no_badges_is_not_registered_with(register, odd):
    calls = []
    base = odd(register=lambda _base: calls.append(1) or jsonify({}))
    with pytest.raises(BackpackRefusedError) as caught:
        register(describe(base, scopes=(READ,)))
    assert (caught.value.code, calls) == ("backpack_scope_missing", [])


def test_a_registration_without_the_right_to_add_is_of_no_use(register, odd):
    base = odd(register=lambda _base: (jsonify(client_id="c", client_secret="s", scope=READ), 201))
    with pytest.raises(BackpackRefusedError) as caught:
        register(describe(base))
    assert caught.value.code == "backpack_scope_missing"


@pytest.mark.parametrize("document", [{}, {"client_id": ""}, {"client_id": 7}, {"client_id": "c", "client_secret": 7}])
def test_a_registration_without_an_id_is_malformed(register, odd, document):
    with pytest.raises(BackpackAnswerError):
        register(describe(odd(register=lambda _base: (jsonify(document), 201))))


def test_when_a_secret_ends_is_remembered(register, odd):
    answer = {"client_id": "c", "client_secret": "s", "client_secret_expires_at": 1_800_000_000}
    client = register(describe(odd(register=lambda _base: (jsonify(answer), 201))))
    assert client.secret_expires_at == datetime.fromtimestamp(1_800_000_000, UTC)


# -- tokens ----------------------------------------------------------------------------------------------------------


def exchange(api, base, client=CLIENT):
    return api.exchange_code(describe(base), client, "code", REDIRECT_URI, "v" * 64)


def test_the_secret_is_encoded_before_it_is_joined(api, odd):
    seen = []

    def token(_base):
        seen.append((request.authorization.username, request.authorization.password, request.form.get("scope")))
        return jsonify(access_token="a", token_type="bearer")

    tokens = exchange(api, odd(token=token))
    assert seen == [("client%20id", "se%3Acret%2F", UPSERT)]
    assert tokens.refresh_token is None
    assert tokens.scope == UPSERT
    assert timedelta(minutes=59) < tokens.expires_at - datetime.now(UTC) <= timedelta(hours=1)


@pytest.mark.parametrize(("method", "secret"), [("client_secret_post", "s"), ("none", None)])
def test_other_ways_to_authenticate(api, odd, method, secret):
    seen = []

    def token(_base):
        seen.append((request.authorization, request.form.get("client_id"), request.form.get("client_secret")))
        return jsonify(access_token="a", token_type="Bearer")

    exchange(api, odd(token=token), ClientRegistration("c", secret, method, UPSERT))
    assert seen == [(None, "c", secret)]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"access_token": "a"},
        {"access_token": "", "token_type": "Bearer"},
        {"access_token": "a", "token_type": "mac"},
    ],
)
def test_what_is_no_bearer_token_is_malformed(api, odd, document):
    with pytest.raises(BackpackAnswerError):
        exchange(api, odd(token=lambda _base: jsonify(document)))


def test_a_consent_without_the_right_to_add_asks_again(api, odd):
    base = odd(token=lambda _base: jsonify(access_token="a", token_type="Bearer", scope=READ))
    with pytest.raises(BackpackConsentError) as caught:
        exchange(api, base)
    assert caught.value.code == "backpack_scope_missing"


def test_a_refresh_that_brings_no_new_refresh_token_keeps_the_old(api, odd):
    base = odd(token=lambda _base: jsonify(access_token="new", token_type="Bearer", expires_in=60))
    tokens = api.refresh(describe(base), CLIENT, TOKENS)
    assert (tokens.access_token, tokens.refresh_token) == ("new", "hush-refresh")


def test_the_token_address_does_not_send_secrets_on(api, odd):
    called = []
    other = odd(token=lambda _base: called.append(True) or jsonify({}))
    base = odd(token=lambda _base: redirect(f"{other}/token", 307))
    with pytest.raises(BackpackRefusedError):
        exchange(api, base)
    assert called == []


def test_a_host_without_revocation_says_so(api, odd):
    assert api.revoke(describe(odd()), CLIENT, TOKENS) is False


# -- pushing ---------------------------------------------------------------------------------------------------------


def test_the_bytes_go_out_as_they_are(api, odd):
    seen = []

    def take(_base):
        seen.append((request.get_data(), request.content_type, request.headers["Authorization"]))
        return Response(status=201)

    text = ' {"id": "https://badges.example/credentials/1",\n  "name": "É", "creditsEarned": 2.50}'
    receipt = push(api, describe(odd(credentials=take)), TOKENS, text)
    assert seen == [(text.encode(), "application/json", "Bearer hush-hush")]
    assert (receipt.outcome, receipt.remote_id) == (Outcome.CREATED, None)


def test_nothing_to_do_is_an_outcome(api, odd):
    receipt = push(api, describe(odd(credentials=lambda _base: Response(status=304))), TOKENS, BADGE)
    assert (receipt.outcome, receipt.http_status) == (Outcome.UNCHANGED, 304)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("<p>Welcome", "text/html", 200),
        (BADGE, "text/html", 201),
        ("not json", "application/json", 200),
        ('{"id": "https://badges.example/credentials/2"}', "application/json", 201),
        ("{}", "application/json", 202),
    ],
)
def test_an_answer_that_is_not_the_badge_is_malformed(api, odd, body, kind, status):
    base = odd(credentials=lambda _base: Response(body, status, content_type=kind))
    with pytest.raises(BackpackAnswerError) as caught:
        push(api, describe(base), TOKENS, BADGE)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("taken", "refusal"),
    [
        ("application/ld+json", (400, '{"imsx_description": "content-type must be application/ld+json"}')),
        ("application/vc+ld+json", (415, "")),
    ],
)
def test_the_media_type_a_host_takes_is_found(api, odd, taken, refusal):
    seen = []

    def take(_base):
        seen.append(request.mimetype)
        if request.mimetype != taken:
            return Response(refusal[1], refusal[0])
        return Response(request.get_data(), 201, content_type=taken)

    assert push(api, describe(odd(credentials=take)), TOKENS, BADGE).outcome is Outcome.CREATED
    assert seen[-1] == taken
    assert "application/vc" not in seen


def test_a_host_that_takes_no_json_says_so_in_the_end(api, odd):
    with pytest.raises(BackpackRefusedError) as caught:
        push(api, describe(odd(credentials=lambda _base: Response(status=415))), TOKENS, BADGE)
    assert caught.value.code == "backpack_form_refused"


def test_a_push_is_never_redirected(api, odd):
    called = []
    other = odd(credentials=lambda _base: called.append(True) or Response(status=201))
    base = odd(credentials=lambda _base: redirect(f"{other}/ims/ob/v3p0/credentials", 307))
    with pytest.raises(BackpackRefusedError):
        push(api, describe(base), TOKENS, BADGE)
    assert called == []


# -- reading back ----------------------------------------------------------------------------------------------------


def page(badges, **headers):
    return Response(json.dumps({"credential": badges}), content_type="application/json", headers=headers)


@pytest.mark.parametrize(
    "next_page",
    ["{base}/ims/ob/v3p0/credentials?offset={n}", "{base}/ims/ob/v3p0/credentials?limit=100&offset=0", "?offset={n}"],
)
def test_pages_without_end_are_left(api, odd, next_page):
    calls = []

    def endless(base):
        calls.append(1)
        return page([{"id": "other"}], Link=f'<{next_page.format(base=base, n=len(calls))}>; rel="next"')

    with pytest.raises(BackpackAnswerError):
        find(api, describe(odd(credentials=endless)), TOKENS, "wanted")
    assert len(calls) <= 100


def test_an_empty_page_is_the_last(api, odd):
    calls = []

    def empty(base):
        calls.append(1)
        return page([], Link=f'<{base}/ims/ob/v3p0/credentials?offset={len(calls)}>; rel="next"')

    assert find(api, describe(odd(credentials=empty)), TOKENS, "wanted") is None
    assert len(calls) == 1


def test_the_token_does_not_follow_a_page_to_another_host(api, odd):
    called = []
    other = odd(credentials=lambda _base: called.append(True) or page([]))
    base = odd(credentials=lambda _base: page([{"id": "x"}], Link=f'<{other}/ims/ob/v3p0/credentials>; rel="next"'))
    with pytest.raises(BackpackAnswerError):
        find(api, describe(base), TOKENS, "wanted")
    assert called == []


def test_the_token_does_not_follow_a_redirect(api, odd):
    called = []
    other = odd(credentials=lambda _base: called.append(True) or page([]))
    base = odd(credentials=lambda _base: redirect(f"{other}/ims/ob/v3p0/credentials"))
    with pytest.raises(BackpackRefusedError):
        find(api, describe(base), TOKENS, "wanted")
    assert called == []


@pytest.mark.parametrize("total", [None, "2", "999"])
def test_without_links_the_offset_leads_on_whatever_the_total_says(api, odd, total):
    badges = [{"id": str(number)} for number in range(5)]

    def listed(_base):
        offset = int(request.args["offset"])
        return page(badges[offset : offset + 2], **({"X-Total-Count": total} if total else {}))

    host = describe(odd(credentials=listed))
    assert find(api, host, TOKENS, "4") == '{"id": "4"}'
    assert find(api, host, TOKENS, "5") is None


def test_a_link_without_next_is_the_last_page(api, odd):
    calls = []

    def listed(base):
        calls.append(request.args["offset"])
        return page([{"id": "0"}], Link=f'<{base}/x>; rel="last"', **{"X-Total-Count": "5"})

    assert find(api, describe(odd(credentials=listed)), TOKENS, "4") is None
    assert calls == ["0"]


def test_a_host_that_knows_no_offset_is_asked_twice_at_most(api, odd):
    calls = []
    base = odd(credentials=lambda _base: calls.append(1) or page([{"id": "0"}]))
    assert find(api, describe(base), TOKENS, "4") is None
    assert len(calls) == 2


@pytest.mark.parametrize("body", ['{"credential": null}', "{}", '{"credential": [], "compactJwsString": null}'])
def test_absent_null_and_empty_lists_mean_the_same(api, odd, body):
    base = odd(credentials=lambda _base: Response(body, content_type="application/json"))
    assert api.find(describe(base), TOKENS, ["wanted"]) == {}


@pytest.mark.parametrize("body", ['{"credential": {}, "compactJwsString": 7}', "[]", "{"])
def test_a_list_of_another_form_is_malformed(api, odd, body):
    base = odd(credentials=lambda _base: Response(body, content_type="application/json"))
    with pytest.raises(BackpackAnswerError):
        find(api, describe(base), TOKENS, "wanted")
