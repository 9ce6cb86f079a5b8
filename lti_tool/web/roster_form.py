"""What the roster board is asked for: filters in its address, and the learners ticked in its form."""

from collections.abc import Mapping

from flask import request

from lti_tool.characters import one_line
from lti_tool.services.roster_board import BoardPage, BoardQuery, Show

MOST_TICKED = 5_000


def read_query(given: Mapping[str, str]) -> BoardQuery:
    """Return the filters of an address or a form; what cannot be read filters nothing."""
    show = given.get("show", "")
    return BoardQuery(
        Show(show) if show in set(Show) else Show.ALL,
        read_id(given.get("badge", "")),
        read_id(given.get("group", "")),
        one_line(given.get("name", ""))[:100],
        read_id(given.get("page", "")) or 1,
    )


def read_id(text: str) -> int | None:
    """Return a row's number as typed, or ``None``."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def address_of(query: BoardQuery, **changes: object) -> dict[str, object]:
    """Return the parts of the address of a query, with changes; what is as usual is left out."""
    parts: dict[str, object] = {
        "show": None if query.show is Show.ALL else query.show.value,
        "badge": query.achievement_id,
        "group": query.group_id,
        "name": query.text or None,
        "page": query.page if query.page > 1 else None,
    }
    return {name: value for name, value in (parts | changes).items() if value is not None}


def chosen_learners(board: BoardPage) -> list[int]:
    """Return who was chosen in the form: everybody who matches, everybody on the page, or who is ticked."""
    match request.form.get("who"):
        case "matching":
            return board.matching
        case "page":
            return [one.user_id for one in board.learners]
        case _:
            return ticked()


def ticked() -> list[int]:
    """Return the learners ticked in the form."""
    found = (read_id(text) for text in request.form.getlist("learner")[:MOST_TICKED])
    return [one for one in found if one is not None]
