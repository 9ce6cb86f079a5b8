"""Whether one course looks like a copy of another, and which work in the two is the same.

Titles are compared without what only names a term: *Aquaponics 101 (Fall 2026)* and *Aquaponics 101 – Spring 2027* are
the same course. Work is the same when the platform says so (resource id, or a tag that nothing else has); the same
title alone is a suggestion for a person.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

ENOUGH_WORK = 3
"""So much of the same work makes a course alike, if it is also most of the work."""
MOST_WORK = 0.6

_TERMS = (
    r"spring|summer|autumn|fall|winter|printemps|ete|automne|hiver|term|semester|semestre|trimester|trimestre|quarter"
    r"|session|section|sec|groupe|copy|copie|of|de|ws|ss|wise|sose"
)
_TERM = re.compile(
    r"\b(?:19|20)\d\d(?:\s?[-/]\s?(?:(?:19|20)?\d\d))?\b"  # 2026, 2026/27, 2026-2027
    r"|\b(?:f|fa|s|sp|su|w|wi|ws|ss)(?:20)?\d\d\b"  # F26, SS2027
    r"|\b[stq][1-4]\b"
    rf"|\b(?:{_TERMS})\b(?:\s*\d{{1,2}}\b)?"
)


class Work(NamedTuple):
    """A column as far as it can be recognised in another course; ``key`` is whatever the caller knows it by."""

    key: int
    source: str
    title: str
    resource_id: str | None = None
    tag: str | None = None


def plain_title(title: str | None) -> str:
    """Return a course's title in small letters without accents, signs and what names a term; may be empty."""
    folded = unicodedata.normalize("NFKD", title or "").encode("ascii", "ignore").decode().casefold()
    without = _TERM.sub(" ", folded)
    return " ".join(re.findall(r"[a-z0-9]+", without))


def is_same_title(one: str | None, other: str | None) -> bool:
    """Whether two titles name the same course; what is left after the term must say something (three signs)."""
    plain = plain_title(one)
    return len(plain) >= 3 and plain == plain_title(other)


def is_same_course(theirs: Iterable[Work], ours: Iterable[Work]) -> bool:
    """Whether most of the work of two courses is the same, by resource id, tag or title."""
    theirs, ours = list(theirs), list(ours)
    found = same_work(theirs, ours)
    found |= same_titles([one for one in theirs if one.key not in found], _left(ours, found))
    return len(found) >= ENOUGH_WORK and len(found) >= MOST_WORK * max(len(theirs), len(ours))


def same_work(theirs: Iterable[Work], ours: Iterable[Work]) -> dict[int, int]:
    """Return which work the platform itself names alike: keys of ``theirs`` to keys of ``ours``, one to one."""
    theirs, ours = list(theirs), list(ours)
    found = _matched(theirs, ours, lambda one: one.resource_id and f"{one.source} {one.resource_id}")
    left = [one for one in theirs if one.key not in found]
    return found | _matched(left, _left(ours, found), lambda one: one.tag and f"{one.source} {one.tag}")


def same_titles(theirs: Iterable[Work], ours: Iterable[Work]) -> dict[int, int]:
    """Return which work has exactly the same title, and none other has it."""
    return _matched(list(theirs), list(ours), lambda one: " ".join(one.title.split()).casefold())


def _left(ours: list[Work], found: dict[int, int]) -> list[Work]:
    taken = set(found.values())
    return [one for one in ours if one.key not in taken]


def _matched(theirs: list[Work], ours: list[Work], name: Callable[[Work], str | None]) -> dict[int, int]:
    """Pair work whose name nothing else has on either side."""
    by_name = _unique(ours, name)
    return {key: by_name[one] for one, key in _unique(theirs, name).items() if one in by_name}


def _unique(works: list[Work], name: Callable[[Work], str | None]) -> dict[str, int]:
    counts = Counter(found for one in works if (found := name(one)))
    return {found: one.key for one in works if (found := name(one)) and counts[found] == 1}
