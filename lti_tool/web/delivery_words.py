"""Why a badge did not reach a backpack and what helps, by code: for its learner, an instructor and an admin.

What is not in the table has words, too. The learner's words name what to press; the instructor cannot do it for them;
the admin's words say what to look at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_tool.backpacks.base import Outcome
from lti_tool.models import Delivery, DeliveryPurpose, DeliveryState
from lti_tool.services import second_face
from lti_tool.services.backpacks import BADGE_CONNECT
from lti_tool.web.formats import ago
from lti_tool.web.translated import gettext as _


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason in three voices; ``%(host)s`` is the backpack's name. ``remedy``: a key of ``REMEDIES``."""

    learner: Any
    instructor: Any
    admin: Any
    remedy: str


CONNECT, NEW_COPY, DOWNLOAD, WAIT = "connect", "new_copy", "download", "wait"

_CONSENT_TOLD = _l("The learner has to connect %(host)s again; nobody can do that for them.")
_NOTHING = _l("Nothing to do here: the learner was told what helps.")
_LOOK_AT_HOST = _l("If it happens to many, ask the people who run %(host)s, or look whether its address has changed.")

REASONS: Mapping[str, Reason] = {
    "backpack_consent_needed": Reason(
        _l("The connection to %(host)s has ended. Connect it again."), _CONSENT_TOLD, _NOTHING, CONNECT
    ),
    "backpack_scope_missing": Reason(
        _l("%(host)s was not allowed to take badges. Connect it again and allow that."),
        _CONSENT_TOLD,
        _NOTHING,
        CONNECT,
    ),
    "backpack_client_unknown": Reason(
        _l("%(host)s no longer knows this tool. Connect it again."),
        _CONSENT_TOLD,
        _l("%(host)s forgot this tool; it is made known again with the next connection."),
        CONNECT,
    ),
    "backpack_registration_refused": Reason(
        _l("%(host)s does not accept this tool just now. Download the badge instead, or use another backpack."),
        _l("%(host)s does not accept this tool. The learner can download the badge instead."),
        _l(
            "%(host)s refuses to register this tool. It may want https addresses on one host, and a picture it can "
            "fetch: check the public address of this tool."
        ),
        DOWNLOAD,
    ),
    "recipient_mismatch": Reason(
        _l(
            "The badge is made out to another e-mail address than the one %(host)s knows you by, so it was not sent. "
            "Get a new copy of the badge with the right address, or connect a backpack that has this one."
        ),
        _l(
            "The badge is made out to another e-mail address than the learner's backpack has. They can ask for a new "
            "copy with the right address."
        ),
        _NOTHING,
        NEW_COPY,
    ),
    "subject_without_email": Reason(
        _l(
            "%(host)s takes only badges that name an e-mail address, and your learning platform shares none. Download "
            "the badge instead, or use another backpack."
        ),
        _l("%(host)s takes only badges that name an e-mail address, and the learning platform shares none."),
        _l("Let the learning platform share e-mail addresses with this tool, if learners want to use %(host)s."),
        DOWNLOAD,
    ),
    "recipient_other": Reason(
        _l("The badge is made out to another e-mail address. Get a new copy of the badge with the right address."),
        _l("The badge is made out to another e-mail address. The learner can ask for a new copy."),
        _NOTHING,
        NEW_COPY,
    ),
    "issuer_incomplete": Reason(
        _l(
            "%(host)s takes only badges whose issuer has an e-mail and a web address, and this one's has not. Download "
            "the badge instead, or ask your instructor."
        ),
        _l("The issuer has no e-mail or web address, which %(host)s demands. Ask an admin to add them."),
        _l("Give the issuer an e-mail and a web address: %(host)s takes no badge without."),
        DOWNLOAD,
    ),
    "backpack_refused": Reason(
        _l("%(host)s refused the badge. Download it instead, or use another backpack."),
        _l("%(host)s refused the badge. The learner can download it instead."),
        _LOOK_AT_HOST,
        DOWNLOAD,
    ),
    "backpack_form_refused": Reason(
        _l("%(host)s takes badges in another form only. Download it instead, or use another backpack."),
        _l("%(host)s takes badges in another form only. The learner can download it instead."),
        _LOOK_AT_HOST,
        DOWNLOAD,
    ),
    "backpack_badge_invalid": Reason(
        _l("%(host)s checked the badge and found it not valid. Download it instead, or use another backpack."),
        _l("%(host)s checked the badge and found it not valid. Tell the person who looks after this tool."),
        _l(
            "%(host)s found a badge not valid. Check it with “lti-badges verify”, and that the issuer's pages can be "
            "fetched from outside."
        ),
        DOWNLOAD,
    ),
    "backpack_cannot_fetch": Reason(
        _l("%(host)s could not fetch the badge from here, after several tries. Download it instead."),
        _l("%(host)s could not fetch the badge from this tool. Tell the person who looks after it."),
        _l("%(host)s cannot reach the public address of this tool. Check the network between them."),
        DOWNLOAD,
    ),
    "backpack_altered": Reason(
        _l("%(host)s shows the badge differently from what was sent, so it may not verify there. Download it instead."),
        _l("%(host)s shows the badge differently from what was sent. The learner can download it instead."),
        _l("%(host)s changes badges it stores, so that their signatures may not hold. Tell the people who run it."),
        DOWNLOAD,
    ),
    "backpack_not_shown": Reason(
        _l("%(host)s said it took the badge, but does not show it. Look there, try again, or download it instead."),
        _l("%(host)s said it took the badge, but does not show it. The learner can download it instead."),
        _LOOK_AT_HOST,
        DOWNLOAD,
    ),
    "backpack_answer_malformed": Reason(
        _l("%(host)s gave answers that cannot be understood. Try again later, or download the badge instead."),
        _l("%(host)s gave answers that cannot be understood. The learner can download the badge instead."),
        _l("%(host)s answers something else than its protocol. Look whether its address has changed."),
        WAIT,
    ),
    "backpack_unavailable": Reason(
        _l("%(host)s did not answer for about two days. Try again, or download the badge instead."),
        _l("%(host)s did not answer for about two days. The learner can try again."),
        _l("%(host)s does not answer. Open its address in a browser. If it is gone, do not offer it any more."),
        WAIT,
    ),
    "backpack_throttled": Reason(
        _l("%(host)s had no time for about two days. Try again, or download the badge instead."),
        _l("%(host)s had no time for about two days. The learner can try again."),
        _l("%(host)s asks this tool to slow down again and again. Ask the people who run it for a higher limit."),
        WAIT,
    ),
    "award_revoked": Reason(
        _l("The badge was revoked before it was sent, so it was not sent."),
        _l("The badge was revoked before it was sent, so it was not sent."),
        _NOTHING,
        WAIT,
    ),
    "award_suspended": Reason(
        _l("The badge is on hold, so it was not sent. Send it when it is given back."),
        _l("The badge is on hold, so it was not sent."),
        _NOTHING,
        WAIT,
    ),
    "copy_overtaken": Reason(
        _l("A newer copy of the badge was sent instead."),
        _l("A newer copy of the badge was sent instead."),
        _NOTHING,
        WAIT,
    ),
    "address_taken_back": Reason(
        _l(
            "%(host)s takes only badges that name an e-mail address, and you took yours out of this one. Get a new "
            "copy with your address, or use another backpack."
        ),
        _l("%(host)s takes only badges that name an e-mail address, and the learner took theirs out of this one."),
        _NOTHING,
        NEW_COPY,
    ),
    "status_not_revoked": Reason(
        _l("%(host)s may still show the badge as valid. Whoever checks it there is told the truth."),
        _l("The badge's status does not say that it is revoked. Tell the person who looks after this tool."),
        _l("A revoked badge's status list does not say so. Revoke the badge again, and look at the log."),
        WAIT,
    ),
}
SAME_AS: Mapping[str, str] = {
    "host_unavailable": "backpack_unavailable",
    "answer_too_large": "backpack_answer_malformed",
    "address_refused": "backpack_answer_malformed",
    "backpack_disconnected": "backpack_consent_needed",
}
OTHERWISE = Reason(
    _l("%(host)s did not take the badge. Try again, or download the badge instead."),
    _l("%(host)s did not take the badge. The learner can try again, or download it."),
    _LOOK_AT_HOST,
    WAIT,
)


