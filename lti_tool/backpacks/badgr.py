"""A client of the v2 API of Badgr hosts, for learners: the badge's address goes to ``/v2/backpack/import``.

A learner's consent to it is only to be had by an application that the host's operators registered by hand (Canvas
Credentials gives keys on request); dynamic registration hands out the scopes of Badge Connect, and the import does not
take those (vendor code). So Badge Connect is what learners are offered, which imports by the same way at the host; this
is for an institution that has such a key: ``lti-badges backpacks add --protocol badgr --client-id ID``.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from lti_tool.backpacks.badge_connect import DUPLICATES, MISMATCHES, UNREADABLE, BadgeConnect
from lti_tool.backpacks.badgr_api import entity_id, read_one, read_refusal
from lti_tool.backpacks.base import (
    BadgeDocument,
    ClientRegistration,
    HostDescription,
    Outcome,
    Receipt,
    Tokens,
)
from lti_tool.backpacks.host_http import host_of
from lti_tool.backpacks.oauth_host import OAuthHost, utc_now
from lti_tool.errors import BackpackError, BackpackRefusedError
from lti_tool.outbound import Answer, HttpClient, origin_of

SCOPE: Final = "rw:backpack"


class BadgrBackpack(BadgeConnect):
    """Imports into learners' backpacks; see ``Backpack``. What it shares with Badge Connect also takes this scope."""

    def __init__(self, http: HttpClient, *, now: Callable[[], datetime] = utc_now) -> None:
        OAuthHost.__init__(self, http, wanted=(SCOPE,), required=(SCOPE,), now=now)

    def register(
        self,
        host: HostDescription,
        redirect_uri: str,  # noqa: ARG002
        client_name: str,  # noqa: ARG002
        client_uri: str,  # noqa: ARG002
        logo_uri: str,  # noqa: ARG002
        tos_uri: str,  # noqa: ARG002
        policy_uri: str,  # noqa: ARG002
    ) -> ClientRegistration:
        """Refuse: the host's operators register applications for this API, and an admin enters what they give."""
        raise BackpackRefusedError(
            f"{host_of(host.api_url)} registers tools for this API by hand. Ask its operators for a client id.",
            code="backpack_registration_refused",
        )

    def push(self, host: HostDescription, tokens: Tokens, document: BadgeDocument) -> Receipt:
        """Tell the host the address of the assertion; what it has already counts as there."""
        url = f"{origin_of(host.api_url)}/v2/backpack/import"
        answer = self._http.post_json(url, {"url": document.id}, token=tokens.access_token)
        if answer.status == 400:
            if read_refusal(answer).names & DUPLICATES:
                return Receipt(Outcome.UNCHANGED, answer.status, document.id, self._now())
            raise _refusal(answer)
        taken = read_one(answer, "take the badge")
        return Receipt(Outcome.CREATED, answer.status, entity_id(taken), self._now())

    def can_read(self, tokens: Tokens) -> bool:
        """Whether ``rw:backpack`` was granted."""
        return SCOPE in tokens.scope.split()


def _refusal(answer: Answer) -> BackpackError:
    host, names = host_of(answer.url), read_refusal(answer).names
    if names & MISMATCHES:
        return BackpackRefusedError(
            f"{host} says that the badge is addressed to somebody else.", code="recipient_mismatch", http_status=400
        )
    if names & UNREADABLE:
        return BackpackError(
            f"{host} could not fetch the badge from this tool.", code="backpack_cannot_fetch", http_status=400
        )
    return BackpackRefusedError(f"{host} found the badge invalid.", code="backpack_badge_invalid", http_status=400)
