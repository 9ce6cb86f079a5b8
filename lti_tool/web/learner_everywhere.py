"""My badges everywhere: all courses of a platform on one page, and everything in one archive to take along.

Needs no course, and no role in one: what is shown is the user's own.
"""

import io
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, send_file, url_for

from lti_tool.errors import ForbiddenError, NotFoundError
from lti_tool.openbadges.baking import bake_png
from lti_tool.services import wallet, wallet_everywhere
from lti_tool.services.wallet_everywhere import HeldBadge, SignedDocument
from lti_tool.web.access import launch_required
from lti_tool.web.current import services
from lti_tool.web.learner_words import delivery_words
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("learner_everywhere", __name__)
File: TypeAlias = tuple[str, SignedDocument]
"""A signed copy and its path in the archive, without the ending."""
NAME_LENGTH = 40
"""Of a file in the archive; some systems refuse long paths."""


def own_user() -> int:
    """Return whose badges these are; raises ``ForbiddenError`` (``anonymous_read_only``) when nobody is known."""
    user_id: int | None = g.launch.user_id
    if user_id is None:
        raise ForbiddenError("The platform did not say who this is.", code="anonymous_read_only")
    return user_id


@blueprint.get("/mine")
@launch_required(in_course=False)
def mine() -> str:
    """My badges in all courses of this platform; why there are none to show, when nobody is known."""
    now, user_id = services().clock(), g.launch.user_id
    if user_id is None:
        return render_template("learner/everywhere.html", courses={}, is_known=False, has_files=False)
    with services().database.read() as session:
        badges = wallet_everywhere.all_badges(session, user_id, now)
        courses: dict[int | None, list[tuple[HeldBadge, list[tuple[str, str]]]]] = {}
        for badge in badges:
            sent = [(one.state.value, delivery_words(one, one.connection.host.name, now)) for one in badge.deliveries]
            courses.setdefault(badge.context_id, []).append((badge, sent))
        return render_template(
            "learner/everywhere.html",
            courses=courses,
            is_known=True,
            has_files=any(badge.is_signed for badge in badges),
            public_url=services().settings.public_url,
        )


@blueprint.post("/mine/badges/<int:credential_id>/share")
@launch_required(in_course=False)
def share(credential_id: int) -> Response:
    """Open one badge's page to whoever has its address."""
    with services().database.write() as session:
        credential = wallet_everywhere.get_own_credential(session, own_user(), credential_id)
        wallet.share(session, credential, g.launch.actor, services().clock())
    flash(_("The badge's page is open. Whoever has its address can see it."), "success")
    return make_response(redirect(url_for("learner_everywhere.mine"), 303))


@blueprint.post("/mine/badges/<int:credential_id>/withdraw")
@launch_required(in_course=False)
def withdraw(credential_id: int) -> Response:
    """Close one badge's page."""
    with services().database.write() as session:
        credential = wallet_everywhere.get_own_credential(session, own_user(), credential_id)
        wallet.withdraw(session, credential, g.launch.actor, services().clock())
    flash(_("The badge's page is closed. Copies you gave away can still be checked."), "success")
    return make_response(redirect(url_for("learner_everywhere.mine"), 303))


# -- the archive ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed:
    """One badge as the archive's own page lists it, with its files; ``earlier``: files of copies before the newest."""

    badge: HeldBadge
    document: str
    picture: str
    earlier: tuple[str, ...]


@blueprint.get("/mine/badges.zip")
@launch_required(in_course=False)
def archive() -> Response:
    """Everything that was ever signed for me, in one file that can be read without this tool."""
    user_id, now = own_user(), services().clock()
    with services().database.read() as session:
        badges = {
            badge.credential.id: badge
            for badge in wallet_everywhere.all_badges(session, user_id, now)
            if badge.credential is not None
        }
        documents = wallet_everywhere.signed_documents(session, user_id)
        if not documents:
            raise NotFoundError("There is no signed badge of yours yet.")
        files = list(zip(_paths(badges, documents), documents, strict=True))
        listed = list(_listed(badges, files))
        index = render_template("learner/archive.html", listed=listed, now=now)
        readme = render_template("learner/archive.txt", listed=listed, now=now)
    content = _zip(files, {"index.html": index.encode(), "README.txt": readme.encode()}, now)
    name = f"badges-{now:%Y-%m-%d}.zip"
    return send_file(content, mimetype="application/zip", as_attachment=True, download_name=name, etag=False)


def _paths(badges: dict[int, HeldBadge], documents: list[SignedDocument]) -> Iterator[str]:
    """Name the files so that any system takes them, whatever a badge is called: ``badges/01-water-keeper``."""
    number = 0
    for document in documents:
        number += document.is_newest
        stem = f"{number:02d}-{_plain(badges[document.credential_id].name)}"
        yield f"badges/{stem}" if document.is_newest else f"badges/earlier/{stem}-copy-{document.number}"


def _listed(badges: dict[int, HeldBadge], files: list[File]) -> Iterator[Listed]:
    for path, document in files:
        if document.is_newest:
            credential_id = document.credential_id
            earlier = (
                f"{other}.json" for other, one in files if one.credential_id == credential_id and not one.is_newest
            )
            yield Listed(badges[credential_id], f"{path}.json", f"{path}.png", tuple(earlier))


def _zip(files: list[File], texts: dict[str, bytes], now: datetime) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archived:

        def add(path: str, data: bytes) -> None:
            entry = zipfile.ZipInfo(path, date_time=now.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archived.writestr(entry, data)

        for path, data in texts.items():
            add(path, data)
        for path, document in files:
            add(f"{path}.json", document.text.encode())
            add(f"{path}.png", bake_png(document.picture, document.text))
    content.seek(0)
    return content


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "".join(one if one.isalnum() else " " for one in letters).split()
    return "-".join(words)[:NAME_LENGTH].strip("-") or "badge"
