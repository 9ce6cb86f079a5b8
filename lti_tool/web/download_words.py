"""What a learner reads about the forms of a badge: what each file is for, and what a new copy would carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _l

from lti_tool.models import SubjectKind
from lti_tool.services.credential_forms import has_jwt
from lti_tool.services.reissuing import Choices, SubjectChoice
from lti_tool.services.wallet import Badge
from lti_tool.web.translated import gettext as _

REFUSALS: Mapping[str, Any] = {
    "copy_unchanged": _l("A new copy would say the same as the one you have. Change something first."),
    "credential_pending": _l("Your badge is being signed. Try again in a moment."),
    "award_revoked": _l("This badge was revoked, so there can be no new copy of it."),
    "award_suspended": _l("This badge is suspended, so there can be no new copy of it now."),
    "award_expired": _l("This badge has expired, so there can be no new copy of it."),
    "subject_without_email": _l("Your learning platform gives no e-mail address of yours, which this would need."),
    "issuer_incomplete": _l(
        "The issuer of this badge has not said its e-mail and web address, which older backpacks need. "
        "Tell the person who looks after this tool."
    ),
}


@dataclass(frozen=True, slots=True)
class DownloadLine:
    """One file: what it is called, what it is for, where it is, and the name it is saved under."""

    label: str
    words: str
    url: str
    filename: str


def download_lines(mine: Badge) -> list[DownloadLine]:
    """Return the files of Open Badges 3.0."""
    public_id = mine.credential.public_id
    lines = [
        ("public.credential_png", "png", _("Picture (PNG)"), _("For most backpacks. The signed badge is inside.")),
        ("public.credential_svg", "svg", _("Picture (SVG)"), _("The same, where a backpack wants this format.")),
        ("public.credential_json", "json", _("Document (JSON)"), _("For wallets and for programs, and to keep.")),
    ]
    if has_jwt(mine.copy):
        words = _("The document as one line of text, for wallets that ask for it.")
        lines.append(("public.credential_jwt", "jwt", _("Document (JWT)"), words))
    return [_line(public_id, *line) for line in lines]


def older_lines(mine: Badge) -> list[DownloadLine]:
    """Return the files of Open Badges 2.0."""
    public_id = mine.credential.public_id
    lines = [
        ("second_face.png", "ob2.png", _("Picture (PNG)"), _("To upload by hand.")),
        ("second_face.svg", "ob2.svg", _("Picture (SVG)"), _("The same, where a backpack wants this format.")),
        ("second_face.assertion", "ob2.json", _("Document (JSON)"), _("Its address can be given to a backpack.")),
        ("second_face.signed", "ob2.jws", _("Signed document"), _("For programs that check the signature.")),
    ]
    return [_line(public_id, *line) for line in lines]


def _line(public_id: str, endpoint: str, ending: str, label: str, words: str) -> DownloadLine:
    return DownloadLine(label, words, url_for(endpoint, public_id=public_id), f"{public_id}.{ending}")


def copy_refusal(code: str) -> str:
    """Return why there is no new copy or form of a badge."""
    return str(REFUSALS.get(code) or _l("There can be no new copy of this badge now."))


def subject_words(choices: Choices) -> str:
    """Return what the newest copy knows its owner by."""
    if choices.carried_email is not None:
        return _("your e-mail address %(email)s, scrambled", email=choices.carried_email)
    if choices.subject is SubjectKind.DID:
        return _("your wallet")
    return _("a random number")


def subject_options(choices: Choices) -> list[tuple[str, str, bool]]:
    """Return (value, words, chosen) of what a new copy can know its owner by."""
    options = [(SubjectChoice.KEEP.value, _("As now: %(what)s", what=subject_words(choices)), True)]
    if choices.email and (choices.carried_email is None or choices.has_new_email):
        words = _("Your e-mail address %(email)s, scrambled", email=choices.email)
        options.append((SubjectChoice.EMAIL.value, words, False))
    if choices.subject is not SubjectKind.OPAQUE:
        options.append((SubjectChoice.NONE.value, _("A random number, which says nothing about you"), False))
    return options
