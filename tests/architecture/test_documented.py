"""Settings are documented, columns labelled for personal data, decisions numbered."""

import re
from dataclasses import fields

import pytest
from architecture.source_tree import ROOT
from sqlalchemy import Table

from lti_tool.models import Base
from lti_tool.settings import PREFIX, Settings

LABELS = {"none", "pseudonymous", "personal", "secret"}
SETTINGS = sorted(field.name for field in fields(Settings) if field.name != "environment")
DOCUMENTED = (ROOT / "docs/settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*SETTINGS, "env"])
def test_a_setting_is_documented(name: str) -> None:
    assert re.search(rf"^### `{PREFIX}{name.upper()}`$", DOCUMENTED, re.MULTILINE)


def test_no_setting_is_documented_that_does_not_exist() -> None:
    named = set(re.findall(rf"{PREFIX}([A-Z_]+)", DOCUMENTED))
    assert {name.lower() for name in named} <= {*SETTINGS, "env"}


@pytest.mark.parametrize("table", list(Base.metadata.tables.values()), ids=lambda table: table.name)
def test_every_column_says_whether_it_is_personal(table: Table) -> None:
    assert {column.name for column in table.columns if column.info.get("pii") not in LABELS} == set()


def test_decisions_are_numbered_without_gaps_and_have_all_their_parts() -> None:
    records = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [path.name[:4] for path in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    assert records
    for path in records:
        headings = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "Rejected"], path.name
