"""Imports point one way, and third-party packages stay where they belong."""

import ast
import sys
from pathlib import Path

import pytest
from architecture.source_tree import MODULES, PACKAGE, imports_of, layer_of, name_of, tree_of

FRAME = {"lti_tool", "characters", "errors", "settings", "files", "outbound", "vault", "logs"}
PROTOCOLS = {"lti", "evidence", "frameworks", "openbadges", "backpacks"}
INWARD = FRAME | PROTOCOLS | {"db", "domain", "models", "services"}

ALLOWED: dict[str, set[str]] = {
    "lti_tool": set(),
    "errors": set(),
    "characters": set(),
    "files": set(),
    "logs": set(),
    "supervisor": set(),
    "domain": {"errors"},
    "settings": {"errors", "files"},
    "outbound": {"lti_tool", "errors"},
    "vault": {"errors"},
    "db": {"errors", "files"},
    "models": {"errors", "domain"},
    "lti": FRAME | {"models", "db"},  # db: logins are consumed in a transaction of their own
    "evidence": FRAME | {"models", "domain", "db"},  # domain: the states a reading can have; db: grants that end
    "frameworks": FRAME,
    "openbadges": FRAME,
    "backpacks": FRAME,
    "services": INWARD,
    "doctor": INWARD,
    "jobs": INWARD | {"wiring"},
    "web": INWARD | {"wiring"},
    "wiring": INWARD | {"jobs"},
    "app": INWARD | {"wiring", "web"},
    "cli": INWARD | {"wiring", "jobs", "web", "app", "demo", "doctor", "supervisor"},
    "__main__": {"cli"},
    "demo": INWARD | {"wiring", "jobs", "web", "app", "cli", "doctor", "supervisor"},
}
"""What each layer may import besides itself."""

FENCES: list[tuple[set[str], set[str]]] = [
    (
        {"flask", "flask_wtf", "flask_babel", "flask_bootstrap", "flask_limiter"},
        {"app", "web", "cli", "demo", "lti.launch"},
    ),
    ({"pylti1p3"}, {"lti"}),
    ({"requests", "urllib3", "httpx", "urllib.request", "http.client"}, {"outbound", "demo"}),
    ({"sqlalchemy", "alembic"}, ALLOWED.keys() - {"domain", "openbadges", "frameworks", "backpacks"}),
    ({"celery", "kombu"}, {"jobs", "wiring", "cli", "demo"}),
    ({"authlib"}, {"web"}),
]
"""Packages, and the only modules (or layers) that may import them."""

names = pytest.mark.parametrize("path", MODULES, ids=name_of)


def is_inside(name: str, places: set[str]) -> bool:
    """Whether a module is one of ``places`` or inside one."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


@names
def test_imports_point_inward(path: Path) -> None:
    layer = layer_of(name_of(path))
    assert layer in ALLOWED, f"{layer} is a new layer: say in ALLOWED what it may import"
    inside = (name for name in imports_of(path) if name.split(".")[0] == "lti_tool")
    found = {layer_of(name.removeprefix("lti_tool.")) for name in inside}
    assert found - ALLOWED[layer] - {layer} == set()


@names
def test_third_party_packages_stay_behind_their_fence(path: Path) -> None:
    name = name_of(path)
    found = set(imports_of(path))
    for packages, places in FENCES:
        if not is_inside(name, places):
            assert {one for one in found if is_inside(one, packages)} == set()


@pytest.mark.parametrize("path", [path for path in MODULES if layer_of(name_of(path)) == "domain"], ids=name_of)
def test_the_domain_needs_the_standard_library_alone(path: Path) -> None:
    found = {name.split(".")[0] for name in imports_of(path)}
    assert found - sys.stdlib_module_names - {"lti_tool"} == set()


@names
def test_only_edges_commit(path: Path) -> None:
    """Services and below work in the transaction they are given; ``db`` opens and ends it."""
    if layer_of(name_of(path)) in {"db", "demo"}:
        return
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    commits = [node.lineno for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr == "commit"]
    assert commits == []


def test_services_of_platforms_are_asked_through_our_own_client() -> None:
    """PyLTI1p3 runs the launch; its service connectors lose pages and shout answers into errors (ADR 0002)."""
    users = {name_of(path) for path in MODULES if any(is_inside(name, {"pylti1p3"}) for name in imports_of(path))}
    assert users
    foreign = {"pylti1p3.service_connector", "pylti1p3.assignments_grades", "pylti1p3.names_roles"}
    for path in MODULES:
        assert {name for name in imports_of(path) if is_inside(name, foreign)} == set()


def test_there_is_a_tree_to_look_at() -> None:
    assert PACKAGE.is_dir()
    assert {"errors", "settings", "outbound"} <= {name_of(path) for path in MODULES}
