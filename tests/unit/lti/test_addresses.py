"""Which addresses are kept, decided by their form."""

import pytest

from lti_tool.lti.addresses import AddressPolicy, is_under

UNDER = [
    ("https://tool.example/badges", True),
    ("https://tool.example/badges/", True),
    ("https://tool.example/badges/lti/launch?x=1#y", True),
    ("https://TOOL.example:443/badges/x", True),
    ("https://tool.example/badgesx", False),
    ("https://tool.example/", False),
    ("https://tool.example/badges/../x", False),
    ("https://tool.example/badges/%2E%2e/x", False),
    ("https://tool.example:444/badges", False),
    ("http://tool.example/badges", False),
    ("//tool.example/badges", False),
    ("https://tool.example.evil/badges", False),
    ("https://tool.example@evil.example/badges", False),
    ("https://evil.example\\@tool.example/badges", False),
    ("https://tool.example:x/badges", False),
    ("https://[tool.example/badges", False),
    ("https://tool.example\t/badges", False),
    ("javascript:https://tool.example/badges", False),
    ("", False),
    (None, False),
]


@pytest.mark.parametrize(("address", "expected"), UNDER)
def test_is_under(address: object, expected: bool) -> None:
    assert is_under(address, "https://tool.example/badges") is expected


def test_is_under_a_host_without_path() -> None:
    assert is_under("http://localhost:8000", "http://localhost:8000")
    assert is_under("http://localhost:8000/x", "http://localhost:8000")
    assert not is_under("http://localhost:80001/x", "http://localhost:8000")


USABLE = [
    ("https://lms.example/a?type_id=1", "https://lms.example"),
    ("https://LMS.example:443/a", "https://lms.example"),
    ("https://lms.example:8443/", "https://lms.example:8443"),
    ("http://moodle.internal/a", "http://moodle.internal"),
    ("http://10.1.2.3:8080/a", "http://10.1.2.3:8080"),
    ("http://lms.example/a", None),
    ("http://11.1.2.3/a", None),
    ("https://lms.example;script-src/", None),
    ("https://-lms.example/", None),
    ("https://lms.example/ö", None),
    ("https://", None),
    ("https://[::1]/", None),
    ("https://lms.example/" + "x" * 2048, None),
    ("data:text/html,x", None),
    (5, None),
]


@pytest.mark.parametrize(("address", "origin"), USABLE)
def test_usable(address: object, origin: str | None) -> None:
    policy = AddressPolicy(["moodle.internal", "10.0.0.0/8"])
    assert policy.origin(address) == origin
    assert policy.usable(address) == (None if origin is None else address)
