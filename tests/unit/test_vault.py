"""Encryption at rest, also while the key changes."""

import pytest
from cryptography.fernet import Fernet

from lti_tool.errors import SettingsError
from lti_tool.vault import Vault

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_what_was_locked_can_be_opened_and_not_read() -> None:
    locked = Vault([NEW]).lock("a secret, ☃")
    assert Vault([NEW]).open(locked) == "a secret, ☃"
    assert "secret" not in locked
    assert locked != Vault([NEW]).lock("a secret, ☃")


def test_while_the_key_changes_both_open_and_the_first_locks() -> None:
    both = Vault([NEW, OLD])
    assert both.open(Vault([OLD]).lock("x")) == "x"
    assert Vault([NEW]).open(both.lock("x")) == "x"


@pytest.mark.parametrize(
    "locked",
    [Vault([OLD]).lock("x"), Vault([NEW]).lock("x")[:-5] + "AAAA=", "", "plain text"],
    ids=["another key", "altered", "nothing", "plain text"],
)
def test_without_the_key_or_altered_it_is_refused(locked: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Vault([NEW]).open(locked)
    assert refusal.value.code == "vault_key_missing"
    assert "LTI_BADGES_KEY_ENCRYPTION_KEY" in str(refusal.value)
