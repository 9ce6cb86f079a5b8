"""A conversation with one learner's backpack: tokens that last, refreshed at most once, and whose account it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from lti_tool.backpacks.base import Backpack, ClientRegistration, HostDescription, Tokens
from lti_tool.errors import BackpackAnswerError, BackpackConsentError, BackpackError, BackpackRefusedError, ToolError
from lti_tool.models import BackpackConnection
from lti_tool.services import backpacks
from lti_tool.services.delivery_batches import Bundle
from lti_tool.services.introductions import Introducer
from lti_tool.wiring import Services

REFRESH_BEFORE: Final = timedelta(seconds=60)
THE_BADGES_OWN: Final = frozenset({"backpack_cannot_fetch", "backpack_not_shown"})
"""Failures worth another try that say nothing about the host."""

Got = TypeVar("Got")


@dataclass(slots=True)
class Contact:
    """How a host is talked to in one batch; ``client`` changes when the host forgot this tool."""

    host_id: int
    host: HostDescription
    client: ClientRegistration
    was_renewed: bool = False


class Conversation:
    """What is said to one learner's backpack. ``mark``: the tokens as stored, see ``Bundle``."""

    def __init__(self, services: Services, backpack: Backpack, contact: Contact, bundle: Bundle) -> None:
        self.backpack, self.contact, self.mark = backpack, contact, bundle.mark
        self._services, self._bundle, self._tokens = services, bundle, bundle.tokens
        self._was_refreshed = False

    @property
    def can_read(self) -> bool:
        """Whether the learner allowed to read back."""
        return self.backpack.can_read(self._tokens)

    def call(self, ask: Callable[[HostDescription, Tokens], Got]) -> Got:
        """Ask with tokens that are good; where the host ended them early, refresh and ask once more."""
        if self._tokens.expires_at <= self._services.clock() + REFRESH_BEFORE and not self._was_refreshed:
            self._refresh()
        try:
            return ask(self.contact.host, self._tokens)
        except BackpackConsentError as error:
            is_curable = error.code == BackpackConsentError.code and self._tokens.refresh_token is not None
            if self._was_refreshed or not is_curable:
                raise
        self._refresh()
        return ask(self.contact.host, self._tokens)

    def account_email(self) -> str | None:
        """The address the host knows the learner by; ``None`` where it does not tell."""
        if self._bundle.is_account_known:
            return self._bundle.account_email
        try:
            profile = self.call(self.backpack.profile)
        except (BackpackAnswerError, BackpackRefusedError):
            return None
        except BackpackConsentError as error:
            if error.code == BackpackConsentError.code:
                raise
            return None
        with self._services.database.write() as session:
            backpacks.note_account(session.get_one(BackpackConnection, self._bundle.connection_id), profile)
        return profile.email

    def _refresh(self) -> None:
        """Get new tokens, stored before they are used: the old refresh token is spent."""
        self._was_refreshed = True
        if self._tokens.refresh_token is None:
            raise BackpackConsentError("The consent has ended. Connect the backpack again.")
        tokens = self._refreshed()
        with self._services.database.write() as session:
            now = self._services.clock()
            mark = backpacks.save_tokens(session, self._bundle.connection_id, tokens, self._services.vault, now)
        if mark is None:
            raise BackpackConsentError("The learner disconnected the backpack meanwhile.")
        self.mark, self._tokens = mark, tokens

    def _refreshed(self) -> Tokens:
        """Refresh; a host that forgot this tool is told of it again, once in a batch."""
        contact = self.contact
        try:
            return self.backpack.refresh(contact.host, contact.client, self._tokens)
        except BackpackRefusedError as error:
            if error.code != "backpack_client_unknown":
                raise
        if not contact.was_renewed:
            contact.was_renewed = True
            introducer = Introducer(self._services.database, self._services.vault, self._services.settings)
            contact.host, contact.client = introducer.introduce(
                self.backpack, contact.host_id, self._services.clock(), instead_of=contact.client
            )
        try:
            return self.backpack.refresh(contact.host, contact.client, self._tokens)
        except BackpackRefusedError:
            raise BackpackConsentError("The backpack does not know this tool any more. Connect it again.") from None


def is_away(error: ToolError) -> bool:
    """Whether a failure means that the host does not answer, or wants to be left alone."""
    return isinstance(error, BackpackError) and error.retryable and error.code not in THE_BADGES_OWN
