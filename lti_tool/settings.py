"""The settings: one frozen value, complete or refused.

``config/default.toml`` is overlaid by ``config/<environment>.toml`` (``LTI_BADGES_ENV`` chooses; production unless
said otherwise) and by ``LTI_BADGES_<NAME>`` environment variables. Every field is documented in
``docs/settings.md``; a test compares the two.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

from lti_tool.errors import SettingsError
from lti_tool.files import folder

ENVIRONMENTS = ("development", "production", "test")
PREFIX = "LTI_BADGES_"

_REMEDY = {
    "database_url": "a SQLAlchemy address, such as sqlite:////var/lib/lti-badges/lti-badges.db or "
    "postgresql+psycopg://user:password@host/name",
    "public_url": "the https address where platforms and verifiers reach this tool",
    "secret_key": "a random text of at least 32 characters; keep it secret and the same on every host",
    "key_encryption_key": "a Fernet key: python -c 'from cryptography.fernet import Fernet; "
    "print(Fernet.generate_key().decode())'",
    "broker_url": "'embedded' for one host, or a Celery broker such as redis://host:6379/0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an installation decides. Lists come from the environment comma-separated."""

    environment: str
    """``development``, ``production`` or ``test``."""
    database_url: str
    """SQLAlchemy address of the database, SQLite or PostgreSQL."""
    public_url: str
    """Where platforms, learners and verifiers reach this tool; becomes part of every credential id. No final slash."""
    broker_url: str
    """``embedded`` (files in ``data_dir``, one host) or a Celery broker address."""
    secret_key: str = field(repr=False)
    """Signs CSRF tokens; at least 32 characters."""
    key_encryption_key: tuple[str, ...] = field(repr=False)
    """Fernet keys that encrypt private keys and tokens at rest; the first encrypts, all decrypt."""
    data_dir: Path
    """Folder of the embedded queue; never holds anything that must survive."""
    allowed_private_hosts: tuple[str, ...]
    """Exact host names or CIDR ranges that outbound requests may reach although they are private."""
    http_timeout: tuple[float, float]
    """Seconds to connect and seconds between bytes for outbound requests."""
    log_level: str
    """Level of the structured log."""
    tool_name: str
    """The name platforms and pages show."""
    instructors_publish: bool
    """Whether instructors may publish badges themselves; otherwise a reviewer or registrar approves each."""
    sync_every: int
    """Seconds after which a course's evidence is read again without anybody asking; 0 turns that off."""

    tool_key_rotation_days: int
    """Days after which the key that signs towards platforms is replaced by the next one; 0 turns that off."""

    @property
    def is_development(self) -> bool:
        """Whether loopback over plain http is acceptable (development and tests)."""
        return self.environment != "production"

    def __post_init__(self) -> None:
        """Refuse values that would fail later, naming the setting and the remedy."""
        url = urlsplit(self.public_url)
        if url.scheme not in ({"http", "https"} if self.is_development else {"https"}) or not url.hostname:
            raise _refused("public_url", "must be an https address")
        if self.public_url.endswith("/") or url.query or url.fragment:
            raise _refused("public_url", "must not end in a slash, query or fragment")
        if len(self.secret_key) < 32:
            raise _refused("secret_key", "is too short")
        for key in self.key_encryption_key:
            try:
                Fernet(key)
            except ValueError:
                raise _refused("key_encryption_key", "holds something that is not a Fernet key") from None


def _refused(name: str, fact: str) -> SettingsError:
    remedy = _REMEDY.get(name, f"see docs/settings.md, {name}")
    return SettingsError(f"{PREFIX}{name.upper()} {fact}. Set it to {remedy}.")


def load_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings of this process.

    ``overrides`` win over everything (tests, the demo). Raises ``SettingsError`` when a value is missing or unusable.
    """
    environ = os.environ if environ is None else environ
    environment = environ.get(f"{PREFIX}ENV", "production")
    if environment not in ENVIRONMENTS:
        raise SettingsError(f"{PREFIX}ENV is {environment!r}; it must be one of {', '.join(ENVIRONMENTS)}.")
    values: dict[str, Any] = {}
    for name in ("default", environment):
        with (folder("config") / f"{name}.toml").open("rb") as file:
            values |= tomllib.load(file)
    names = {one.name for one in fields(Settings)} - {"environment"}
    values |= {name: environ[key] for name in names if (key := PREFIX + name.upper()) in environ}
    values |= overrides
    for name in sorted(names):
        if values.get(name) in (None, ""):
            raise _refused(name, "is not set")
    return Settings(environment=environment, **{name: _typed(name, values[name]) for name in names})


def _not_negative(number: int) -> int:
    if number < 0:
        raise ValueError
    return number


def _typed(name: str, value: Any) -> Any:
    """Bring a TOML value or an environment text to the field's type."""
    try:
        match name:
            case "key_encryption_key" | "allowed_private_hosts":
                parts = value.split(",") if isinstance(value, str) else value
                return tuple(part.strip() for part in parts if part.strip())
            case "http_timeout":
                parts = value.split(",") if isinstance(value, str) else value
                connect, read = (float(part) for part in parts)
                return (connect, read)
            case "data_dir":
                return Path(value)
            case "sync_every":
                return int(value)
            case "tool_key_rotation_days":
                return _not_negative(int(value))
            case "instructors_publish":
                return value if isinstance(value, bool) else {"true": True, "false": False}[value.strip().lower()]
    except (ValueError, KeyError):
        raise _refused(name, "cannot be read") from None
    return str(value)
