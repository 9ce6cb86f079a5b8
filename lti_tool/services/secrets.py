"""Random secrets that leave this tool once, and the hashes that stay."""

import hashlib
import secrets

SECRET_BYTES = 32


def new_secret() -> str:
    """Return a random secret of 256 bits, 43 URL-safe characters."""
    return secrets.token_urlsafe(SECRET_BYTES)


def secret_hash(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex; enough, since the secret is random."""
    return hashlib.sha256(secret.encode()).hexdigest()
