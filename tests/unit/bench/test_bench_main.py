"""The command line of the benchmarks."""

import json
import shutil

import pytest

from bench import rules
from bench.__main__ import main
from bench.frame import Measured, Report, Round, at_least


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["rules", "--rounds", "0"],
        ["rules", "--rounds", "many"],
        ["rules", "--seconds", "-1"],
        ["rules", "--seconds", "nan"],
        ["rules", "launch"],
    ],
)
def test_mistakes_in_the_arguments_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m bench" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "fact"),
    [("institution", "does not exist yet"), ("lunch", "does not exist;")],
)
def test_a_benchmark_that_does_not_exist_is_named_in_one_line(
    name: str, fact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert f"{name} {fact}" in said.err
    assert "deliver, launch, rules, sign" in said.err


def test_a_missed_bar_is_said_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = [Measured("one", [Round(10, 1.0)])]
    report = Report("rules", "one rule", measured, [at_least("speed", 50, 10)])
    monkeypatch.setattr(rules, "run", lambda options: report)
    assert main(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("MISSED  speed: 10 (bar >= 50)") for line in lines)
    assert json.loads(lines[-1])["bars"] == [{"what": "speed", "bar": ">= 50", "got": 10.0, "met": False}]


def test_rounds_and_seconds_reach_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(options):
        seen.append((options.rounds, options.seconds))
        return Report("rules", "one rule", [], [])

    monkeypatch.setattr(rules, "run", run)
    main(["rules"])
    main(["rules", "--rounds", "2", "--seconds", "0.25"])
    assert seen == [(5, rules.SECONDS), (2, 0.25)]


def test_a_peer_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    assert main(["sign"]) == 1
    assert "make witnesses" in capsys.readouterr().err
