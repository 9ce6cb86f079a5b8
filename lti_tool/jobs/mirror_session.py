"""Calls to an issuing platform in the institution's name: tokens are renewed and stored, and each call made once more
when the platform no longer takes the one at hand.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from lti_tool.backpacks.badgr_documents import BadgeClassCard, IssuerCard, NewAward
from lti_tool.backpacks.badgr_issuing import BadgrIssuing, BatchOutcome, IssuedAward
from lti_tool.backpacks.base import Tokens
from lti_tool.errors import BackpackConsentError
from lti_tool.services import issuing_platforms
from lti_tool.services.issuing_platforms import Account
from lti_tool.wiring import Services

REFRESH_BEFORE = timedelta(seconds=60)
Answered = TypeVar("Answered")


class MirrorSession:
    """One run's calls to one platform; raises what ``BadgrIssuing`` does.

    ``BackpackConsentError`` means that neither the refresh token nor a kept password is accepted any more.
    """

    def __init__(self, services: Services, platform_id: int) -> None:
        self._services, self._platform_id = services, platform_id
        self._client: BadgrIssuing = services.badgr
        with services.database.read() as session:
            platform = issuing_platforms.get_platform(session, platform_id)
            self._address = platform.address
            self._account = issuing_platforms.read_account(platform, services.vault)

    def _call(self, ask: Callable[[Tokens], Answered]) -> Answered:
        if self._account.tokens.expires_at <= self._services.clock() + REFRESH_BEFORE:
            self._renew()
        try:
            return ask(self._account.tokens)
        except BackpackConsentError:
            self._renew()
        return ask(self._account.tokens)

    def _renew(self) -> None:
        self._account = replace(self._account, tokens=self._new_tokens(self._account))
        with self._services.database.write() as session:
            vault, now = self._services.vault, self._services.clock()
            issuing_platforms.save_account(session, self._platform_id, self._account, vault, now)

    def _new_tokens(self, account: Account) -> Tokens:
        if account.tokens.refresh_token is None and account.password is not None:
            return self._client.sign_in(self._address, account.email, account.password)
        return self._client.refresh(self._address, account.tokens)

    # -- the calls ----------------------------------------------------------------------------------------------------

    def ensure_issuer(self, card: IssuerCard) -> str:
        """See ``BadgrIssuing``."""
        return self._call(lambda tokens: self._client.ensure_issuer(self._address, tokens, card))

    def ensure_badge_class(self, issuer_id: str, card: BadgeClassCard) -> str:
        """See ``BadgrIssuing``."""
        return self._call(lambda tokens: self._client.ensure_badge_class(self._address, tokens, issuer_id, card))

    def update_badge_class(self, badge_class_id: str, card: BadgeClassCard) -> None:
        """See ``BadgrIssuing``."""
        self._call(lambda tokens: self._client.update_badge_class(self._address, tokens, badge_class_id, card))

    def issue(self, badge_class_id: str, awards: list[NewAward]) -> BatchOutcome:
        """See ``BadgrIssuing``."""
        return self._call(lambda tokens: self._client.issue(self._address, tokens, badge_class_id, awards))

    def find_issued(self, badge_class_id: str, emails: Collection[str]) -> tuple[IssuedAward, ...]:
        """See ``BadgrIssuing``."""
        return self._call(lambda tokens: self._client.find_issued(self._address, tokens, badge_class_id, emails))

    def readdress(self, award_id: str, award: NewAward) -> bool:
        """See ``BadgrIssuing``."""
        return self._call(lambda tokens: self._client.readdress(self._address, tokens, award_id, award))

    def revoke(self, award_id: str) -> None:
        """See ``BadgrIssuing``."""
        self._call(lambda tokens: self._client.revoke(self._address, tokens, award_id))

    @staticmethod
    def repeatable(award: NewAward) -> NewAward:
        """Return the award for somebody who holds the badge class already."""
        return replace(award, may_repeat=True)
