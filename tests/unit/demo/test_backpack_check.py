"""openbadgeslib's verdict on what the backpack was given, with the issuer's key fetched over HTTP."""

import base64
import copy
import gzip
import json
import threading
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, Response, jsonify
from openbadgeslib.ob3 import add_data_integrity_proof, multikey_from_pem
from werkzeug.serving import WSGIRequestHandler, make_server

from lti_tool.demo.backpack_check import CredentialCheck, State
from lti_tool.outbound import HttpClient


class QuietHandler(WSGIRequestHandler):
    def log(self, type, message, *args):
        pass


class Issuer:
    """An issuer with its own key, document and status list on a real port."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.app = Flask("issuer")
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=QuietHandler)
        self.base = f"http://127.0.0.1:{self.server.port}"
        self.id = f"{self.base}/issuers/1"
        self.key_id = f"{self.id}#key-1"
        self.requests = 0
        self.revoked = False
        self.document = {
            "id": self.id,
            "type": ["Profile"],
            "name": "Lakeside College",
            "assertionMethod": [
                {
                    "id": self.key_id,
                    "type": "Multikey",
                    "controller": self.id,
                    "publicKeyMultibase": multikey_from_pem(
                        self.key.public_key().public_bytes(
                            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                        )
                    ),
                }
            ],
        }
        self.app.add_url_rule("/issuers/1", "issuer", self._issuer)
        self.app.add_url_rule("/status/1", "status", self._status)

    def _issuer(self):
        self.requests += 1
        return jsonify(self.document)

    def _status(self):
        bits = bytearray(16384)
        bits[0] = 0b0100_0000 if self.revoked else 0
        encoded = "u" + base64.urlsafe_b64encode(gzip.compress(bytes(bits))).rstrip(b"=").decode()
        now = datetime.now(UTC)
        claims = {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": f"{self.base}/status/1",
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": self.id,
            "validFrom": "2026-01-01T00:00:00Z",
            "credentialSubject": {
                "id": f"{self.base}/status/1#list",
                "type": "BitstringStatusList",
                "statusPurpose": "revocation",
                "encodedList": encoded,
            },
            "iss": self.id,
            "nbf": int(now.timestamp()) - 10,
        }
        return Response(jwt.encode(claims, self.pem, "EdDSA"), content_type="application/vc+jwt")

    def unsigned(self, **more):
        return {
            "@context": [
                "https://www.w3.org/ns/credentials/v2",
                "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
            ],
            "id": f"{self.base}/credentials/7",
            "type": ["VerifiableCredential", "OpenBadgeCredential"],
            "name": "Balance the water chemistry",
            "validFrom": "2026-03-01T09:00:00Z",
            "issuer": {"id": self.id, "type": ["Profile"], "name": "Lakeside College"},
            "credentialSubject": {
                "id": "urn:uuid:5a0e2c0e-6b5e-4f8a-9a36-1f6f0d2b7c11",
                "type": ["AchievementSubject"],
                "achievement": {
                    "id": f"{self.base}/achievements/water",
                    "type": ["Achievement"],
                    "name": "Balance the water chemistry",
                    "description": "Keeps ammonia, nitrite and pH in range.",
                    "criteria": {"narrative": "Keep a water log for four weeks."},
                },
            },
            **more,
        }

    def signed(self, **more):
        return add_data_integrity_proof(self.unsigned(**more), self.pem, self.key_id)

    def with_status(self):
        return self.signed(
            credentialStatus={
                "id": f"{self.base}/status/1#1",
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
                "statusListIndex": "1",
                "statusListCredential": f"{self.base}/status/1",
            }
        )

    def token(self, **header):
        document = self.unsigned()
        claims = document | {
            "iss": self.id,
            "sub": document["credentialSubject"]["id"],
            "jti": document["id"],
            "nbf": int(datetime(2026, 3, 1, 9, tzinfo=UTC).timestamp()),
        }
        return jwt.encode(claims, self.pem, "EdDSA", headers=header)


@pytest.fixture
def issuer():
    one = Issuer()
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


@pytest.fixture
def check():
    return CredentialCheck(HttpClient(timeout=(2, 5), allowed_private_hosts=["127.0.0.1"]))


def test_what_the_issuer_signed_is_intact(issuer, check):
    verdict = check.verdict(json.dumps(issuer.signed()))
    assert (verdict.state, verdict.status_checked) == (State.INTACT, None)


def test_order_and_white_space_do_not_matter(issuer, check):
    text = json.dumps(dict(reversed(issuer.signed().items())), indent=3)
    assert check.verdict(text).state is State.INTACT


@pytest.mark.parametrize(
    "alter",
    [
        lambda badge: badge.update(name="Pilot a submarine"),
        lambda badge: badge["credentialSubject"]["achievement"].update(description="Everything."),
        lambda badge: badge.update(validUntil="2099-01-01T00:00:00Z"),
        lambda badge: badge["credentialSubject"].update(nickname="a term no context knows"),
        lambda badge: badge["proof"].update(created="2026-03-02T00:00:00Z"),
    ],
)
def test_any_change_is_seen(issuer, check, alter):
    badge = copy.deepcopy(issuer.signed())
    alter(badge)
    verdict = check.verdict(json.dumps(badge))
    assert verdict.state is State.ALTERED
    assert verdict.reason


def test_a_badge_signed_by_somebody_else_in_the_issuers_name(issuer, check):
    other = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    forged = add_data_integrity_proof(issuer.unsigned(), other, issuer.key_id)
    assert check.verdict(json.dumps(forged)).state is State.ALTERED


def test_a_badge_after_its_time_is_expired_not_altered(issuer, check):
    assert check.verdict(json.dumps(issuer.signed(validUntil="2026-03-02T09:00:00Z"))).state is State.EXPIRED


def test_a_badge_before_its_time(issuer, check):
    assert check.verdict(json.dumps(issuer.signed(validFrom="2099-03-02T09:00:00Z"))).state is State.EXPIRED


def test_an_expired_badge_that_was_altered_is_altered(issuer, check):
    badge = issuer.signed(validUntil="2026-03-02T09:00:00Z")
    badge["name"] = "Pilot a submarine"
    assert check.verdict(json.dumps(badge)).state is State.ALTERED


def test_a_withdrawn_badge_is_revoked(issuer, check):
    text = json.dumps(issuer.with_status())
    assert (check.verdict(text).state, check.verdict(text).status_checked) == (State.INTACT, True)
    issuer.revoked = True
    assert check.verdict(text).state is State.REVOKED


def test_a_status_list_that_cannot_be_had_is_said(issuer, check):
    issuer.app.view_functions["status"] = lambda: Response("gone", 404)
    verdict = check.verdict(json.dumps(issuer.with_status()))
    assert (verdict.state, verdict.status_checked) == (State.INTACT, False)


def test_a_signed_token_is_intact(issuer, check):
    assert check.verdict(issuer.token(kid=issuer.key_id)).state is State.INTACT


def test_an_altered_token_is_seen(issuer, check):
    head, payload, signature = issuer.token(kid=issuer.key_id).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "==")) | {"name": "Pilot a submarine"}
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assert check.verdict(f"{head}.{changed}.{signature}").state is State.ALTERED


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(assertionMethod=[]),
        lambda document: document["assertionMethod"][0].update(controller="https://evil.example/issuers/1"),
        lambda document: document["assertionMethod"][0].update(id="https://evil.example/#key-1"),
        lambda document: document.update(verificationMethod=document.pop("assertionMethod")),
        lambda document: document.update(id="https://evil.example/issuers/1"),
        lambda document: document["assertionMethod"][0].update(publicKeyMultibase="z6broken"),
    ],
)
def test_without_the_issuers_own_key_nothing_is_known(issuer, check, change):
    change(issuer.document)
    verdict = check.verdict(json.dumps(issuer.signed()))
    assert verdict.state is State.UNCHECKED
    assert verdict.reason


def test_keys_may_be_listed_by_id(issuer, check):
    issuer.document["verificationMethod"] = issuer.document["assertionMethod"]
    issuer.document["assertionMethod"] = [issuer.key_id]
    assert check.verdict(json.dumps(issuer.signed())).state is State.INTACT


def test_an_issuer_that_is_gone_is_not_an_altered_badge(issuer, check):
    issuer.app.view_functions["issuer"] = lambda: Response("gone", 503)
    assert check.verdict(json.dumps(issuer.signed())).state is State.UNCHECKED


def test_an_issuer_at_a_private_address_is_not_asked(issuer):
    verdict = CredentialCheck(HttpClient()).verdict(json.dumps(issuer.signed()))
    assert (verdict.state, issuer.requests) == (State.UNCHECKED, 0)


def test_one_look_at_a_page_asks_each_issuer_once(issuer, check):
    for _ in range(3):
        check.verdict(json.dumps(issuer.signed()))
    assert issuer.requests == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "a.b", "e30.e30.e30", '{"issuer": 5, "proof": "x"}'])
def test_what_is_no_signed_badge_cannot_be_checked(check, text):
    assert check.verdict(text).state is State.UNCHECKED
