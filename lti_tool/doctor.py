"""``lti-badges doctor``: can this installation work, and what to do where it cannot."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from lti_tool.db import Database, make_engine
from lti_tool.errors import ToolError
from lti_tool.evidence.base import ClauseKind
from lti_tool.evidence.canvas_scopes import parts_of
from lti_tool.evidence.moodle import decided_with
from lti_tool.models import (
    INSTITUTION,
    BackpackHost,
    Deployment,
    DeploymentState,
    GrantState,
    IssuerJwsKey,
    IssuerKey,
    IssuerProfile,
    IssuingPlatform,
    IssuingState,
    MirroredAward,
    MirrorState,
    Registration,
    SyncRun,
    SyncState,
)
from lti_tool.services import host_pace, platform_apis, source_health
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
        for look in (_platforms, _pending, _issuers, _keys, _backpacks, _grants, _issuing, _reading):
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
        profiles = list(session.scalars(select(IssuerProfile).order_by(IssuerProfile.id)))
    foreign = [profile.name for profile in profiles if profile.base_url != settings.public_url]
    for name in foreign:
        yield Finding(
            "issuer",
            False,
            f"{name} was made under another public URL",
            "keep its old address answering: its credentials name it for ever",
        )
    for profile in profiles:
        missing = [name for name, value in (("e-mail", profile.email), ("web", profile.url)) if not value]
        if missing:
            yield Finding(
                "issuer contact",
                False,
                f"{profile.name} has no {' and no '.join(missing)} address, which Open Badges 2.0 hosts demand",
                f"lti-badges issuers set {profile.public_id} --url URL --email ADDRESS",
            )


def _keys(settings: Settings, database: Database) -> Iterator[Finding]:
    vault = Vault(settings.key_encryption_key)
    with database.read() as session:
        locked = list(session.scalars(select(IssuerKey.private_key)))
        locked += session.scalars(select(IssuerJwsKey.private_key))
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


def _grants(_settings: Settings, database: Database) -> Iterator[Finding]:
    """Leave to read platforms' own APIs: what has to be given again, and how many courses could not be read so."""
    with database.read() as session:
        grants = platform_apis.list_grants(session)
        failures = source_health.count_all_failures(session)
    for one in grants:
        place = "the institution" if one.place == INSTITUTION else f"course {one.place.removeprefix('context:')}"
        where = f"{one.source} of {one.platform} for {one.organization}, {place}"
        is_good = one.state is GrantState.ACTIVE
        code = one.error_code or "grant_refused"
        fact = f"{where}: " + (f"works, for {_decided(one)}" if is_good else f"has to be given again ({code})")
        remedy = "" if is_good else "connect the account again on the platform's page under /admin"
        yield Finding("grant", is_good, fact, remedy)
    for source, code, number in failures:
        courses = "1 course" if number == 1 else f"{number} courses"
        yield Finding("evidence", False, f"{courses} could not be read by {source} ({code})", "see /admin")


def _decided(grant: platform_apis.GrantEntry) -> str:
    """The kinds of clause that what was granted can decide."""
    if grant.source == platform_apis.MOODLE:
        kinds = decided_with(grant.scopes)
    else:
        kinds = frozenset(kind for part in parts_of(grant.scopes) for kind in part.decides)
    return ", ".join(kind.value for kind in ClauseKind if kind in kinds) or "nothing"


def _backpacks(_settings: Settings, database: Database) -> Iterator[Finding]:
    with database.read() as session:
        hosts = list(session.scalars(select(BackpackHost).where(BackpackHost.is_offered).order_by(BackpackHost.name)))
    for host in hosts:
        is_well = host.failures < host_pace.RESTS_AFTER
        fact = "takes badges" if is_well else f"does not answer ({host.error_code})"
        remedy = "" if is_well else "look at /admin/backpacks; its deliveries wait and go on by themselves"
        yield Finding("backpack", is_well, f"{host.name} {fact}", remedy)


def _issuing(_settings: Settings, database: Database) -> Iterator[Finding]:
    failed = func.count().filter(MirroredAward.state == MirrorState.FAILED)
    with database.read() as session:
        rows = session.execute(
            select(IssuingPlatform, failed)
            .outerjoin(MirroredAward, MirroredAward.issuing_platform_id == IssuingPlatform.id)
            .where(IssuingPlatform.state != IssuingState.DISABLED)
            .group_by(IssuingPlatform.id)
            .order_by(IssuingPlatform.id)
        ).all()
    for platform, number in rows:
        if platform.state is IssuingState.REFUSED:
            fact, remedy = "refuses the institution's account", "sign in again under /admin/issuing"
        elif number:
            fact, remedy = f"did not take {number} badges", "see the reasons under /admin/issuing"
        elif platform.error_code:
            fact, remedy = f"failed last ({platform.error_code})", "it is tried again by itself"
        else:
            fact, remedy = "works" if platform.last_success_at else "was not needed yet", ""
        yield Finding("issuing platform", not remedy, f"{platform.name} {fact}", remedy)


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
