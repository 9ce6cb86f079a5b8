"""The form of what a badge says, as typed."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l

from lti_tool.characters import many_lines, one_line
from lti_tool.errors import InvalidInputError, ToolError
from lti_tool.models import AchievementVersion
from lti_tool.openbadges.picture import default_picture, render_png
from lti_tool.services.achievements import NAME_LENGTH, TEXT_LENGTH, Content
from lti_tool.web.field_texts import field_text

COLOURS: Mapping[str, Any] = {
    "#1d4f91": _l("Blue"),
    "#0b6e6e": _l("Teal"),
    "#2e6b34": _l("Green"),
    "#8a5a00": _l("Amber"),
    "#a63a1e": _l("Red"),
    "#8c2f6b": _l("Plum"),
    "#5b3fa0": _l("Violet"),
    "#3f4a59": _l("Slate"),
}
BADGE_LANGUAGES = {"en": "English", "fr": "Français"}
SYMBOL_LENGTH = 3
_LIMITS = {"name": NAME_LENGTH, "description": TEXT_LENGTH, "criteria": TEXT_LENGTH}
_FIELDS_OF_CONTENT = {"criteria": "criteria_narrative"}


class PictureChoice(enum.StrEnum):
    """Which picture the badge gets."""

    KEEP = "keep"
    DESIGN = "design"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeForm:
    """What stands in the form.

    Fields: ``name``, ``description``, ``criteria``, ``language``, ``picture`` (keep, design, upload), ``symbol``,
    ``colour``, ``upload`` (a file), and the button ``do`` (preview, save).
    """

    name: str = ""
    description: str = ""
    criteria: str = ""
    language: str = "en"
    picture: PictureChoice = PictureChoice.DESIGN
    symbol: str = ""
    colour: str = next(iter(COLOURS))
    wants_preview: bool = False

    @classmethod
    def from_request(cls) -> "BadgeForm":
        """Return what was sent; a choice that does not exist becomes the designed picture."""
        sent = request.form
        picture = sent.get("picture", "")
        return cls(
            name=one_line(sent.get("name", "")),
            description=many_lines(sent.get("description", "")),
            criteria=many_lines(sent.get("criteria", "")),
            language=sent.get("language", ""),
            picture=PictureChoice(picture) if picture in set(PictureChoice) else PictureChoice.DESIGN,
            symbol=one_line(sent.get("symbol", ""))[:SYMBOL_LENGTH],
            colour=sent.get("colour", ""),
            wants_preview=sent.get("do") == "preview",
        )

    @classmethod
    def from_version(cls, version: AchievementVersion) -> "BadgeForm":
        """Return what a badge says now."""
        return cls(
            name=version.name,
            description=version.description,
            criteria=version.criteria_narrative,
            language=version.language,
            picture=PictureChoice.KEEP,
        )

    def problems(self) -> dict[str, str]:
        """Return what cannot be used, by field."""
        found = {name: error for name, limit in _LIMITS.items() if (error := self._textproblem(name, limit))}
        if self.language not in BADGE_LANGUAGES:
            found["language"] = problem("language_unknown")
        if self.picture is PictureChoice.DESIGN and self.colour not in COLOURS:
            found["colour"] = problem("colour_invalid")
        return found

    def _textproblem(self, name: str, limit: int) -> str | None:
        code, text = _FIELDS_OF_CONTENT.get(name, name), str(getattr(self, name))
        if not text:
            return problem(f"{code}_empty")
        return problem(f"{code}_too_long") if len(text) > limit else None

    def content(self, picture_sha256: str) -> Content:
        """Return what the badge says, with a stored picture."""
        return Content(
            name=self.name,
            description=self.description,
            criteria_narrative=self.criteria,
            picture_sha256=picture_sha256,
            language=self.language,
        )

    def designed_png(self) -> bytes:
        """Return the designed picture as PNG."""
        return draw(self.symbol, self.colour, self.name)


def draw(symbol: str, colour: str, name: str, size: int = 512) -> bytes:
    """Return a designed picture as PNG; without a symbol the name's first letter stands for it."""
    return render_png(default_picture(symbol or name[:1].upper(), colour, name), size)


def problem(code: str) -> str:
    """Return what stands next to a field that is wrong in the way ``code`` names."""
    return field_text(InvalidInputError(code=code))


def first_field(error: ToolError, default: str) -> str:
    """Return the form's field an error is about."""
    named = getattr(error, "field", None) or default
    return next((name for name, content in _FIELDS_OF_CONTENT.items() if content == named), named)