def reason_of(code: str | None) -> Reason:
    """Return the words of a code."""
    name = SAME_AS.get(code or "", code or "")
    return REASONS.get(name, OTHERWISE)


def learner_reason(delivery: Delivery, host: str) -> str:
    """Return why it did not arrive, in the learner's words, with both addresses where they differ."""
    words = str(reason_of(delivery.error_code).learner) % {"host": host}
    knows = delivery.connection.account_email
    carries = _recipient(delivery)
    if delivery.error_code == "recipient_mismatch" and knows and carries:
        told = _(
            "The badge carries %(carries)s; %(host)s knows %(knows)s.", host=host, carries=carries, knows=masked(knows)
        )
        words = f"{words} {told}"
    return words


def delivery_words(delivery: Delivery, host: str, now: datetime) -> str:
    """Return how a delivery stands, and what can be done about it, in the learner's words."""
    if delivery.purpose is DeliveryPurpose.WITHDRAW:
        return _withdrawal_words(delivery, host)
    match delivery.state:
        case DeliveryState.DELIVERED:
            when = ago(delivery.delivered_at or now, now)
            if (delivery.receipt or {}).get("read_back") is False:
                return _("Put into %(host)s %(ago)s. It did not let us look at it there.", host=host, ago=when)
            return _("Put into %(host)s %(ago)s. We looked: it shows the badge as it was signed.", host=host, ago=when)
        case DeliveryState.FAILED:
            return learner_reason(delivery, host)
        case DeliveryState.SENDING:
            return _("On its way to %(host)s.", host=host)
        case _ if delivery.error_code is not None:
            rest = delivery.connection.host.paused_until
            due = ago(max(delivery.due_at, rest or now, now), now)
            return _("%(host)s did not answer. It is tried again by itself: %(ago)s.", host=host, ago=due)
        case _:
            return _("It is sent to %(host)s in a moment.", host=host)


