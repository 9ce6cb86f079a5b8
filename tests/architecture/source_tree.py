"""The modules of the package as the architecture tests see them: their layer and what they import."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "lti_tool"
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """``lti_tool/lti/launch.py`` → ``lti.launch``; a package's ``__init__`` → the package; the root → ``lti_tool``."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) or "lti_tool"


@cache
def tree_of(path: Path) -> ast.Module:
    """The module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(path: Path) -> Iterator[str]:
    """Every module that ``path`` imports, anywhere in it, by its absolute dotted name.

    ``from lti_tool import X`` yields ``lti_tool.X`` when X is a module, else ``lti_tool``.
    """
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _imported_from(path, node)


def _imported_from(path: Path, node: ast.ImportFrom) -> Iterator[str]:
    module = node.module or ""
    if node.level:
        inside = ["lti_tool", *path.relative_to(PACKAGE).parent.parts]
        module = ".".join([*inside[: len(inside) - node.level + 1], *([module] if module else [])])
    if module != "lti_tool":
        yield module
        return
    for alias in node.names:
        found = (PACKAGE / alias.name).is_dir() or (PACKAGE / f"{alias.name}.py").is_file()
        yield f"lti_tool.{alias.name}" if found else "lti_tool"


def layer_of(name: str) -> str:
    """The first part of a dotted name inside the package: ``lti.launch`` → ``lti``."""
    return name.split(".")[0]
