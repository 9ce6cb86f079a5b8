"""One issuer, one achievement, one learner, and a web that holds the issuer's documents."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lti_tool.errors import OutboundError
from lti_tool.openbadges import v3
from lti_tool.openbadges.proof import Signer
from lti_tool.openbadges.status_list import compose_status_list, new_bits

ISSUER_ID = "https://badges.example/issuers/4"
STATUS_URL = "https://badges.example/status/3"
CREDENTIAL_ID = "https://badges.example/credentials/7b1d"
AWARDED = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
INDEX = 94567
RESULT_ID = "urn:uuid:5a0e2c0e-6b5e-4f8a-9a36-1f6f0d2b7c11"


@dataclass(frozen=True)
class Page:
    status: int
    body: bytes


@dataclass
class Web:
    """Answers what was put there; every other address is down."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def put(self, url, document, status=200):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.pages[url] = Page(status, body)

    def __call__(self, url, accept):
        self.asked.append((url, accept))
        if url not in self.pages:
            raise OutboundError("host down")
        return self.pages[url]


@pytest.fixture(scope="session")
def key():
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="session")
def signer(key):
    return Signer(key, ISSUER_ID)


@pytest.fixture(scope="session")
def issuer():
    return v3.Issuer(
        id=ISSUER_ID,
        name="Example College",
        url="https://college.example",
        email="badges@college.example",
        description="A college.",
        image_url="https://college.example/logo.png",
    )


@pytest.fixture(scope="session")
def achievement():
    return v3.AchievementCard(
        id="https://badges.example/achievements/data-basics",
        name="Data Basics",
        description="Cleans and charts a small data set.",
        criteria_narrative="Score 70 or more\nin the final project.",
        criteria_url="https://badges.example/achievements/data-basics#criteria",
        achievement_type="MicroCredential",
        image_url="https://badges.example/achievements/data-basics.png",
        image_caption="A blue hexagon",
        language="en-GB",
        alignments=(
            v3.Alignment(
                target_name="Clean data",
                target_url="https://frameworks.example/items/1",
                target_code="D1",
                target_description="Cleans data.",
                target_framework="Data Framework",
                target_type="CFItem",
            ),
            v3.Alignment(target_name="Chart data", target_url="https://frameworks.example/items/2"),
        ),
        result_descriptions=(
            v3.ResultDescription(
                id=RESULT_ID,
                name="Project score",
                result_type="Percent",
                value_min="0",
                value_max="100",
                required_value="70",
            ),
        ),
        tags=("data", "charts"),
        version="2",
    )


@pytest.fixture(scope="session")
def compose(issuer, achievement):
    def compose(**changes):
        parts = {
            "credential_id": CREDENTIAL_ID,
            "issuer": issuer,
            "achievement": achievement,
            "subject": v3.Subject(email=v3.HashedEmail(email="Ana@Example.com ", salt="Kosher"), name="Ana Ñandú"),
            "valid_from": AWARDED,
            "awarded_at": AWARDED,
            "valid_until": datetime(2029, 3, 1, tzinfo=UTC),
            "status": v3.StatusEntry(list_url=STATUS_URL, index=INDEX),
            "results": (v3.Result(result_description_id=RESULT_ID, value="82"),),
            "evidence": (v3.Evidence(id="https://badges.example/evidence/1", name="Report", narrative="Charts."),),
            "narrative": "Worked in a team.",
        }
        return v3.compose_credential(**{**parts, **changes})

    return compose


@pytest.fixture(scope="session")
def _signed_text(compose, signer):
    return json.dumps(signer.sign(compose(), AWARDED))


@pytest.fixture
def signed(_signed_text):
    return json.loads(_signed_text)


@pytest.fixture(scope="session")
def _pages(issuer, key, signer):
    status_list = signer.sign(compose_status_list(STATUS_URL, ISSUER_ID, new_bits(), AWARDED), AWARDED)
    return {ISSUER_ID: v3.compose_issuer_document(issuer, [key.public_key()]), STATUS_URL: status_list}


@pytest.fixture
def web(_pages):
    web = Web()
    for url, document in _pages.items():
        web.put(url, document)
    return web
