"""Everything signed of a learner as one archive, which can be read without this tool.

What is in it is listed first; the files themselves are read badge by badge while the archive is being sent, each in a
short transaction of its own, so that neither memory nor a transaction grows with how much somebody has.
"""

import io
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.db import Database
from lti_tool.models import Award, Credential, CredentialVersion, HostedAssertion
from lti_tool.openbadges import baking
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.services import blobs, second_face, wallet_everywhere
from lti_tool.services.wallet_everywhere import HeldBadge

NAME_LENGTH = 40
"""Of a file; some systems refuse long paths."""


@dataclass(frozen=True, slots=True)
class ArchivedCopy:
    """One signed copy; ``path`` is without the ending. ``has_jwt``: it was asked for as VC-JWT once."""

    version_id: int
    path: str
    has_jwt: bool

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of its files."""
        endings = (".json", ".png", ".jwt") if self.has_jwt else (".json", ".png")
        return tuple(f"{self.path}{ending}" for ending in endings)


@dataclass(frozen=True, slots=True)
class ArchivedBadge:
    """A badge with its newest copy and the ones before; ``older`` are the files of its Open Badges 2.0 face."""

    badge: HeldBadge
    public_id: str
    newest: ArchivedCopy
    earlier: tuple[ArchivedCopy, ...]
    older: tuple[str, ...]

    @property
    def picture(self) -> str:
        """The path of its picture."""
        return f"{self.newest.path}.png"

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of all its files, the newest copy's first."""
        before = tuple(path for copy in self.earlier for path in copy.files)
        return (*self.newest.files, *self.older, *before)


def list_archive(session: Session, user_id: int, now: datetime) -> list[ArchivedBadge]:
    """Return what a user's archive holds, the oldest badge first; nothing before the first signing."""
    held = {one.credential.id: one for one in wallet_everywhere.all_badges(session, user_id, now) if one.credential}
    rows = session.execute(
        select(CredentialVersion.id, CredentialVersion.credential_id, CredentialVersion.number, Credential.public_id)
        .add_columns(CredentialVersion.jwt.is_not(None), HostedAssertion)
        .join(Credential, Credential.id == CredentialVersion.credential_id)
        .join(Award, Award.id == Credential.award_id)
        .outerjoin(HostedAssertion, HostedAssertion.credential_id == Credential.id)
        .where(Award.user_id == user_id, CredentialVersion.document.is_not(None))
        .order_by(Credential.id, CredentialVersion.number.desc())
    )
    listed: list[ArchivedBadge] = []
    for version_id, credential_id, number, public_id, has_jwt, hosted in rows:
        if listed and listed[-1].public_id == public_id:
            path = listed[-1].newest.path.replace("badges/", "badges/earlier/", 1)
            copy = ArchivedCopy(version_id, f"{path}-copy-{number}", bool(has_jwt))
            listed[-1] = replace(listed[-1], earlier=(*listed[-1].earlier, copy))
            continue
        path = f"badges/{len(listed) + 1:02d}-{plain_name(held[credential_id].name)}"
        copy = ArchivedCopy(version_id, path, bool(has_jwt))
        listed.append(ArchivedBadge(held[credential_id], public_id, copy, (), _older(path, hosted)))
    return listed


def index_document(listed: list[ArchivedBadge], now: datetime) -> JsonObject:
    """Return ``index.json``: what the archive holds, for programs."""
    return {
        "takenAt": now.isoformat(),
        "badges": [
            {
                "id": one.badge.credential.url_id if one.badge.credential else None,
                "name": one.badge.name,
                "issuer": one.badge.issuer_name,
                "course": one.badge.course,
                "state": one.badge.state,
                "awardedAt": one.badge.award.offered_at.isoformat(),
                "validUntil": one.badge.award.valid_until.isoformat() if one.badge.award.valid_until else None,
                "files": list(one.newest.files),
                "openBadges2": list(one.older),
                "earlierCopies": [list(copy.files) for copy in one.earlier],
            }
            for one in listed
        ],
    }


def stream(database: Database, listed: list[ArchivedBadge], texts: Mapping[str, str], now: datetime) -> Iterator[bytes]:
    """Yield the archive piece by piece: ``texts`` by path first, then the badges' files."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archived:
        for path, text in texts.items():
            archived.writestr(_entry(path, now), text.encode())
        yield sink.take()
        for one in listed:
            with database.read() as session:
                files = dict(_files(session, one))
            for path, content in files.items():
                archived.writestr(_entry(path, now), content)
            yield sink.take()
    yield sink.take()


def plain_name(name: str) -> str:
    """Return a name that any system takes for a file: Latin letters, digits and hyphens; ``badge`` if none are left."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "".join(one if one.isalnum() else " " for one in letters).split()
    return "-".join(words)[:NAME_LENGTH].strip("-") or "badge"


def _older(path: str, hosted: HostedAssertion | None) -> tuple[str, ...]:
    if hosted is None or second_face.is_revoked(hosted):
        return ()
    endings = (".ob2.json", ".ob2.png", ".ob2.jws") if hosted.jws is not None else (".ob2.json", ".ob2.png")
    return tuple(f"{path}{ending}" for ending in endings)


def _files(session: Session, one: ArchivedBadge) -> Iterator[tuple[str, bytes]]:
    """Read a badge's files; one that is gone meanwhile is left out."""
    picture = b""
    for copy in (one.newest, *one.earlier):
        version = session.get(CredentialVersion, copy.version_id)
        if version is None or version.document is None:
            return
        picture = blobs.get_blob(session, version.credential.award.achievement_version.picture_sha256).content
        yield f"{copy.path}.json", version.document.encode()
        yield f"{copy.path}.png", baking.bake_png(picture, version.document)
        if copy.has_jwt and version.jwt is not None:
            yield f"{copy.path}.jwt", version.jwt.encode()
    if one.older:
        yield from _older_files(session, one, picture)


def _older_files(session: Session, one: ArchivedBadge, picture: bytes) -> Iterator[tuple[str, bytes]]:
    hosted = second_face.hosted_document(session, one.public_id)
    yield f"{one.newest.path}.ob2.json", hosted.text.encode()
    yield f"{one.newest.path}.ob2.png", baking.bake_png(picture, hosted.text, baking.V2)
    signed = second_face.find_signed(session, one.public_id)
    if signed is not None and f"{one.newest.path}.ob2.jws" in one.older:
        yield f"{one.newest.path}.ob2.jws", signed.encode()


def _entry(path: str, now: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, date_time=now.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


class _Sink(io.RawIOBase):
    """Takes what the archive writes, and gives it away; it cannot be wound back, so entries carry their sizes after."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        parts, self._parts = b"".join(self._parts), []
        return parts
