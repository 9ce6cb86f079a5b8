"""The strict platform's keys and what it signs, also wrongly."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of the platform."""

    kid: str
    private_key: rsa.RSAPrivateKey

    def public_jwk(self) -> dict[str, Any]:
        """The public half as the key set publishes it."""
        document: dict[str, Any] = RSAAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        return {key: value for key, value in document.items() if key != "key_ops"} | {
            "kid": self.kid, "alg": "RS256", "use": "sig",
        }  # fmt: skip


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A 2048-bit key, made once a process and name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def compact_jwt(claims: Mapping[str, Any], alg: str, key: Any, headers: Mapping[str, Any]) -> str:
    """A compact JWT with exactly these headers; for ``none`` and ``HS256`` PyJWT would rightly refuse some of it."""
    if alg not in {"none", "HS256"}:
        return jwt.encode(dict(claims), key, algorithm=alg, headers=dict(headers))
    signed = f"{_segment({'alg': alg, 'typ': 'JWT'} | dict(headers))}.{_segment(claims)}"
    secret = key if isinstance(key, bytes) else b"secret"
    mac = hmac.digest(secret, signed.encode(), hashlib.sha256) if alg == "HS256" else b""
    return f"{signed}.{_encoded(mac)}"


def _segment(document: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(document, separators=(",", ":")).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