def _withdrawal_words(delivery: Delivery, host: str) -> str:
    if delivery.state is DeliveryState.FAILED:
        return _("%(host)s was not told that the badge was revoked. Take it out there yourself.", host=host)
    if delivery.state is not DeliveryState.DELIVERED:
        return _("%(host)s is told in a moment that the badge was revoked.", host=host)
    if (delivery.receipt or {}).get("outcome") == Outcome.WITHDRAWN.value:
        return _("The badge was revoked and taken out of %(host)s.", host=host)
    return _("The badge was revoked. Whoever checks it in %(host)s sees that.", host=host)


def instructor_reason(code: str | None, host: str) -> str:
    """Return why a badge did not arrive, for somebody who cannot act for the learner."""
    return str(reason_of(code).instructor) % {"host": host}


def admin_reason(code: str | None, host: str) -> str:
    """Return what to look at."""
    return str(reason_of(code).admin) % {"host": host}


def masked(email: str) -> str:
    """Return an address that its owner knows again and nobody else learns: ``a•••@lakeside.example``."""
    local, at, domain = email.partition("@")
    return f"{local[:1]}•••{at}{domain}"


def _recipient(delivery: Delivery) -> str | None:
    version = delivery.credential_version
    if delivery.connection.host.protocol == BADGE_CONNECT:
        address = second_face.recipient_of(version.credential)
    else:
        address = version.subject if "@" in version.subject else None
    return masked(address) if address else None
