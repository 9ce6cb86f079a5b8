"""Every task is known to the worker, and every route says who may come in."""

import ast
from pathlib import Path

import pytest
from architecture.source_tree import MODULES, name_of, tree_of

from lti_tool.app import create_app
from lti_tool.jobs import tasks
from lti_tool.jobs.celery_app import celery_with_tasks
from lti_tool.settings import load_settings
from lti_tool.web.access import OPEN_ENDPOINTS, Access
from lti_tool.wiring import Services, build_services


@pytest.fixture
def services(migrated_sqlite_url: str) -> Services:
    """The services of a test installation."""
    return build_services(load_settings({"LTI_BADGES_ENV": "test"}, database_url=migrated_sqlite_url))


def test_every_task_is_known_to_the_worker(services: Services) -> None:
    known = {name for name in celery_with_tasks(services).tasks if not name.startswith("celery.")}
    named = {value for key, value in vars(tasks).items() if key.isupper() and isinstance(value, str)}
    assert named
    assert known == named == set(tasks.TASKS)


def woken_names(path: Path) -> set[str]:
    """Task names written as text in calls of ``wake``: constants of ``jobs.tasks`` are checked by the import."""
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call) and node.args]
    wakes = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in {"wake", "send_task"}]
    return {str(call.args[0].value) for call in wakes if isinstance(call.args[0], ast.Constant)}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nobody_wakes_a_task_that_does_not_exist(path: Path) -> None:
    assert woken_names(path) <= set(tasks.TASKS)


def test_every_route_says_who_may_come_in(services: Services) -> None:
    """A view without one of the decorators of ``web/access.py`` is a hole; ``admit`` would answer it with a failure."""
    app = create_app(services)
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()} - OPEN_ENDPOINTS
    assert len(endpoints) > 10
    undecided = [
        name for name in endpoints if not isinstance(getattr(app.view_functions[name], "access", None), Access)
    ]
    assert sorted(undecided) == []
