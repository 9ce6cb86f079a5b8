"""An issuer's web site with a signed badge: issuer document, status list, whatever else a test puts there."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from werkzeug.wrappers import Request, Response

from lti_tool.openbadges import v3
from lti_tool.openbadges.proof import Signer
from lti_tool.openbadges.status_list import compose_status_list, new_bits, set_bit

AWARDED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
INDEX = 7


@dataclass
class BadgeSite:
    """A WSGI application that answers ``pages`` by path."""

    url: str = ""
    pages: dict[str, Response] = field(default_factory=dict)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @classmethod
    def on(cls, live: Callable[[Any], str]) -> Self:
        """A site served by the fixture ``live``."""
        site = cls()
        site.url = live(site)
        site.put("/issuers/1", json.dumps(v3.compose_issuer_document(site.issuer, [site.key.public_key()])).encode())
        site.put_status(new_bits())
        return site

    @property
    def issuer(self) -> v3.Issuer:
        """Who issues."""
        return v3.Issuer(id=f"{self.url}/issuers/1", name="Lakeside College", url=None, email=None, description=None)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        response = self.pages.get(Request(environ).path) or Response("Not found", 404)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def put(self, path: str, body: bytes) -> None:
        """Answer ``body`` as JSON."""
        self.pages[path] = Response(body, mimetype="application/json")

    def put_status(self, bits: bytes) -> None:
        """Publish a status list."""
        listed = compose_status_list(f"{self.url}/status/1", self.issuer.id, bits, AWARDED)
        self.put("/status/1", json.dumps(self._signer.sign(listed, AWARDED)).encode())

    def revoke(self) -> None:
        """Revoke the badge."""
        self.put_status(set_bit(new_bits(), INDEX))

    def badge(self) -> bytes:
        """The signed badge as a file."""
        document = v3.compose_credential(
            credential_id=f"{self.url}/credentials/1",
            issuer=self.issuer,
            achievement=v3.AchievementCard(
                id=f"{self.url}/achievements/1",
                name="Writer",
                description="Writes.",
                criteria_narrative="Write an essay.",
                achievement_type="MicroCredential",
                image_url=f"{self.url}/pictures/1.png",
                image_caption="A pen",
                language="en",
                version="1",
                alignments=(),
            ),
            subject=v3.Subject(email=v3.HashedEmail(email="ada@example.org", salt="salt")),
            valid_from=AWARDED,
            awarded_at=AWARDED,
            status=v3.StatusEntry(list_url=f"{self.url}/status/1", index=INDEX),
        )
        return json.dumps(self._signer.sign(document, AWARDED)).encode()

    @property
    def _signer(self) -> Signer:
        return Signer(self.key, self.issuer.id)
