"""The delivery benchmark counts what arrived, and only that."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import deliver, deliver_hosts, deliver_tools, deliver_world, delivered
from bench.deliver_world import BADGE_CONNECT, OB3_API, V2, Learner, World
from bench.frame import BenchError, Measured, Options, Round, measure
from bench.shown import table

SLOW = {"import": 0.5, "issue": 0.1}


class Host:
    """Remembers what it was told; every call counts as two calls of the crew's."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def __call__(self, name: str, **values: Any) -> Any:
        self.told.append((name, values))
        return 2 * len(self.told)


class Crew:
    """Delivers nothing, or says that something is missing."""

    def __init__(self, *missing: str) -> None:
        self.seen: list[list[str]] = []
        self._missing = list(missing)

    def prepare(self, learners: Sequence[Learner]) -> None:
        pass

    def carry_out(self, learners: Sequence[Learner]) -> None:
        self.seen.append([one.email for one in learners])
        sum(range(200_000))

    def missing(self, learners: Sequence[Learner]) -> list[str]:
        return self._missing


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()
    monkeypatch.setattr(deliver_tools, "host_of", lambda _world, _protocol: host)
    return host


def world_of(number: int) -> World:
    learners = [Learner(f"learner{place}@x.example", place, "", "", "", {}, {}) for place in range(number)]
    return World({}, "", "", {}, {}, 1, "", "", 3, learners)


def test_learners_come_in_turn_and_the_first_ones_again(host: Host) -> None:
    crew = Crew()
    contest = delivered.Contest(crew, world_of(120), OB3_API, {}, [])
    for _ in range(3):
        contest.round(1e-9)
    assert [one[0] for one in crew.seen] == ["learner0@x.example", "learner50@x.example", "learner0@x.example"]
    assert {len(one) for one in crew.seen} == {50}
    emptied = [values["emails"] for name, values in host.told if name == "empty"]
    assert emptied == crew.seen


def test_a_slow_round_is_one_batch_and_the_first_one_goes_without_the_pace(host: Host) -> None:
    contest = delivered.Contest(Crew(), world_of(60), OB3_API, SLOW, [])
    contest.round(0.02)
    paces = [values["seconds"] for name, values in host.told if name == "set_pace"]
    assert paces == [{}, {}]
    host.told.clear()
    done = contest.round(1.0)
    assert done["operations"] == delivered.PACED_USUALLY
    assert done["calls"] == 2
    assert 0 < done["cpu"] < 1
    assert [values["seconds"] for name, values in host.told if name == "set_pace"] == [SLOW, {}]


def test_a_badge_that_did_not_arrive_ends_the_benchmark(host: Host) -> None:
    contest = delivered.Contest(Crew("failed: backpack_refused"), world_of(10), OB3_API, {}, [])
    with pytest.raises(RuntimeError, match=r"1 of 10 did not arrive: \['failed: backpack_refused'\]"):
        contest.round(0.01)


def test_threads_share_the_work_and_the_first_failure_is_raised() -> None:
    done: list[int] = []
    deliver_tools._in_threads(done.append, range(100), 3)
    assert sorted(done) == list(range(100))

    def fail(number: int) -> None:
        raise ValueError(number)

    with pytest.raises(ValueError, match="7"):
        deliver_tools._in_threads(fail, [7], 2)


@pytest.mark.parametrize("text", ["fast", "0", "-1", "nan", "6"])
def test_a_pace_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(deliver.IMPORT, text)
    with pytest.raises(BenchError, match="BENCH_IMPORT_SECONDS must be a number of seconds"):
        deliver.pace()


def test_the_pace_of_an_import_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(deliver.IMPORT, raising=False)
    assert deliver.pace() == {"import": 1 / 1.9, "issue": 1 / 44.5}
    monkeypatch.setenv(deliver.IMPORT, "0.25")
    assert deliver.pace() == {"import": 0.25, "issue": 1 / 44.5}


def test_the_report_says_ratios_shares_and_fetches() -> None:
    measured = []
    for protocol, name in deliver.NAMES.items():
        for rest, cpu in (("SQLite", 0.3), ("PostgreSQL", 0.4), (deliver.BARE, 0.1)):
            if (protocol, rest) != (BADGE_CONNECT, "PostgreSQL"):
                noticed = 500 if protocol == BADGE_CONNECT else 0
                measured.append(Measured(f"{name}: {rest}", [Round(100, cpu, noticed, calls=200, seconds=2.0)]))
        for rest, seconds in (("SQLite", 20.0), (deliver.BARE, 10.0)):
            measured.append(Measured(f"{name}: slow host, {rest}", [Round(20, 0.1, calls=40, seconds=seconds)]))
    document = deliver.report(measured, SLOW).to_document()
    figures = document["figures"]
    assert figures["cpu_times_bare_client"] == {
        "Open Badges 3.0 API: SQLite": 3,
        "Open Badges 3.0 API: PostgreSQL": 4,
        "Badge Connect 2.1: SQLite": 3,
        "Badgr v2, batches: SQLite": 3,
        "Badgr v2, batches: PostgreSQL": 4,
    }
    assert figures["slow_host"]["share_of_what_it_can"]["Open Badges 3.0 API: slow host, SQLite"] == 0.5
    assert figures["slow_host"]["share_of_what_it_can"]["Badgr v2, batches: slow host, bare client"] == 0.2
    assert figures["fetches_each"] == {"Badge Connect 2.1: SQLite": 5, "Badge Connect 2.1: bare client": 5}
    assert figures["contestants"]["Open Badges 3.0 API: SQLite"]["calls_each"] == 2
    assert figures["contestants"]["Open Badges 3.0 API: SQLite"]["per_second"] == 50
    assert document["bars"] == []
    assert table(measured)[0].split()[-4:] == ["calls", "each", "a", "second"]
    assert table(measured)[1].split()[-2:] == ["2.00", "50.00"]


def test_everybody_delivers_to_both_hosts(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/lti-badges.db"
    with (
        deliver.web_side(url, tmp_path) as (public_url, web),
        deliver_hosts.hosting("passport") as passport,
        deliver_hosts.hosting("badgr") as badgr,
    ):
        world = deliver_world.build(url, public_url, passport, badgr, tmp_path / "world.json", 3)
        contestants = [
            deliver.contestant(protocol, who, who, world, beside=web)
            for protocol in (OB3_API, BADGE_CONNECT, V2)
            for who in ("tool", "bare")
        ]
        measured = measure(contestants, Options(1, 0.02), counter=lambda: badgr("fetches_made"))
        learners = json.loads(Path(world).read_text(encoding="utf-8"))["learners"]
        assert learners[0]["url_id"] in passport("stored", email=learners[0]["email"])
    calls = {one.name: one.calls_each for one in measured}
    for protocol, each in ((OB3_API, 2.0), (BADGE_CONNECT, 2.0), (V2, 2 / 3)):
        name = deliver.NAMES[protocol]
        assert calls[f"{name}: tool"] == calls[f"{name}: bare"] == pytest.approx(each)
    fetched = {one.name: sum(each.noticed for each in one.rounds) for one in measured}
    assert [name for name, number in fetched.items() if number] == [
        "Badge Connect 2.1: tool",
        "Badge Connect 2.1: bare",
    ]
