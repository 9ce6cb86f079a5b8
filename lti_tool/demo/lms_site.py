"""What the parts of one demo LMS share: its addresses, keys, gradebook and the identifiers it is registered with."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from itsdangerous import URLSafeTimedSerializer

from lti_tool.demo.lms_gradebook import Gradebook
from lti_tool.demo.story import COURSE

CLIENT_ID = "lakeside-lti-badges"
DEPLOYMENT_ID = "lakeside-1"
GUID = "lakeside.example"
PRODUCT = "lakeside-demo"
AGS_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/"
LEEWAY_SECONDS = 30


class OAuthError(Exception):
    """The token request is refused (RFC 6749, section 5.2); ``code`` is the ``error`` of the answer."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class AuthenticationRefused(Exception):
    """The OIDC request is refused. ``code``: the OIDC error for the tool, ``None`` when it must not be sent there."""

    def __init__(self, code: str | None, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(frozen=True, slots=True)
class LaunchHint:
    """What one launch is about: the person (``sub``), the link on the course page, the language and the target."""

    sub: str
    item_key: str
    locale: str
    target: str


@dataclass
class Site:
    """Everything one demo LMS is made of. The addresses have no slash at the end; ``now`` gives an aware time."""

    base_url: str
    tool_url: str
    now: Callable[[], datetime]
    gradebook: Gradebook
    private_key_pem: str
    """The platform's signing key; a new one for every start, as nothing here outlives the process."""
    public_key_pem: str
    secret_key: bytes
    _seen_jti: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def launch_url(self) -> str:
        """The tool's only redirect URI and target link."""
        return f"{self.tool_url}/lti/launch"

    @property
    def token_url(self) -> str:
        """Where the tool asks for access tokens."""
        return f"{self.base_url}/oidc/token"

    @property
    def course_api_url(self) -> str:
        """Where the LTI services of the course begin."""
        return f"{self.base_url}/api/lti/courses/{COURSE.id}"

    @property
    def memberships_url(self) -> str:
        """NRPS 2.0 ``context_memberships_url``."""
        return f"{self.course_api_url}/memberships"

    @property
    def line_items_url(self) -> str:
        """AGS 2.0 ``lineitems``."""
        return f"{self.course_api_url}/line_items"

    @classmethod
    def create(cls, base_url: str, tool_url: str, now: Callable[[], datetime]) -> "Site":
        """Return a site with the story's gradebook and keys of its own."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(
            base_url.rstrip("/"),
            tool_url.rstrip("/"),
            now,
            Gradebook(now),
            private.decode(),
            public.decode(),
            secrets.token_bytes(32),
        )

    def hints(self) -> URLSafeTimedSerializer:
        """Return the signer of ``lti_message_hint``."""
        return URLSafeTimedSerializer(self.secret_key, salt="lti-message-hint")

    def spend_jti(self, jti: str, expires_at: float) -> bool:
        """Remember an assertion's ``jti`` until it expires; False when it was seen before."""
        now = self.now().timestamp()
        with self._lock:
            self._seen_jti = {seen: until for seen, until in self._seen_jti.items() if until > now}
            if jti in self._seen_jti:
                return False
            self._seen_jti[jti] = expires_at + LEEWAY_SECONDS
            return True
