"""Where ``templates/``, ``migrations/`` and ``config/`` are: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """Return the folder ``name``; a wheel carries it as ``lti_tool/_files/NAME``, a checkout beside the package."""
    inside = _PACKAGE / "_files" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
