"""What is wrong with the content items of a deep linking response (LTI Deep Linking 2.0, section 3)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from platforms.registration_rules import is_address

LONGEST_ID = 255
COMMON = {"type", "title", "text", "icon", "thumbnail"}
FIELDS = {
    "ltiResourceLink": {"url", "custom", "lineItem", "available", "submission", "iframe", "window"},
    "link": {"url", "embed", "iframe", "window"},
    "file": {"url", "mediaType", "expiresAt"},
    "html": {"html"},
    "image": {"url", "width", "height"},
}
REQUIRED = {"link": ("url",), "file": ("url",), "html": ("html",), "image": ("url",)}
LINE_ITEM = {"scoreMaximum", "label", "resourceId", "tag", "gradesReleased", "submissionReview"}


def content_item_problems(items: Any, settings: Mapping[str, Any], tool_host: str) -> list[str]:
    """Every problem, each beginning with the number of the item it is about."""
    if not isinstance(items, list):
        return ["content_items is not a list"]
    problems = ["several items, one is accepted"] if len(items) > 1 and settings.get("accept_multiple") is False else []
    for number, item in enumerate(items, start=1):
        found = _item_problems(item, settings, tool_host) if isinstance(item, Mapping) else ["is not an object"]
        problems += [f"{number}: {one}" for one in found]
    return problems


def _item_problems(item: Mapping[str, Any], settings: Mapping[str, Any], tool_host: str) -> list[str]:
    kind = item.get("type")
    if kind not in settings["accept_types"]:
        return [f"type {kind} is not accepted"]
    known = COMMON | FIELDS[kind]
    problems = [f"unknown field {name}" for name in item if name not in known and not is_address(name)]
    problems += [f"no {name}" for name in REQUIRED.get(kind, ()) if not item.get(name)]
    for name, check in CHECKS.items():
        if name in item and name in known and not check(item[name]):
            problems.append(f"wrong {name}")
    if kind == "ltiResourceLink":
        problems += _link_problems(item, settings, tool_host)
    return problems


def _link_problems(item: Mapping[str, Any], settings: Mapping[str, Any], tool_host: str) -> list[str]:
    problems = []
    url = item.get("url")
    if isinstance(url, str) and urlsplit(url).netloc != tool_host:
        problems.append("url is not the tool's")
    if "lineItem" in item and settings.get("accept_lineitem") is False:
        problems.append("lineItem is not accepted")
    return problems


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_ID


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_custom(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values())


def _is_picture(value: Any) -> bool:
    sizes = ("width", "height")
    return isinstance(value, Mapping) and is_address(value.get("url")) and _has_sizes(value, *sizes)


def _has_sizes(value: Mapping[str, Any], *names: str) -> bool:
    return all(_is_size(value[name]) for name in names if name in value)


def _is_frame(value: Any) -> bool:
    return isinstance(value, Mapping) and _has_sizes(value, "width", "height")


def _is_period(value: Any) -> bool:
    """Times with a zone, the end after the start."""
    if not isinstance(value, Mapping) or not value or set(value) - {"startDateTime", "endDateTime"}:
        return False
    try:
        times = [datetime.fromisoformat(value[name]) for name in ("startDateTime", "endDateTime") if name in value]
    except (TypeError, ValueError):
        return False
    return all(one.tzinfo is not None for one in times) and times == sorted(times)


def _is_line_item(value: Any) -> bool:
    if not isinstance(value, Mapping) or any(name not in LINE_ITEM and not is_address(name) for name in value):
        return False
    maximum = value.get("scoreMaximum")
    is_positive = isinstance(maximum, int | float) and not isinstance(maximum, bool) and maximum > 0
    texts = all(_is_id(value[name]) for name in ("label", "resourceId", "tag") if name in value)
    return is_positive and texts and isinstance(value.get("gradesReleased", True), bool)


CHECKS: dict[str, Callable[[Any], bool]] = {
    "title": _is_text,
    "text": _is_text,
    "html": _is_text,
    "url": is_address,
    "icon": _is_picture,
    "thumbnail": _is_picture,
    "custom": _is_custom,
    "lineItem": _is_line_item,
    "available": _is_period,
    "submission": _is_period,
    "iframe": _is_frame,
    "window": _is_frame,
    "width": _is_size,
    "height": _is_size,
}
