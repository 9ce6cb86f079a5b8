"""Checks of the id_token, each failing closed (1EdTech Security Framework 1.0, section 5.1.3).

RS256 only, by PyJWT with every option spelled out; the claims are checked here because each refusal has its own code
and the clock is the caller's. Times are seconds since 1970; ``LEEWAY`` covers clocks that differ.
"""

import hmac
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lti_tool.errors import (
    NonceError,
    TokenAlgorithmError,
    TokenAudienceError,
    TokenExpiredError,
    TokenFormatError,
    TokenIssuerError,
    TokenKeyError,
    TokenPartyError,
    TokenSignatureError,
    TokenTimeError,
)
from lti_tool.lti.claims import SignedClaims, claim_error
from lti_tool.lti.login_state import hash_of

ALGORITHM = "RS256"
LEEWAY = 60
OLDEST = 600
LONGEST = 128 * 1024

_JWT = jwt.PyJWT(
    {
        "verify_signature": True,
        "enforce_minimum_key_length": True,
        "verify_exp": False,  # all checked below, against the caller's clock and with codes
        "verify_nbf": False,
        "verify_iat": False,
        "verify_aud": False,
        "verify_iss": False,
        "verify_sub": False,
        "verify_jti": False,
        "strict_aud": False,
        "require": [],
    }
)


def read_header(token: str) -> dict[str, Any]:
    """Return the header of a token that claims RS256 and names its key; nothing of it is verified yet.

    Raises ``TokenFormatError``, ``TokenAlgorithmError`` or ``TokenKeyError``.
    """
    if len(token) > LONGEST:
        raise TokenFormatError("The id_token is too long.")
    try:  # the header alone: PyJWT reads the rest once, with the key
        header = jwt.get_unverified_header(token.partition(".")[0] + "..")
    except (jwt.InvalidTokenError, UnicodeError):
        raise TokenFormatError("The id_token is not a JWT.") from None
    if header.get("alg") != ALGORITHM:
        raise TokenAlgorithmError(f"The id_token must be signed with {ALGORITHM}.")
    if not header.get("kid"):
        raise TokenKeyError("The id_token does not name its key (kid).", code="token_key_unnamed")
    return header


def verify_signature(token: str, key: RSAPublicKey) -> SignedClaims:
    """Return the claims of a token signed with ``key``; raises ``TokenSignatureError`` or ``TokenFormatError``."""
    try:
        return SignedClaims(_JWT.decode(token, key, algorithms=[ALGORITHM]))
    except jwt.InvalidSignatureError:
        raise TokenSignatureError("The signature of the id_token does not fit the platform's key.") from None
    except jwt.InvalidAlgorithmError:
        raise TokenAlgorithmError(f"The id_token must be signed with {ALGORITHM}.") from None
    except (jwt.InvalidTokenError, UnicodeError):
        raise TokenFormatError("The id_token is not a signed JWT with claims.") from None


def check_parties(claims: SignedClaims, issuer: str, client_id: str) -> None:
    """Check ``iss``, ``aud`` and ``azp`` against the registration.

    Raises ``TokenIssuerError``, ``TokenAudienceError`` or ``TokenPartyError``.
    """
    if claims.get("iss") != issuer:
        raise TokenIssuerError("The id_token is not from the issuer this login began with.")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if client_id not in named or not all(isinstance(one, str) for one in named):
        raise TokenAudienceError("The id_token is not meant for this tool.")
    if "azp" in claims and claims["azp"] != client_id:
        raise TokenPartyError("The id_token was made for another party (azp).")
    if len(named) > 1 and "azp" not in claims:
        raise TokenPartyError("The id_token names several audiences and no party (azp).")


def check_times(claims: SignedClaims, now: datetime, *, oldest: int = OLDEST) -> None:
    """Check ``exp``, ``iat`` (at most ``oldest`` seconds ago) and, where there is one, ``nbf``.

    Raises ``TokenClaimError``, ``TokenExpiredError`` or ``TokenTimeError`` (``token_old`` for an ``iat`` long ago).
    """
    moment = now.timestamp()
    if _seconds(claims, "exp") + LEEWAY <= moment:
        raise TokenExpiredError("The id_token has expired. Open the tool from the course again.")
    issued = _seconds(claims, "iat")
    if issued > moment + LEEWAY:
        raise TokenTimeError("The id_token is from the future; the clocks of platform and tool differ.")
    if issued + oldest + LEEWAY < moment:
        raise TokenTimeError("The id_token is too old. Open the tool from the course again.", code="token_old")
    if claims.get("nbf") is not None and _seconds(claims, "nbf") > moment + LEEWAY:
        raise TokenTimeError("The id_token is not valid yet; the clocks of platform and tool differ.")


def _seconds(claims: SignedClaims, name: str) -> float:
    value = claims.get(name)
    if value is None:
        raise claim_error(name, "is missing")
    # bool is an int, and JSON as Python reads it has NaN and numbers of any length
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise claim_error(name, "is not a time")
    return value


def check_nonce(claims: SignedClaims, nonce_hash: str) -> None:
    """Check that ``nonce`` is the one given out with the state; raises ``TokenClaimError`` or ``NonceError``."""
    nonce = claims.get("nonce")
    if nonce is None:
        raise claim_error("nonce", "is missing")
    if not isinstance(nonce, str) or not hmac.compare_digest(hash_of(nonce), nonce_hash):
        raise NonceError("The nonce of the id_token is not the one of this login.")
