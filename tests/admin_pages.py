"""What tests of the admin's pages share: sending a form that a page holds."""

import re

from flask.testing import FlaskClient
from web_world import SAME_ORIGIN
from werkzeug.test import TestResponse


def send(browser: FlaskClient, address: str, page: str | None = None, **form: str) -> TestResponse:
    """Post a form to ``address`` with the token that ``page`` (else the address itself) shows."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page or address).text)
    assert found
    return browser.post(address, data={"csrf_token": found[1]} | form, headers=SAME_ORIGIN)
