"""Texts in the reader's language, typed: what flask-babel returns is ``Any`` to the type checker."""

import flask_babel
from babel import Locale


def gettext(text: str, /, **values: object) -> str:
    """Return the text, with ``%(name)s`` filled in."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """Return the text for ``number``, which fills ``%(num)s``."""
    return str(flask_babel.ngettext(one, many, number, **values))


def locale() -> Locale:
    """Return the reader's locale; English outside a request."""
    return flask_babel.get_locale() or Locale("en")
