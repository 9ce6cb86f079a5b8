"""``lti-badges doctor``: can this installation work, and what to do where it cannot."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from lti_tool.db import Database, make_engine
from lti_tool.errors import ToolError
from lti_tool.models import Deployment, DeploymentState, IssuerKey, IssuerProfile, Registration, SyncRun, SyncState
from lti_tool.settings import Settings
from lti_tool.vault import Vault


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``remedy`` when it is not good."""

    what: str
    is_good: bool
    fact: str
    remedy: str = ""

    def to_document(self) -> dict[str, str | bool]:
        """Return the finding as a JSON document."""
        return {"what": self.what, "good": self.is_good, "fact": self.fact, "remedy": self.remedy}

    def __str__(self) -> str:
        mark = "ok " if self.is_good else "NOT"
        return f"{mark} {self.what}: {self.fact}" + (f" -> {self.remedy}" if self.remedy else "")


def examine(settings: Settings) -> list[Finding]:
    """Look at everything that can be looked at without a platform."""
    database = Database(make_engine(settings.database_url))
    findings = [Finding("settings", True, f"complete ({settings.environment}, {settings.public_url})")]
    schema = _schema(database)
    findings.append(schema)
    if schema.is_good:
        for look in (_platforms, _pending, _issuers, _keys, _reading):
            findings.extend(look(settings, database))
    database.engine.dispose()
    return findings


def _schema(database: Database) -> Finding:
    try:
        if not inspect(database.engine).has_table("alembic_version"):
            return Finding("database", False, "has no tables yet", "lti-badges db upgrade")
        ready = database.is_ready()
    except (SQLAlchemyError, OSError) as error:
        return Finding("database", False, f"cannot be used ({type(error).__name__})", "check LTI_BADGES_DATABASE_URL")
    return Finding(
        "database",
        ready,
        "schema is up to date" if ready else "schema is old",
        "" if ready else "lti-badges db upgrade",
    )


def _platforms(_settings: Settings, database: Database) -> Iterator[Finding]:
    with database.read() as session:
        count = session.scalar(select(func.count()).where(Registration.disabled_at.is_(None))) or 0
    yield Finding("platforms", count > 0, f"{count} registered", "" if count else "lti-badges platforms add --help")


def _pending(_settings: Settings, database: Database) -> Iterator[Finding]:
    with database.read() as session:
        count = session.scalar(select(func.count()).where(Deployment.state == DeploymentState.PENDING)) or 0
    if count:
        yield Finding("deployments", False, f"{count} wait for an admin", "accept or refuse them under /admin")


def _issuers(settings: Settings, database: Database) -> Iterator[Finding]:
    with database.read() as session:
        foreign = [
            profile.name
            for profile in session.scalars(select(IssuerProfile))
            if profile.base_url != settings.public_url
        ]
    for name in foreign:
        yield Finding(
            "issuer",
            False,
            f"{name} was made under another public URL",
            "keep its old address answering: its credentials name it for ever",
        )


def _keys(settings: Settings, database: Database) -> Iterator[Finding]:
    vault = Vault(settings.key_encryption_key)
    with database.read() as session:
        locked = list(session.scalars(select(IssuerKey.private_key)))
    unreadable = sum(not _opens(vault.open, text) for text in locked)
    yield Finding(
        "issuer keys",
        not unreadable,
        f"{len(locked) - unreadable} of {len(locked)} can be opened",
        "list the old key in LTI_BADGES_KEY_ENCRYPTION_KEY too" if unreadable else "",
    )


def _opens(open_: Callable[[str], str], locked: str) -> bool:
    try:
        open_(locked)
    except ToolError:
        return False
    return True


def _reading(_settings: Settings, database: Database) -> Iterator[Finding]:
    newest = select(func.max(SyncRun.id)).group_by(SyncRun.context_id)
    with database.read() as session:
        failed = session.execute(
            select(SyncRun.context_id, SyncRun.error_code).where(
                SyncRun.id.in_(newest), SyncRun.state == SyncState.FAILED
            )
        ).all()
    for context_id, code in failed:
        yield Finding(
            "course",
            False,
            f"course {context_id} could not be read ({code})",
            f"lti-badges sync --context {context_id}",
        )
