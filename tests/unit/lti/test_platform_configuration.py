"""A platform's configuration is read with care: who it may speak for, what must be there, what may be odd."""

from typing import Any

import pytest

from lti_tool.errors import ConfigurationError
from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.platform_configuration import (
    CONFIGURATION_CLAIM,
    SHARED_ISSUERS,
    PlatformConfiguration,
    read_configuration,
)

PUBLIC = AddressPolicy(())
INTERNAL = AddressPolicy(("canvas.lakeside.example", "10.0.0.0/8"))


def moodle(host: str = "https://moodle.example") -> dict[str, Any]:
    """The shape of a configuration that Moodle 4.5 sent (captured), at another address."""
    return {
        "issuer": host,
        "token_endpoint": f"{host}/mod/lti/token.php",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "jwks_uri": f"{host}/mod/lti/certs.php",
        "authorization_endpoint": f"{host}/mod/lti/auth.php",
        "registration_endpoint": f"{host}/mod/lti/openid-registration.php",
        "scopes_supported": ["https://purl.imsglobal.org/spec/lti-ags/scope/score", "openid"],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email"],
        CONFIGURATION_CLAIM: {
            "product_family_code": "moodle",
            "version": "4.5.6 (Build: 20250811)",
            "messages_supported": [
                {"type": "LtiResourceLinkRequest"},
                {"type": "LtiDeepLinkingRequest", "placements": ["ContentArea"]},
            ],
            "variables": ["basic-lti-launch-request", "Context.id", "Context.id.history"],
        },
    }


def read(document: dict[str, Any], url: str | None = None, policy: AddressPolicy = PUBLIC) -> PlatformConfiguration:
    return read_configuration(document, url or f"{document['issuer']}/configuration", policy)


def changed(name: str, value: Any) -> dict[str, Any]:
    """The configuration with one member replaced, or without it (``None``); ``+name`` is inside the LTI part."""
    document = moodle()
    part = document[CONFIGURATION_CLAIM] if name.startswith("+") else document
    part[name.removeprefix("+")] = value
    if value is None:
        del part[name.removeprefix("+")]
    return document


def test_what_moodle_sends() -> None:
    found = read(moodle())
    assert (found.issuer, found.product, found.version) == (
        "https://moodle.example",
        "moodle",
        "4.5.6 (Build: 20250811)",
    )
    assert found.messages == {"LtiResourceLinkRequest": (), "LtiDeepLinkingRequest": ("ContentArea",)}
    assert "Context.id.history" in found.variables
    assert found.authorization_server is None
    assert found.origins == ("https://moodle.example",)


def test_what_older_moodle_and_canvas_write_otherwise() -> None:
    found = read(changed("+messages_supported", ["LtiResourceLinkRequest", "LtiDeepLinkingRequest"]))
    assert found.messages == {"LtiResourceLinkRequest": (), "LtiDeepLinkingRequest": ()}
    several = [{"type": "A", "placements": ["x"]}, {"type": "A", "placements": ["y", "x", 5]}, 7, {"placements": ["z"]}]
    assert read(changed("+messages_supported", several)).messages == {"A": ("x", "y")}
    assert read(changed("+variables", ["$Canvas.user.id"])).variables == ("Canvas.user.id",)
    assert read(changed("authorization_server", "https://auth.example")).authorization_server == "https://auth.example"


@pytest.mark.parametrize(
    "name", ["claims_supported", "subject_types_supported", "response_types_supported", "+variables"]
)
def test_what_changes_nothing_may_be_missing(name: str) -> None:
    assert read(changed(name, None)).product == "moodle"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", None),
        ("issuer", ["https://moodle.example"]),
        ("token_endpoint", "http://moodle.example/token"),
        ("jwks_uri", None),
        ("authorization_endpoint", "https://user@moodle.example/"),
        ("registration_endpoint", "https://moodle.example/#part"),
        ("scopes_supported", None),
        ("scopes_supported", "a b"),
        ("claims_supported", "name"),
        ("subject_types_supported", {}),
        ("authorization_server", 5),
        ("authorization_server", "line\nbreak"),
        (CONFIGURATION_CLAIM, None),
        (CONFIGURATION_CLAIM, []),
        ("+messages_supported", None),
        ("+messages_supported", ["x"] * 1001),
        ("+variables", "Context.id"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: Any) -> None:
    document = changed(name, value)
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(document, "https://moodle.example/configuration", PUBLIC)
    assert (refused.value.code, refused.value.field) == ("configuration_invalid", name.removeprefix("+"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token_endpoint_auth_methods_supported", ["client_secret_basic"]),
        ("token_endpoint_auth_signing_alg_values_supported", ["ES256"]),
        ("id_token_signing_alg_values_supported", ["none"]),
        ("response_types_supported", ["code"]),
    ],
)
def test_no_way_in_common(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(changed(name, value))
    assert (refused.value.code, refused.value.field) == ("configuration_unsupported", name)


@pytest.mark.parametrize(
    ("url", "issuer", "policy", "is_believed"),
    [
        ("https://moodle.example/a/b?c", "https://moodle.example", PUBLIC, True),
        ("https://MOODLE.example:443/", "https://moodle.example/path", PUBLIC, True),
        ("https://moodle.example:8443/", "https://moodle.example", PUBLIC, False),
        ("https://moodle.example.evil.example/", "https://moodle.example", PUBLIC, False),
        ("https://evil.example/", "https://moodle.example", PUBLIC, False),
        ("https://sso.canvaslms.com/api/lti", "https://canvas.instructure.com", PUBLIC, True),
        ("https://canvas.instructure.com/api/lti", "https://canvas.instructure.com", PUBLIC, True),
        ("https://sso.beta.canvaslms.com/", "https://canvas.instructure.com", PUBLIC, False),
        ("https://sso.beta.canvaslms.com/", "https://canvas.beta.instructure.com", PUBLIC, True),
        ("https://developer.blackboard.com/", "https://blackboard.com", PUBLIC, True),
        ("https://canvas.lakeside.example/", "https://canvas.instructure.com", PUBLIC, False),
        ("https://canvas.lakeside.example/", "https://canvas.instructure.com", INTERNAL, True),
        ("http://10.1.2.3/", "https://canvas.instructure.com", INTERNAL, True),
        ("https://canvas.lakeside.example/", "https://moodle.example", INTERNAL, False),
    ],
)
def test_a_configuration_speaks_for_where_it_came_from(
    url: str, issuer: str, policy: AddressPolicy, is_believed: bool
) -> None:
    document = changed("issuer", issuer)
    if is_believed:
        assert read(document, url, policy).issuer == issuer
        return
    with pytest.raises(ConfigurationError) as refused:
        read(document, url, policy)
    assert refused.value.code == "configuration_foreign"


def test_shared_issuers_are_exact_addresses() -> None:
    for issuer, origins in SHARED_ISSUERS.items():
        assert all(one.startswith("https://") and not one.endswith("/") for one in (issuer, *origins))
