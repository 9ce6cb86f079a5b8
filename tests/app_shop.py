"""Applications for tests of pages: making one takes longer than most pages, so a test gets one that another gave back.

A test node has it alone: the first application a test asks for is the kept one, with everything a test may change put
back; a second one in the same test is new, and so is everything outside the unit tests, where worlds outlive a test.
"""

import os
from typing import Any

from flask import Blueprint, Flask

from lti_tool.app import create_app
from lti_tool.web import health
from lti_tool.web.current import SERVICES
from lti_tool.wiring import Services

_KEPT: dict[tuple[Any, ...], tuple[Flask, dict[str, Any]]] = {}
_LAST: dict[tuple[Any, ...], str] = {}


def application(services: Services, blueprint: Blueprint | None = None) -> Flask:
    """Return an application with these services, and a blueprint of the test's own."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    settings = services.settings
    key = (settings.secret_key, settings.instructors_publish, settings.tool_name, blueprint and blueprint.name)
    if not test.startswith("tests/unit/") or _LAST.get(key) == test:
        return _new(services, blueprint)
    _LAST[key] = test
    if key not in _KEPT:
        app = _new(services, blueprint)
        _KEPT[key] = app, dict(app.config)
    app, config = _KEPT[key]
    app.config.clear()
    app.config.update(config)
    app.extensions[SERVICES] = services
    app.extensions[health.METRICS] = health.Metrics()
    return app


def _new(services: Services, blueprint: Blueprint | None) -> Flask:
    app = create_app(services)
    if blueprint is not None:
        app.register_blueprint(blueprint)
    return app
