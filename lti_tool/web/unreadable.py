"""What no browser sends for a person, refused before a view or the database meets it."""

from typing import Any

from flask import Flask, abort, request
from werkzeug.routing import IntegerConverter

LARGEST_ROW_ID = 2**31 - 1


class RowId(IntegerConverter):
    """``<int:…>`` in a path: a number that the tables' integer keys can hold; any other is no address (404)."""

    regex = r"\d{1,10}"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max": LARGEST_ROW_ID, **options})


def refuse_nul() -> None:
    """Answer 400 when the path, the query or the form holds a NUL character, which PostgreSQL takes nowhere."""
    if request.endpoint is None:
        return
    sent = (text for texts in request.values.listvalues() for text in texts)
    if "\0" in request.path or any("\0" in text for text in sent):
        abort(400)


def init_app(app: Flask) -> None:
    """Let paths hold ids of rows only; before any view is registered."""
    app.url_map.converters["int"] = RowId
