"""A ``VerifiedLaunch`` as text, and back again, exactly.

Follows the annotations of the dataclass, so that a field added to it is written and read without a change here. An
annotation this module cannot follow is refused when the module is loaded, not when somebody launches.
"""

import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from lti_tool.lti.verified_launch import VerifiedLaunch

PLAIN = (str, int, float, bool)


class _Codec(NamedTuple):
    """How values of one type become JSON, and JSON becomes values."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def codec_of(annotation: Any) -> _Codec:
    """Return how to write and read values of a type; raises ``TypeError`` for a type not foreseen."""
    if annotation in PLAIN:
        return _Codec(_same, _same)
    if annotation is datetime:
        return _Codec(datetime.isoformat, datetime.fromisoformat)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _Codec(lambda one: one.value, annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _optional(annotation, arguments)
    if origin is frozenset or (origin is tuple and len(arguments) == 2 and arguments[1] is ...):
        return _series(origin, codec_of(arguments[0]))
    if origin is Mapping and arguments[0] is str:
        return _mapping(codec_of(arguments[1]))
    if isinstance(annotation, type) and (is_dataclass(annotation) or hasattr(annotation, "_fields")):
        return _record(annotation)
    raise TypeError(f"a launch with a field of type {annotation} cannot be written: teach written_launch.py")


def _optional(annotation: Any, arguments: tuple[Any, ...]) -> _Codec:
    kinds = [one for one in arguments if one is not types.NoneType]
    if len(kinds) != 1 or len(arguments) != 2:
        raise TypeError(f"a launch with a field of type {annotation} cannot be written: teach written_launch.py")
    inner = codec_of(kinds[0])
    return _Codec(
        lambda value: None if value is None else inner.write(value),
        lambda value: None if value is None else inner.read(value),
    )


def _series(kind: type, inner: _Codec) -> _Codec:
    in_order = sorted if kind is frozenset else list
    return _Codec(
        lambda value: [inner.write(one) for one in in_order(value)],
        lambda value: kind(inner.read(one) for one in value),
    )


def _mapping(inner: _Codec) -> _Codec:
    return _Codec(
        lambda value: {key: inner.write(one) for key, one in value.items()},
        lambda value: types.MappingProxyType({key: inner.read(one) for key, one in value.items()}),
    )


def _record(kind: type) -> _Codec:
    hints = typing.get_type_hints(kind)
    names = [field.name for field in fields(kind)] if is_dataclass(kind) else kind._fields  # type: ignore[attr-defined]
    codecs = {name: codec_of(hints[name]) for name in names}
    return _Codec(
        lambda value: {name: codec.write(getattr(value, name)) for name, codec in codecs.items()},
        lambda value: kind(**{name: codec.read(value[name]) for name, codec in codecs.items()}),
    )


_LAUNCH = codec_of(VerifiedLaunch)


def written(launch: VerifiedLaunch) -> str:
    """Return a launch as JSON, in ASCII, so that any database keeps any character of it."""
    return json.dumps(_LAUNCH.write(launch))


def origins_of(text: str) -> tuple[str, ...]:
    """Return the origins that may frame a written launch's pages; the rest of it stays unread until it is proven."""
    return tuple(json.loads(text)["frame_ancestors"])


def read_back(text: str) -> VerifiedLaunch:
    """Return the launch that ``written`` wrote.

    Only ``pending_launch.prove`` calls this: a launch is verified again once its browser has shown a proof.
    """
    launch: VerifiedLaunch = _LAUNCH.read(json.loads(text))
    return launch
