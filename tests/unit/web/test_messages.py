"""Every error has words a person understands, in every language."""

import re
from collections.abc import Iterator

import pytest

from lti_tool import errors
from lti_tool.errors import InvalidInputError, LaunchError, PlatformThrottledError, ToolError
from lti_tool.web.messages import MESSAGES, message_for


def all_errors(parent: type[ToolError] = ToolError) -> Iterator[type[ToolError]]:
    for one in parent.__subclasses__():
        if one.__module__.startswith(errors.__name__ + "."):
            yield one
            yield from all_errors(one)


@pytest.mark.parametrize("error", sorted(all_errors(LaunchError), key=lambda one: one.__name__))
def test_every_refusal_of_a_launch_has_its_own_words(error: type[LaunchError]) -> None:
    assert error.code in MESSAGES


@pytest.mark.parametrize("error", sorted(all_errors(), key=lambda one: one.__name__))
def test_every_error_has_words_of_its_kind(error: type[ToolError]) -> None:
    family = [one.code for one in error.__mro__ if issubclass(one, ToolError) and one is not ToolError]
    assert any(code in MESSAGES for code in family)


def test_words_are_of_the_code_else_of_the_kind() -> None:
    assert message_for(PlatformThrottledError()) is MESSAGES["platform_unavailable"]
    assert message_for(InvalidInputError(code="never_heard_of")) is MESSAGES["invalid_input"]
    assert message_for(LaunchError(code="cookies_blocked")) is MESSAGES["cookies_blocked"]
    assert message_for(ToolError()) is MESSAGES["internal"]


@pytest.mark.parametrize("code", MESSAGES)
def test_a_message_says_what_happened_and_what_to_try(code: str, migrated_sqlite_url: str) -> None:
    message = MESSAGES[code]
    assert message.remedies
    for text in (message.happened, *message.remedies):
        assert re.fullmatch(r"[A-Z].*[.]", text._args[0])
        assert not re.search(r"id_token|nonce|JWT|HTTP|state\b", text._args[0])
    assert not message.title._args[0].endswith(".")
