"""What a verified launch says, as plain values.

Holding a ``VerifiedLaunch`` is the proof that every check of the launch passed: ``Launches.finish`` alone makes them,
through ``read_launch``, which takes nothing but signed claims.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lti_tool.lti import claims as names
from lti_tool.lti.addresses import AddressPolicy
from lti_tool.lti.claims import SignedClaims, identifier, mapping, text, texts
from lti_tool.lti.course_groups import groups_offer
from lti_tool.lti.course_service import GROUP_SCOPE, NOTICE_SCOPE
from lti_tool.lti.deep_linking import DeepLinkingSettings, read_settings
from lti_tool.lti.tool_config import KnownDeployment, Platform

TITLE_LENGTH = 1024
LOCALE_LENGTH = 35
EMAIL_LENGTH = 320


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """The course a launch came from (context claim)."""

    platform_id: str
    title: str | None
    label: str | None


class LaunchResourceLink(NamedTuple):
    """The placement a launch came from (resource link claim)."""

    platform_id: str
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLaunch:
    """A launch whose every check passed; made by ``Launches.finish`` only.

    ``platform_user_id`` is ``sub``, ``None`` for an anonymous launch: show, never issue. ``custom`` holds texts;
    variables the platform did not resolve (``$Name``) are absent. ``frame_ancestors`` are origins (``https://host``).
    """

    registration_id: int
    deployment_row_id: int
    organization_id: int
    message_type: str
    platform_user_id: str | None
    name: str | None
    email: str | None
    locale: str | None
    roles: frozenset[str]
    context: LaunchContext | None
    resource_link: LaunchResourceLink | None
    line_items_url: str | None
    line_item_url: str | None
    ags_scopes: tuple[str, ...]
    memberships_url: str | None
    custom: Mapping[str, str]
    return_url: str | None
    product: str | None
    frame_ancestors: tuple[str, ...]
    target_link_uri: str | None = None
    """Where the launch wants to go, below this tool's public URL; ``finish`` always sets it."""
    deep_linking: DeepLinkingSettings | None = None
    """What to choose, for a deep linking request; ``None`` for other launches."""
    for_user_id: str | None = None
    """Whose submission is reviewed (``for_user``), for a submission review request."""
    groups_url: str | None = None
    """Course groups, if the launch granted reading them."""
    group_sets_url: str | None = None
    notice_service_url: str | None = None
    """Where handlers of notices are set, if the launch granted that (Platform Notification Service 1.0)."""
    clock_skew_seconds: int | None = None
    """The platform's clock less ours, by ``iat``; the time the browser took is in it."""

    @property
    def is_instructor(self) -> bool:
        """Whether this launch has the instructor's rights in its course."""
        return names.is_instructor_role(self.roles)

    @property
    def is_teaching_assistant(self) -> bool:
        """Whether this launch is a teaching assistant's."""
        return names.is_teaching_assistant_role(self.roles)

    @property
    def is_learner(self) -> bool:
        """Whether this launch is a learner's; a preview user is one, too (``is_test_user``)."""
        return names.is_learner_role(self.roles)

    @property
    def is_test_user(self) -> bool:
        """Whether this is the platform's preview user, who never earns a real badge."""
        return names.is_test_user(self.roles)


def read_launch(
    claims: SignedClaims,
    platform: Platform,
    deployment: KnownDeployment,
    addresses: AddressPolicy,
    clock_skew_seconds: int | None = None,
) -> VerifiedLaunch:
    """Return the values of a launch that was checked; raises ``TokenClaimError`` for a broken context."""
    endpoint = mapping(claims.get(names.AGS_ENDPOINT))
    presentation = mapping(claims.get(names.LAUNCH_PRESENTATION))
    product = text(mapping(claims.get(names.TOOL_PLATFORM)).get("product_family_code"), 64)
    custom = names.custom_texts(claims.get(names.CUSTOM))
    line_items_url = addresses.usable(endpoint.get("lineitems"))
    memberships_url = addresses.usable(mapping(claims.get(names.NAMES_ROLE_SERVICE)).get("context_memberships_url"))
    return_url = addresses.usable(presentation.get("return_url"))
    api_domain = custom.get("canvas_api_domain")
    message_type = str(claims[names.MESSAGE_TYPE])
    asks_for_content = message_type == names.DEEP_LINKING_REQUEST
    settings = read_settings(claims, addresses) if asks_for_content else None
    reviewed = message_type == names.SUBMISSION_REVIEW_REQUEST
    groups = groups_offer(claims, addresses)
    groups = groups if groups is not None and GROUP_SCOPE in groups.scopes else None
    return VerifiedLaunch(
        registration_id=platform.registration_id,
        deployment_row_id=deployment.row_id,
        organization_id=deployment.organization_id,
        message_type=message_type,
        clock_skew_seconds=clock_skew_seconds,
        platform_user_id=subject(claims),
        name=_name(claims),
        email=_email(claims.get("email")),
        locale=_locale(presentation.get("locale")) or _locale(claims.get("locale")),
        roles=frozenset(texts(claims.get(names.ROLES))),
        context=_context(claims.get(names.CONTEXT)),
        resource_link=_resource_link(claims.get(names.RESOURCE_LINK)),
        target_link_uri=str(claims[names.TARGET_LINK_URI]),
        line_items_url=line_items_url,
        line_item_url=addresses.usable(endpoint.get("lineitem")),
        ags_scopes=texts(endpoint.get("scope")),
        memberships_url=memberships_url,
        custom=custom,
        return_url=return_url,
        product=platform.product or (product and product.lower()),
        deep_linking=settings,
        groups_url=groups.groups_url if groups else None,
        group_sets_url=groups.group_sets_url if groups else None,
        notice_service_url=_notice_service_url(claims, addresses),
        for_user_id=identifier(mapping(claims[names.FOR_USER])["user_id"], "for_user") if reviewed else None,
        frame_ancestors=_origins(
            addresses,
            (
                platform.auth_login_url,
                return_url,
                settings.return_url if settings else None,
                line_items_url,
                memberships_url,
                api_domain and f"https://{api_domain}",
            ),
        ),
    )


def _notice_service_url(claims: SignedClaims, addresses: AddressPolicy) -> str | None:
    """Return the address of the notification service; a claim that lists scopes has to list the one it needs."""
    claim = mapping(claims.get(names.NOTIFICATION_SERVICE))
    if "scope" in claim and NOTICE_SCOPE not in texts(claim["scope"]):
        return None
    return addresses.usable(claim.get("platform_notification_service_url"))


def subject(claims: SignedClaims) -> str | None:
    """Return ``sub``, ``None`` for an anonymous launch; raises ``TokenClaimError``."""
    return None if claims.get("sub") is None else identifier(claims["sub"], "sub")


def _origins(addresses: AddressPolicy, found: Iterable[str | None]) -> tuple[str, ...]:
    origins = (addresses.origin(one) for one in found)
    return tuple(dict.fromkeys(origin for origin in origins if origin is not None))


def _context(value: object) -> LaunchContext | None:
    if value is None:
        return None
    claim = mapping(value)
    return LaunchContext(
        identifier(claim.get("id"), "context"),
        text(claim.get("title"), TITLE_LENGTH),
        text(claim.get("label"), TITLE_LENGTH),
    )


def _resource_link(value: object) -> LaunchResourceLink | None:
    if value is None:
        return None
    claim = mapping(value)
    return LaunchResourceLink(identifier(claim.get("id"), "resource_link"), text(claim.get("title"), TITLE_LENGTH))


def _name(claims: SignedClaims) -> str | None:
    name = text(claims.get("name"), TITLE_LENGTH)
    parts = (text(claims.get(part), TITLE_LENGTH) for part in ("given_name", "family_name"))
    return name or " ".join(part for part in parts if part)[:TITLE_LENGTH] or None


def _email(value: object) -> str | None:
    address = value.strip() if isinstance(value, str) else ""
    local, _, domain = address.rpartition("@")
    fits = len(address) <= EMAIL_LENGTH and address.isprintable() and " " not in address
    return address if local and domain and fits else None


def _locale(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= LOCALE_LENGTH:
        return None
    return value if value.isascii() and value.replace("-", "").replace("_", "").isalnum() else None
