"""Settings: complete or refused, naming the setting and the remedy."""

import base64
from pathlib import Path
from typing import Any

import pytest

from lti_tool.errors import SettingsError
from lti_tool.settings import Settings, load_settings

# Fixed, so that every worker names its tests alike.
KEY = base64.urlsafe_b64encode(b"1" * 32).decode()
PRODUCTION = {
    "LTI_BADGES_DATABASE_URL": "sqlite:////var/lib/lti-badges/lti-badges.db",
    "LTI_BADGES_PUBLIC_URL": "https://badges.example.org",
    "LTI_BADGES_SECRET_KEY": "k" * 32,
    "LTI_BADGES_KEY_ENCRYPTION_KEY": KEY,
}


def test_production_is_the_default_environment() -> None:
    settings = load_settings(PRODUCTION)
    assert settings.environment == "production"
    assert settings.is_development is False
    assert settings.broker_url == "embedded"
    assert settings.allowed_private_hosts == ()


@pytest.mark.parametrize("name", sorted(PRODUCTION))
def test_production_refuses_to_start_without(name: str) -> None:
    rest = {key: value for key, value in PRODUCTION.items() if key != name}
    with pytest.raises(SettingsError, match=rf"{name} is not set\. Set it to ") as caught:
        load_settings(rest)
    assert caught.value.code == "settings_incomplete"


def test_an_empty_variable_counts_as_missing() -> None:
    with pytest.raises(SettingsError, match="LTI_BADGES_SECRET_KEY is not set"):
        load_settings(PRODUCTION | {"LTI_BADGES_SECRET_KEY": ""})


def test_environment_variables_win_over_files_and_overrides_over_both() -> None:
    environ = {"LTI_BADGES_ENV": "test", "LTI_BADGES_LOG_LEVEL": "DEBUG", "LTI_BADGES_TOOL_NAME": "Our badges"}
    settings = load_settings(environ, tool_name="This run")
    assert settings.log_level == "DEBUG"
    assert settings.tool_name == "This run"
    assert settings.environment == "test"
    assert settings.is_development is True


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LTI_BADGES_ENV", "test")
    monkeypatch.setenv("LTI_BADGES_SYNC_EVERY", "0")
    assert load_settings().sync_every == 0


def test_lists_numbers_and_paths_are_read_from_text() -> None:
    second = base64.urlsafe_b64encode(b"2" * 32).decode()
    settings = load_settings(
        PRODUCTION
        | {
            "LTI_BADGES_ALLOWED_PRIVATE_HOSTS": "moodle.intern, 10.1.0.0/16,",
            "LTI_BADGES_KEY_ENCRYPTION_KEY": f"{KEY},{second}",
            "LTI_BADGES_HTTP_TIMEOUT": "2,7.5",
            "LTI_BADGES_DATA_DIR": "/srv/queue",
            "LTI_BADGES_SYNC_EVERY": "90",
        }
    )
    assert settings.allowed_private_hosts == ("moodle.intern", "10.1.0.0/16")
    assert settings.key_encryption_key == (KEY, second)
    assert settings.http_timeout == (2.0, 7.5)
    assert settings.data_dir == Path("/srv/queue")
    assert settings.sync_every == 90


@pytest.mark.parametrize(
    ("name", "value", "fact"),
    [
        ("PUBLIC_URL", "http://badges.example.org", "must be an https address"),
        ("PUBLIC_URL", "https://", "must be an https address"),
        ("PUBLIC_URL", "badges.example.org", "must be an https address"),
        ("PUBLIC_URL", "https://badges.example.org/", "must not end in a slash"),
        ("PUBLIC_URL", "https://badges.example.org?a=b", "must not end in a slash"),
        ("SECRET_KEY", "k" * 31, "is too short"),
        ("KEY_ENCRYPTION_KEY", "not-a-key", "is not a Fernet key"),
        ("KEY_ENCRYPTION_KEY", f"{KEY},not-a-key", "is not a Fernet key"),
        ("HTTP_TIMEOUT", "5", "cannot be read"),
        ("HTTP_TIMEOUT", "fast,slow", "cannot be read"),
        ("SYNC_EVERY", "often", "cannot be read"),
        ("TOOL_KEY_ROTATION_DAYS", "-1", "cannot be read"),
        ("INSTRUCTORS_PUBLISH", "perhaps", "cannot be read"),
    ],
)
def test_what_would_fail_later_is_refused_now(name: str, value: str, fact: str) -> None:
    with pytest.raises(SettingsError, match=rf"^LTI_BADGES_{name} .*{fact}.*Set it to "):
        load_settings(PRODUCTION | {f"LTI_BADGES_{name}": value})


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), (" TRUE ", True)])
def test_a_switch_is_read_from_text(text: str, value: bool) -> None:
    assert load_settings(PRODUCTION).instructors_publish is False
    assert load_settings(PRODUCTION | {"LTI_BADGES_INSTRUCTORS_PUBLISH": text}).instructors_publish is value


def test_loopback_over_plain_http_is_for_development_only() -> None:
    url = "http://localhost:8000"
    assert load_settings({"LTI_BADGES_ENV": "test", "LTI_BADGES_PUBLIC_URL": url}).public_url == url
    with pytest.raises(SettingsError, match="https"):
        load_settings(PRODUCTION | {"LTI_BADGES_PUBLIC_URL": url})


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"'staging'.*development, production, test"):
        load_settings({"LTI_BADGES_ENV": "staging"})


def test_secrets_are_not_shown() -> None:
    settings = load_settings(PRODUCTION)
    assert KEY not in repr(settings)
    assert "k" * 32 not in repr(settings)


def test_messages_do_not_repeat_a_secret() -> None:
    secret = "short-secret"
    with pytest.raises(SettingsError) as caught:
        load_settings(PRODUCTION | {"LTI_BADGES_SECRET_KEY": secret})
    assert secret not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    settings: Any = load_settings(PRODUCTION)
    with pytest.raises(AttributeError):
        settings.public_url = "https://elsewhere.example.org"
    assert isinstance(settings, Settings)
