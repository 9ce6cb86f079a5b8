"""Every reason why a platform's own API cannot be read has words for who can do something about it."""

import pytest
from web_world import World

from lti_tool.evidence import canvas_oauth, grants
from lti_tool.services.platform_apis import API_CHANGED
from lti_tool.web import source_words

CODES = (
    grants.API_NOT_SET_UP,
    grants.API_DISABLED,
    grants.GRANT_MISSING,
    grants.GRANT_REFUSED,
    grants.GRANT_NARROWED,
    canvas_oauth.CLIENT_REFUSED,
    API_CHANGED,
    "grant_not_allowed",
)


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_a_fact_and_remedies(world: World, code: str) -> None:
    with world.app.test_request_context():
        words = [source_words.fact_of(code), source_words.admin_remedy(code), source_words.instructor_remedy(code)]
    assert all(one.endswith(".") for one in words)
    assert code not in words[0]


def test_other_failures_are_named_by_what_is_known_of_them(world: World) -> None:
    with world.app.test_request_context():
        assert "slow down" in source_words.fact_of("platform_throttled")
        assert source_words.fact_of("something_new") == "The last reading failed (something_new)."
        assert source_words.admin_remedy("something_new") == ""
