"""Encryption at rest for private keys and tokens (Fernet; several keys while the key-encryption key rotates)."""

from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from lti_tool.errors import SettingsError


class Vault:
    """Encrypts with the first key and decrypts with any; hold one per process."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def lock(self, text: str) -> str:
        """Return ``text`` encrypted, as ASCII text."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, locked: str) -> str:
        """Return what ``lock`` was given; raises ``SettingsError`` when no key fits."""
        try:
            return self._fernet.decrypt(locked.encode()).decode()
        except InvalidToken:
            raise SettingsError(
                "A stored secret cannot be decrypted. LTI_BADGES_KEY_ENCRYPTION_KEY must still list the key it was "
                "encrypted with.",
                code="vault_key_missing",
            ) from None
