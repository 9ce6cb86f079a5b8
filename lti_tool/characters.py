"""Characters of texts from outside, which end up in databases, on pages and in signed documents.

Left out: control characters and halves of surrogate pairs, which no database stores, and the marks that turn the
direction of the text after them (U+202A to U+202E, U+2066 to U+2069), with which a name can rewrite the line it stands
in. Joiners, which names and emoji need, stay.
"""

import re

_UNWANTED = re.compile("[\\x00-\\x08\\x0e-\\x1b\\x7f-\\x84\\x86-\\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str) -> str:
    """Return ``text`` as one line without unwanted characters, with single spaces."""
    return " ".join(_UNWANTED.sub("", text).split())


def many_lines(text: str) -> str:
    """Return ``text`` without unwanted characters and spaces around it; its lines stay, ended by ``\\n``."""
    return _UNWANTED.sub("", "\n".join(text.splitlines())).strip()
