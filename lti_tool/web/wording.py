"""What a message is made of, and the advice that several share."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True, slots=True)
class Message:
    """Texts for one code; lazy, so that each reader gets their language."""

    title: Any
    happened: Any
    remedies: tuple[Any, ...]


RELAUNCH = _l("Go back to your course and open this tool from there again.")
ASK_ADMIN = _l("If it stays like this, tell the person who looks after your learning platform, with the code below.")
TELL_ADMIN = _l("Tell the person who looks after your learning platform, with the code below.")
LATER = _l("Wait a minute and try again.")
