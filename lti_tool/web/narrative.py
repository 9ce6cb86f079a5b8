"""Narratives of badges as pages show them: paragraphs, lists and emphasis of Markdown; everything else is plain text.

Open Badges 3.0 lets criteria be Markdown. Links and HTML are shown as written: the text may be a stranger's.
"""

import re

from markupsafe import Markup, escape

_STRONG = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_EMPHASIS = re.compile(r"\*(?=\S)(.+?)(?<=\S)\*")
_LIST = re.compile(r"[-*] +")


def narrative(text: str) -> Markup:
    """Return the text as HTML that is safe to put into a page."""
    blocks = [block for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()) if block.strip()]
    return Markup("\n").join(_block(block) for block in blocks)


def _block(block: str) -> Markup:
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    if all(_LIST.match(line) for line in lines):
        items = Markup("").join(Markup("<li>{}</li>").format(_inline(_LIST.sub("", line, count=1))) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(Markup("<br>").join(_inline(line) for line in lines))


def _inline(line: str) -> Markup:
    safe = str(escape(line))  # before any mark-up of ours, so that nothing of the text can be mark-up
    return Markup(_EMPHASIS.sub(r"<em>\1</em>", _STRONG.sub(r"<strong>\1</strong>", safe)))  # noqa: S704
