"""An explanation as plain lines: the sentence, then each clause with the value, the source, the time and the remedy."""

from collections.abc import Iterable, Iterator

from lti_tool.services.explaining import Explanation
from lti_tool.web import formats
from lti_tool.web.decision_texts import MOMENTS, REBUILT, policy_lines
from lti_tool.web.explanation_words import Writer
from lti_tool.web.rule_words import rule_sentence
from lti_tool.web.translated import gettext as _
from lti_tool.web.words import ClauseLine

INDENT = "    "


def explanation_lines(found: Explanation, writer: Writer) -> list[str]:
    """Return the explanation of one badge, in the reader's language."""
    version = found.achievement.current_version
    name = found.achievement.public_id if version is None else version.name
    label = str(formats.state_look(found.state).label)
    return [_("“%(badge)s”: %(state)s", badge=name, state=label), *(INDENT + line for line in _body(found, writer))]


def _body(found: Explanation, writer: Writer) -> Iterator[str]:
    yield writer.headline(found)
    if found.judgement is not None:
        if found.rule is not None:
            yield rule_sentence(found.rule, found.titles, voice=writer.voice)
        yield from _clauses(writer.lines(found))
        yield writer.decision(found)
    yield from _award(found)
    if found.bar_reason:
        yield _("It is not to be awarded to this person. The reason: “%(text)s”", text=found.bar_reason)
    yield from policy_lines(found.policy, found.as_of)
    for kept in found.kept:
        yield f"{MOMENTS[kept.moment]}, {formats.moment(kept.taken_at)}: {REBUILT[kept.outcome]}"
    yield _as_of(found)


def _clauses(lines: Iterable[ClauseLine], depth: int = 0) -> Iterator[str]:
    indent = INDENT * depth
    for line in lines:
        heading = f"{line.heading}: " if line.heading else ""
        yield f"{indent}- {formats.state_look(line.look).label}: {heading}{line.text}"
        seen = _seen(line)
        if seen:
            yield f"{indent}  {seen}"
        if line.hint.text:
            yield f"{indent}  {line.hint.text}"
        yield from _clauses(line.parts, depth + 1)


def _seen(line: ClauseLine) -> str:
    """The value, where it comes from, and when it was handed in, graded and checked."""
    if line.source is None:
        return ""
    facts = [] if line.seen is None else [_("Seen: %(value)s", value=line.seen)]
    if line.submitted_at is not None:
        facts.append(_("handed in %(date)s", date=formats.moment(line.submitted_at)))
    if line.graded_at is not None:
        facts.append(_("graded %(date)s", date=formats.moment(line.graded_at)))
    if line.checked_at is None:
        facts.append(_("not checked yet from %(source)s", source=line.source))
    else:
        facts.append(_("checked on %(date)s from %(source)s", date=formats.moment(line.checked_at), source=line.source))
    return " · ".join(facts)


def _award(found: Explanation) -> Iterator[str]:
    award = found.award
    if award is None:
        return
    yield _("Offered on %(date)s.", date=formats.day(award.offered_at))
    if award.claimed_at is not None:
        yield _("Claimed on %(date)s.", date=formats.day(award.claimed_at))
    if award.valid_until is not None:
        yield _("It is valid until %(date)s.", date=formats.day(award.valid_until))
    for review in found.reviews:
        if review.due_at is not None:
            yield _("It is decided on %(date)s at the latest.", date=formats.day(review.due_at))


def _as_of(found: Explanation) -> str:
    words = _("As of %(date)s.", date=formats.moment(found.as_of))
    if found.rule_number is None:
        return words
    return words + " " + _("Rule number %(number)s.", number=formats.number(found.rule_number))
