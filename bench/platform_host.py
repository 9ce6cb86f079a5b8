"""The platform of the launch benchmark: its key, its key set on loopback, and the id_tokens it signs."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://lms.example.org"
CLIENT_ID = "10000000000042"
DEPLOYMENT_ID = "7:0f4c"
KEY_ID = "lms-2026"
TOKEN_BYTES = 4000
LEARNERS = 300
COURSES = 20
LTI = "https://purl.imsglobal.org/spec/lti/claim"
LIS = "http://purl.imsglobal.org/vocab/lis/v2"


def write_key(path: Path) -> None:
    """Make the platform's RSA key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem)


class Platform:
    """Signs launches of many learners in several courses; ``tool`` is the tool's address, without final slash."""

    def __init__(self, key_path: Path, tool: str) -> None:
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key
        self._tool = tool
        self._number = 0

    @property
    def key_set(self) -> dict[str, Any]:
        """The published JWKS."""
        jwk = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**jwk, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]}

    def login_form(self, target: str) -> dict[str, str]:
        """What the platform makes the browser post to the login address."""
        return {
            "iss": ISSUER,
            "login_hint": "f3c19c1e-6b9d-44a3-8a8a-9e3df9b40f3b",
            "target_link_uri": target,
            "client_id": CLIENT_ID,
            "lti_deployment_id": DEPLOYMENT_ID,
            "lti_message_hint": '{"cmid":12,"launchid":"ltilaunch12_1489512"}',
        }

    def id_token(self, nonce: str, target: str) -> str:
        """A signed id_token of about ``TOKEN_BYTES`` for the next learner."""
        self._number += 1
        learner, course = self._number % LEARNERS, self._number % COURSES
        claims = {**self._claims(learner, course, target), "nonce": nonce, f"{LTI}/custom": {"filler": self._filler}}
        return self._sign(claims)

    @cached_property
    def _filler(self) -> str:
        """Stands for the custom parameters of a platform that sends many."""
        without = self._sign({**self._claims(1, 1, self._tool), "nonce": "x" * 43, f"{LTI}/custom": {"filler": ""}})
        return "x" * max(0, (TOKEN_BYTES - len(without)) * 3 // 4)

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, "RS256", headers={"kid": KEY_ID})

    def _claims(self, learner: int, course: int, target: str) -> dict[str, Any]:
        now = int(time.time())
        items = f"{ISSUER}/mod/lti/services.php/{course}/lineitems"
        return {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": f"7c0f3b0e-5a0e-4c7e-9a36-{learner:012d}",
            "iat": now,
            "exp": now + 300,
            "given_name": "Ada",
            "family_name": f"Learner {learner}",
            "name": f"Ada Learner {learner}",
            "email": f"learner{learner}@lakeside.example.org",
            f"{LTI}/version": "1.3.0",
            f"{LTI}/message_type": "LtiResourceLinkRequest",
            f"{LTI}/deployment_id": DEPLOYMENT_ID,
            f"{LTI}/target_link_uri": target,
            f"{LTI}/roles": [
                f"{LIS}/membership#Learner",
                f"{LIS}/institution/person#Student",
                f"{LIS}/system/person#User",
            ],
            f"{LTI}/context": {
                "id": f"course-{course}",
                "label": f"AQUA{course}",
                "title": f"Aquaponics {course}",
                "type": [f"{LIS}/course#CourseSection"],
            },
            f"{LTI}/resource_link": {"id": f"link-{course}", "title": "Badges", "description": ""},
            f"{LTI}/tool_platform": {"guid": "lms.example.org", "name": "Lakeside", "product_family_code": "moodle"},
            f"{LTI}/launch_presentation": {
                "locale": "en",
                "document_target": "iframe",
                "return_url": f"{ISSUER}/mod/lti/return.php?course={course}",
            },
            f"{LTI}/lis": {"person_sourcedid": f"s{learner}", "course_section_sourcedid": f"c{course}"},
            "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
                "scope": [
                    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly",
                    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly",
                ],
                "lineitems": f"{items}?type_id=3",
                "lineitem": f"{items}/{course}/lineitem?type_id=3",
            },
            "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice": {
                "context_memberships_url": f"{ISSUER}/mod/lti/services.php/{course}/memberships",
                "service_versions": ["1.0", "2.0"],
            },
        }


class KeySetHost:
    """Serves one key set on loopback and counts who asks; its CPU is no contestant's."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.fetched = 0
        self._body = json.dumps(document).encode()
        self.counting = threading.Lock()

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve while inside; yields the address."""
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with host.counting:
                    host.fetched += 1
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(host._body)))
                self.end_headers()
                self.wfile.write(host._body)

            def log_message(self, *_message: object) -> None:
                """Keep quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/jwks"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
