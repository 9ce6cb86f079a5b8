"""A launch that waits is written and read back without a loss, whatever fields it gets."""

import dataclasses
import enum
import json
import typing
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from lti_tool.lti.verified_launch import LaunchContext, LaunchResourceLink, VerifiedLaunch
from lti_tool.lti.written_launch import codec_of, origins_of, read_back, written

AWKWARD = "é — \0 \ud800 \U0001f600 \"'<&\\u0000"


def example(annotation: Any, variant: int) -> Any:
    """Some value of a type; different variants differ, and variant 0 of what may be missing is missing."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if type(None) in arguments:
        (inner,) = (one for one in arguments if one is not type(None))
        return example(inner, variant) if variant else None
    if origin in (frozenset, tuple):
        return origin(example(arguments[0], number) for number in range(variant))
    if origin is not None:
        return MappingProxyType({f"{AWKWARD}{number}": example(arguments[1], number) for number in range(variant)})
    if dataclasses.is_dataclass(annotation) or hasattr(annotation, "_fields"):
        return annotation(**{name: example(kind, variant) for name, kind in typing.get_type_hints(annotation).items()})
    return {str: f"{AWKWARD}{variant}", int: variant, bool: bool(variant), float: variant / 7}[annotation]


@pytest.mark.parametrize("variant", [0, 1, 3])
def test_every_field_survives(variant: int) -> None:
    launch = example(VerifiedLaunch, variant)
    text = written(launch)
    assert text.isascii()
    again = read_back(text)
    assert again == launch
    for field in dataclasses.fields(VerifiedLaunch):
        assert type(getattr(again, field.name)) is type(getattr(launch, field.name)), field.name


def test_examples_have_something_in_every_field() -> None:
    """What the test above rests on."""
    launch = example(VerifiedLaunch, 3)
    assert [field.name for field in dataclasses.fields(launch) if not getattr(launch, field.name)] == []
    assert isinstance(launch.context, LaunchContext)
    assert isinstance(launch.resource_link, LaunchResourceLink)


def test_every_field_is_written() -> None:
    document = json.loads(written(example(VerifiedLaunch, 1)))
    assert set(document) == {field.name for field in dataclasses.fields(VerifiedLaunch)}


def test_a_text_that_lacks_a_field_is_no_launch() -> None:
    document = json.loads(written(example(VerifiedLaunch, 1)))
    del document["roles"]
    with pytest.raises(KeyError):
        read_back(json.dumps(document))


def test_the_origins_can_be_read_alone() -> None:
    launch = dataclasses.replace(example(VerifiedLaunch, 1), frame_ancestors=("https://a.example", "https://b.example"))
    assert origins_of(written(launch)) == ("https://a.example", "https://b.example")


class Colour(enum.StrEnum):
    RED = "red"


class Pair(NamedTuple):
    when: datetime
    colours: tuple[Colour, ...]


def test_types_a_launch_may_get() -> None:
    codec = codec_of(Pair)
    value = Pair(datetime(2026, 11, 21, 9, tzinfo=UTC), (Colour.RED,))
    assert codec.read(json.loads(json.dumps(codec.write(value)))) == value


@pytest.mark.parametrize("annotation", [object, dict[str, str], int | str, tuple[str, int], typing.Any, bytes], ids=str)
def test_a_type_nobody_taught_is_refused_at_once(annotation: Any) -> None:
    with pytest.raises(TypeError, match="teach"):
        codec_of(annotation)
