"""Every refusal that steps about awards name in their documentation has words of its own, on a page or at a field."""

import re
from inspect import getdoc, getmembers, isfunction
from types import ModuleType

import pytest

from lti_tool.services import (
    award_runs,
    bulk_awards,
    claiming,
    hand_awards,
    interventions,
    review_decisions,
    revoking,
    terms,
)
from lti_tool.web import instructor_bulk
from lti_tool.web.field_texts import FIELD_TEXTS
from lti_tool.web.messages import MESSAGES

MODULES = (award_runs, bulk_awards, claiming, hand_awards, interventions, review_decisions, revoking, terms)
CODE = re.compile(
    r"``((?:reason|evidence|nobody|achievement|award|not_a|preview|csv|run|review|appeal|term|transition)_[a-z_]+)``"
)
NO_CODES = {"award_by_hand", "preview_again", "preview_bulk", "evidence_note"}
"""What else is written so there: functions and parameters."""


def documented(module: ModuleType) -> set[str]:
    texts = [getdoc(one) or "" for _, one in getmembers(module, isfunction) if one.__module__ == module.__name__]
    return {code for text in texts for code in CODE.findall(text)} - NO_CODES


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_code_has_words(module: ModuleType) -> None:
    codes = documented(module)
    assert codes
    assert codes - (MESSAGES.keys() | FIELD_TEXTS.keys() | _bulk_texts()) == set()


def _bulk_texts() -> set[str]:
    return {code for value in vars(instructor_bulk).values() if isinstance(value, dict) for code in value}
