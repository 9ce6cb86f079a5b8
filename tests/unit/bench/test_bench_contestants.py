"""What the benchmarks compare is comparable."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from bench import launch, rules, served, sign
from bench.frame import MEGABYTE, Options
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


def test_every_tool_accepts_the_launches_and_the_fetches_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "has_ltijs", lambda: False)  # its packages take a minute to build
    document = launch.run(Options(1, 0.02)).to_document()
    figures = document["figures"]
    fetches, contestants = figures["key_set_fetches"], figures["contestants"]
    assert set(fetches) == {launch.SQLITE, launch.POSTGRESQL, launch.WHOLE, launch.README, launch.FLOOR}
    assert fetches[launch.SQLITE] == fetches[launch.POSTGRESQL] == fetches[launch.FLOOR] == 0
    assert fetches[launch.README] == contestants[launch.README]["operations"] > 0
    for name in fetches:
        assert contestants[name]["milliseconds"]["p99"] >= contestants[name]["milliseconds"]["p50"] > 0
        assert contestants[name]["peak_memory_mb"] > 20
    assert "cpu_microseconds_beside" in contestants[launch.POSTGRESQL]
    assert [one["what"] for one in figures["not_run"]] == [launch.LTIJS]
    assert len(document["bars"]) == 4
    assert len(figures["goals"]) == 4


def test_a_process_and_its_children_are_one_tree() -> None:
    script = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); time.sleep(60)"
    busy = "while True: pass"
    with subprocess.Popen([sys.executable, "-c", script, busy], start_new_session=True) as parent:
        tree = served.Tree(parent.pid)
        deadline = time.monotonic() + 20
        while tree.cpu() < 0.3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert tree.peak() > 2 * MEGABYTE
        os.killpg(parent.pid, signal.SIGKILL)
