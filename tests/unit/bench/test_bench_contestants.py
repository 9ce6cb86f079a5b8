"""What the benchmarks compare is comparable."""

import json

import pytest

from bench import launch, rules, sign
from bench.frame import Options
from bench.platform_host import TOKEN_BYTES, Platform, write_key
from lti_tool.domain.rules import evaluate
from lti_tool.domain.verdict import Verdict


@pytest.mark.parametrize("name", rules.PAIRS)
def test_a_rule_by_hand_comes_to_the_verdict_of_the_rule(name: str) -> None:
    pair, courses = rules.PAIRS[name], rules.generate(rules.LEARNERS)
    evaluated = [evaluate(pair.rule, facts).verdict for facts in rules.facts_of(courses)]
    assert [rules.VERDICTS[pair.by_hand(course)] for course in courses] == evaluated
    assert min(evaluated.count(verdict) for verdict in Verdict) > rules.LEARNERS / 10


def test_the_learners_are_the_same_every_time() -> None:
    assert rules.generate(20) == rules.generate(20)


def test_a_credential_has_the_size_of_a_real_one() -> None:
    size = len(json.dumps(sign.compose(7)))
    assert 3_000 < size < 4_000


def test_an_id_token_has_four_kilobytes(tmp_path) -> None:
    write_key(tmp_path / "key.pem")
    platform = Platform(tmp_path / "key.pem", "https://badges.example.org")
    tokens = [platform.id_token("x" * 43, "https://badges.example.org/lti/launch") for _ in range(3)]
    assert all(abs(len(token) - TOKEN_BYTES) < 100 for token in tokens)
    assert len(set(tokens)) == 3


def test_every_tool_accepts_the_launches_and_the_fetches_are_counted() -> None:
    document = launch.run(Options(1, 0.001)).to_document()
    figures = document["figures"]
    fetches = figures["key_set_fetches"]
    assert fetches["this tool"] == 0
    assert fetches["PyLTI1p3, README default"] == figures["contestants"]["PyLTI1p3, README default"]["operations"] > 0
    assert [one["what"] for one in figures["not_run"]] == ["ltijs with ltijs-sequelize and SQLite"]
    assert len(document["bars"]) == 2
