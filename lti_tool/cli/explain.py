"""``lti-badges explain``: why a learner has a badge, or not (yet)."""

import click
from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.app import LANGUAGES, create_app
from lti_tool.characters import one_line
from lti_tool.cli.frame import JSON_OPTION, cli, open_services, refusals, show
from lti_tool.errors import NotFoundError
from lti_tool.models import Achievement, Membership, User
from lti_tool.services.achievements import course_achievements
from lti_tool.services.explaining import explain as explain_badge
from lti_tool.services.overview import course_state
from lti_tool.web.explanation_lines import explanation_lines
from lti_tool.web.explanation_words import Writer
from lti_tool.web.reason_texts import Voice

LONGEST_NUMBER = 9
"""Digits; longer texts are no number of ours."""


@cli.command()
@click.option("--course", "context_id", type=int, required=True, help="The course, by its number.")
@click.option("--learner", required=True, help="The learner: the platform's id of them (sub), or their number here.")
@click.option("--badge", help="One badge, by the end of its address; without it every badge of the course.")
@click.option("--language", type=click.Choice(LANGUAGES), default=LANGUAGES[0], show_default=True)
@JSON_OPTION
@refusals
def explain(context_id: int, learner: str, badge: str | None, language: str, as_json: bool) -> None:
    """Say why a learner has a badge or not: each clause with the value seen, its source and time, and the remedy."""
    services = open_services()
    now = services.clock()
    documents: list[dict[str, object]] = []
    lines: list[str] = []
    with create_app(services).test_request_context(), force_locale(language), services.database.read() as session:
        user = find_learner(session, context_id, learner)
        writer = Writer(Voice.INSTRUCTOR, course_state(session, context_id), context_id)
        for achievement in find_badges(session, context_id, badge):
            found = explain_badge(session, context_id, user.id, achievement.id, now, drafts=True)
            documents.append(writer.document(found, {"id": user.id, "sub": user.platform_user_id, "name": user.name}))
            lines += [printable(line) for line in explanation_lines(found, writer)]
    show(documents[0] if badge is not None else {"explanations": documents}, as_json, lines)


def printable(line: str) -> str:
    """Return a line without what names from platforms could do to a terminal; its indentation stays."""
    text = line.lstrip(" ")
    return " " * (len(line) - len(text)) + one_line(text)


def find_learner(session: Session, context_id: int, learner: str) -> User:
    """Return somebody of the course, by ``sub`` or else by number; raises ``NotFoundError``."""
    members = select(User).join(Membership, Membership.user_id == User.id).where(Membership.context_id == context_id)
    found = session.scalar(members.where(User.platform_user_id == learner))
    if found is None and learner.isascii() and learner.isdigit() and len(learner) <= LONGEST_NUMBER:
        found = session.scalar(members.where(User.id == int(learner)))
    if found is None:
        raise NotFoundError("There is no such person in this course.")
    return found


def find_badges(session: Session, context_id: int, public_id: str | None) -> list[Achievement]:
    """Return the badges to explain, those that say something; raises ``NotFoundError`` when there is none."""
    badges = [one for one in course_achievements(session, context_id) if one.current_version is not None]
    found = [one for one in badges if public_id in {None, one.public_id}]
    if not found:
        raise NotFoundError("There is no such badge in this course." if public_id else "This course has no badge yet.")
    return found
