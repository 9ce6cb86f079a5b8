"""Tables for spreadsheets: CSV with a mark that says UTF-8, and no cell that a spreadsheet would run as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

from flask import Response

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula; the last four are the wide forms of the first ones."""


def safe_cell(text: str) -> str:
    """Return a cell as text: one that would be a formula gets an apostrophe in front (OWASP, CSV injection)."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_STARTS) else text


def csv_response(rows: Iterable[Sequence[str]], filename: str) -> Response:
    """Return a download; ``filename`` is plain ASCII."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    response = Response("\ufeff" + text.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return response
