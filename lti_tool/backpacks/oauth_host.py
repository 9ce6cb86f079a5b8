"""What clients of hosts with consents share: registration, consent, tokens and their end (see ``oauth``)."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from lti_tool.backpacks.base import AuthorizationRequest, ClientRegistration, HostDescription, Tokens
from lti_tool.backpacks.host_http import HostHttp
from lti_tool.backpacks.oauth import OAuthClient
from lti_tool.outbound import HttpClient


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class OAuthHost:
    """The half of a ``Backpack`` that is OAuth; ``wanted`` and ``required`` are scopes (see ``OAuthClient``)."""

    def __init__(
        self, http: HttpClient, *, wanted: Iterable[str], required: Iterable[str], now: Callable[[], datetime]
    ) -> None:
        self._http = HostHttp(http)
        self._now = now
        self._oauth = OAuthClient(self._http, wanted=wanted, required=required, now=now)

    def register(
        self,
        host: HostDescription,
        redirect_uri: str,
        client_name: str,
        client_uri: str,
        logo_uri: str,
        tos_uri: str,
        policy_uri: str,
    ) -> ClientRegistration:
        """Make this tool known to the host."""
        metadata = {
            "client_name": client_name,
            "client_uri": client_uri,
            "logo_uri": logo_uri,
            "tos_uri": tos_uri,
            "policy_uri": policy_uri,
        }
        return self._oauth.register(host, redirect_uri, metadata)

    def authorization_request(
        self, host: HostDescription, client: ClientRegistration, redirect_uri: str
    ) -> AuthorizationRequest:
        """Begin a connection."""
        return self._oauth.authorization_request(host, client, redirect_uri)

    def exchange_code(
        self, host: HostDescription, client: ClientRegistration, code: str, redirect_uri: str, code_verifier: str
    ) -> Tokens:
        """Turn a code into tokens."""
        return self._oauth.exchange_code(host, client, code, redirect_uri, code_verifier)

    def refresh(self, host: HostDescription, client: ClientRegistration, tokens: Tokens) -> Tokens:
        """Get new tokens."""
        return self._oauth.refresh(host, client, tokens)

    def revoke(self, host: HostDescription, client: ClientRegistration, tokens: Tokens) -> bool:
        """End the consent at the host."""
        return self._oauth.revoke(host, client, tokens)
