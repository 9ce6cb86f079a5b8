"""Every LMS that the pages know has its guide, and every guide says what it rests on."""

import re

import pytest
from architecture.source_tree import ROOT

from lti_tool.lti.tool_configuration import SCOPES
from lti_tool.web.platform_guides import GENERIC, GUIDES

FOLDER = ROOT / "docs/install"
FILES = sorted(FOLDER.glob("*.md"))


def test_every_guide_is_there_and_listed() -> None:
    assert {GENERIC.document, *(guide.document for guide in GUIDES.values())} == {path.name for path in FILES}
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in FILES} - {"README.md"} == set(re.findall(r"\]\(([\w-]+\.md)\)", index))


@pytest.mark.parametrize("path", [one for one in FILES if one.name != "README.md"], ids=lambda one: one.name)
def test_a_guide_says_its_ground_and_the_exact_addresses(path: object) -> None:
    text = (FOLDER / getattr(path, "name", "")).read_text(encoding="utf-8")
    assert re.search(r"^Ground: ", text, re.MULTILINE)
    assert "## What will not work" in text
    named = set(re.findall(r"badges\.example\.edu(/[\w/.-]+)", text))
    assert named <= {"/lti/login", "/lti/launch", "/lti/jwks", "/lti/canvas-config.json"}


def test_every_permission_is_explained() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    missing = [uri for uri in SCOPES.values() if uri.removeprefix("https://purl.imsglobal.org/spec/") not in index]
    assert missing == []


@pytest.mark.parametrize("name", GUIDES)
def test_only_what_was_tried_says_so(name: str) -> None:
    text = (FOLDER / GUIDES[name].document).read_text(encoding="utf-8")
    assert GUIDES[name].is_tried is text.split("Ground: ")[1].startswith("captured")
