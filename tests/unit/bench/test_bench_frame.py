"""Rounds, ratios, table and JSON document."""

import json
import sys

import pytest

from bench.frame import (
    BenchError,
    Contestant,
    Measured,
    Options,
    Report,
    Round,
    at_least,
    at_most,
    measure,
    python,
)
from bench.shown import show, table
from bench.worker import Stopwatch
from bench.worker import measure as measure_batch

TOOL = Measured("this tool", [Round(300, 1.0), Round(100, 1.0), Round(400, 2.0)], 50 * 1024 * 1024)
PEER = Measured("a peer", [Round(100, 1.0), Round(50, 1.0), Round(50, 1.0)])


def test_a_rate_is_the_median_and_the_spread_is_a_share_of_it() -> None:
    assert TOOL.rate == 200
    assert TOOL.spread == 1.0


def test_a_ratio_pairs_rounds_that_ran_next_to_each_other() -> None:
    assert TOOL.times(PEER) == 3  # of 3, 2 and 4


@pytest.mark.parametrize(
    ("bar", "text", "met"),
    [
        (at_least("x", 50, 50.0), ">= 50", True),
        (at_least("x", 50, 49.99), ">= 50", False),
        (at_most("x", 8, 8.0), "<= 8", True),
        (at_most("x", 8, 8.0004), "<= 8", False),
        (at_most("x", 0, 0), "<= 0", True),
    ],
)
def test_a_bar_is_judged_before_rounding(bar, text, met) -> None:
    assert (bar.bar, bar.met) == (text, met)


def test_the_table_is_aligned_and_says_when_memory_is_unknown() -> None:
    lines = table([TOOL, PEER])
    assert len({len(line) for line in lines}) == 1
    assert [line.split()[-1] for line in lines[1:]] == ["50", "–"]
    assert lines[1].split()[:4] == ["this", "tool", "200", "100%"]


def test_the_last_line_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    show(Report("rules", "one rule", [TOOL, PEER], [at_least("faster", 2, 3.0)], {"not_run": []}))
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(document) == ["bench", "figures", "bars"]
    assert document["bench"] == "rules"
    assert document["bars"] == [{"what": "faster", "bar": ">= 2", "got": 3.0, "met": True}]
    assert document["figures"]["not_run"] == []
    assert {"cores", "python", "pinned_to_core", "load"} == set(document["figures"]["machine"])
    assert document["figures"]["contestants"]["this tool"] == {
        "per_cpu_second": {"median": 200.0, "lowest": 100.0, "highest": 300.0},
        "cpu_microseconds": 5000.0,
        "rounds": 3,
        "operations": 800,
        "cpu_seconds": 4.0,
        "peak_memory_mb": 50.0,
    }


def test_contestants_run_in_turn_and_the_counter_is_read_around_each_round() -> None:
    readings = iter(range(0, 1000, 5))
    contestants = [Contestant(name, python("bench.rules", "by_hand", "column")) for name in ("a", "b")]
    measured = measure(contestants, Options(2, 0.001), counter=lambda: next(readings))
    assert [one.name for one in measured] == ["a", "b"]
    for one in measured:
        assert [each.noticed for each in one.rounds] == [5, 5]
        assert all(each.operations >= 500 and each.cpu >= 0.001 for each in one.rounds)


def test_a_contestant_that_ends_early_is_an_error_with_its_last_words() -> None:
    broken = Contestant("broken", (sys.executable, "-c", "raise SystemExit('no such peer')"))
    with pytest.raises(BenchError, match=r"broken ended early:\nno such peer"):
        measure([broken], Options(1, 0.001))


def test_only_what_is_inside_the_stopwatch_counts() -> None:
    batches = []

    def batch(watch: Stopwatch) -> int:
        batches.append(watch.seconds)
        with watch:
            sum(range(20_000))
        return 3

    done = measure_batch(batch, 0.002)
    assert done["operations"] == 3 * len(batches)
    assert done["cpu"] >= 0.002
    watch = Stopwatch()
    sum(range(20_000))
    assert watch.seconds == 0
