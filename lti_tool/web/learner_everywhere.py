"""My badges everywhere: all courses of a platform on one page, and everything in one archive to take along.

Needs no course, and no role in one: what is shown is the user's own.
"""

import json

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, url_for

from lti_tool.errors import ForbiddenError, NotFoundError
from lti_tool.services import archive, wallet, wallet_everywhere
from lti_tool.services.wallet_everywhere import HeldBadge
from lti_tool.web.access import launch_required
from lti_tool.web.current import services
from lti_tool.web.delivery_words import delivery_words
from lti_tool.web.translated import gettext as _

blueprint = Blueprint("learner_everywhere", __name__)


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


@blueprint.get("/mine/badges.zip")
@launch_required(in_course=False)
def everything() -> Response:
    """Everything that was ever signed for me, in one file that can be read without this tool."""
    user_id, now = own_user(), services().clock()
    with services().database.read() as session:
        listed = archive.list_archive(session, user_id, now)
        texts = {
            "index.html": render_template("learner/archive.html", listed=listed, now=now),
            "README.txt": render_template("learner/archive.txt", listed=listed, now=now),
            "index.json": json.dumps(archive.index_document(listed, now), ensure_ascii=False, indent=2),
        }
    if not listed:
        raise NotFoundError("There is no signed badge of yours yet.")
    response = Response(archive.stream(services().database, listed, texts, now), mimetype="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=f"badges-{now:%Y-%m-%d}.zip")
    response.headers["Cache-Control"] = "no-store"
    return response
