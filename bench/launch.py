"""A full launch over HTTP: OIDC login and id_token, against ltijs, PyLTI1p3's README default and bare Flask."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.frame import (
    Bar,
    Contestant,
    Measured,
    Options,
    Report,
    at_least,
    at_most,
    measure,
    other_cores,
    python,
)
from bench.launch_tools import TOOL, has_ltijs
from bench.platform_host import KeySetHost, Platform, write_key
from bench.postgresql import postgresql
from bench.served import AT_ONCE, served

SECONDS = 2.0
MODULE = "bench.launch_tools"
SQLITE, POSTGRESQL, WHOLE = "this tool, SQLite", "this tool, PostgreSQL", "this tool, SQLite, as far as the course"
LTIJS, README, FLOOR = "ltijs, SQLite", "PyLTI1p3, README default", "bare Flask, two POSTs"
SIGNING, SIGNING_PEER = "client assertion, this tool", "client assertion, PyLTI1p3"

NOT_RUN = {"what": LTIJS, "bar": ">= 3", "why": "its packages are not installed; make bench NAME=launch installs them"}


def run(options: Options) -> Report:
    """Measure launches of all tools, and count who fetches the platform's keys."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-launch-")))
        key_path = folder / "platform.pem"
        write_key(key_path)
        host = KeySetHost(Platform(key_path, TOOL).key_set)
        database_url, database_process = stack.enter_context(postgresql())
        key_set_url = stack.enter_context(host.serve())
        made = _Folders(folder)
        shared = (str(key_path), key_set_url)
        sqlite = made("sqlite")
        whole = made("whole")
        contestants = (
            _site(SQLITE, "this_tool", *shared, sqlite, f"sqlite:///{sqlite}/lti-badges.db"),
            _site(POSTGRESQL, "this_tool", *shared, made("postgresql"), database_url, str(database_process)),
            _site(WHOLE, "this_tool", *shared, whole, f"sqlite:///{whole}/lti-badges.db", "goes on"),
            *([_site(LTIJS, "ltijs", *shared, made("ltijs"))] if has_ltijs() else []),
            _site(README, "pylti1p3_readme", *shared),
            _site(FLOOR, "bare_flask", *shared),
            Contestant(SIGNING, python(MODULE, "our_assertions", made("keys"))),
            Contestant(SIGNING_PEER, python(MODULE, "pylti1p3_assertions", str(key_path))),
        )
        measured = measure(contestants, options, counter=lambda: host.fetched)
    return _report(measured)


def _site(name: str, function: str, *arguments: str) -> Contestant:
    return Contestant(name, served(MODULE, function, other_cores(), *arguments))


def _report(measured: Sequence[Measured]) -> Report:
    by_name = {one.name: one for one in measured}
    fetched = {one.name: sum(each.noticed for each in one.rounds) for one in measured if one.waited(0.5) is not None}
    ours = (SQLITE, POSTGRESQL)
    bars = [
        *_ratios(by_name, {LTIJS: 3, README: 1}),
        at_most("fetches of the platform's keys in all rounds of this tool", 0, sum(fetched[one] for one in ours)),
        at_most(
            "CPU of a client assertion, as a share of PyLTI1p3's",
            0.05,
            1 / by_name[SIGNING].times(by_name[SIGNING_PEER]),
        ),
    ]
    more: dict[str, Any] = {
        "goals": [_goal(bar) for bar in _ratios(by_name, {LTIJS: 5, README: 1.5, FLOOR: 0.5})],
        "key_set_fetches": fetched,
        "at_once": AT_ONCE,
        "not_run": [] if LTIJS in by_name else [NOT_RUN],
        "versions": {name: version(name) for name in ("pylti1p3", "flask", "gunicorn", "sqlalchemy", "psycopg")},
    }
    return Report("launch", "one launch over HTTP: login and id_token of 4 kB", measured, bars, more)


def _ratios(by_name: dict[str, Measured], wanted: dict[str, float]) -> Iterator[Bar]:
    """How many times as many launches as each peer this tool should do, on either database."""
    for name in (SQLITE, POSTGRESQL):
        for peer, times in wanted.items():
            if peer in by_name:
                yield at_least(f"{name}: times {peer}", times, by_name[name].times(by_name[peer]))


def _goal(bar: Bar) -> dict[str, Any]:
    return {"what": bar.what, "goal": bar.bar, "got": bar.got, "met": bar.met}


class _Folders:
    """Makes folders for contestants."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent

    def __call__(self, name: str) -> str:
        path = self._parent / name
        path.mkdir()
        return str(path)
