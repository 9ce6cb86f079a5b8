"""Delivering badges: CPU and badges a second, at hosts that answer at once and at one as slow as Badgr."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import deliver_world
from bench.deliver_hosts import hosting
from bench.deliver_world import BADGE_CONNECT, OB3_API, V2
from bench.frame import ROOT, BenchError, Contestant, Measured, Options, Report, measure
from bench.postgresql import on_other_cores, postgresql
from bench.served import free_port, wait_for

SECONDS = 0.3
LEARNERS = 200
IMPORT = "BENCH_IMPORT_SECONDS"
IMPORT_SECONDS = 1 / 1.9
"""What an import takes at a Badgr host (captured, 2026); the variable says otherwise."""
ISSUE_SECONDS = 1 / 44.5
"""What one award of a batch takes there."""
NAMES = {OB3_API: "Open Badges 3.0 API", BADGE_CONNECT: "Badge Connect 2.1", V2: "Badgr v2, batches"}
BARE, SLOW = "bare client", "slow host"


def pace() -> dict[str, float]:
    """Return how long the slow host takes for things; raises ``BenchError`` for a setting that is no number."""
    try:
        seconds = float(os.environ.get(IMPORT) or IMPORT_SECONDS)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 5:
        raise BenchError(f"{IMPORT} must be a number of seconds, more than 0 and at most 5")
    return {"import": seconds, "issue": ISSUE_SECONDS}


def run(options: Options) -> Report:
    """Measure all protocols on both databases beside the bare client, then each at the slow host."""
    slow = pace()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-deliver-")))
        passport, badgr = (stack.enter_context(hosting(kind)) for kind in ("passport", "badgr"))
        database_url, database = stack.enter_context(postgresql())
        sqlite_url = f"sqlite:///{folder}/lti-badges.db"
        url, web = stack.enter_context(web_side(sqlite_url, folder))
        print(f"Signing {LEARNERS} badges, twice …", flush=True)
        sqlite = deliver_world.build(sqlite_url, url, passport, badgr, folder / "sqlite.json", LEARNERS)
        _upgrade(database_url)
        other = deliver_world.build(database_url, url, passport, badgr, folder / "postgresql.json", LEARNERS)
        at_once = [
            contestant(OB3_API, "SQLite", "tool", sqlite),
            contestant(OB3_API, "PostgreSQL", "tool", other, beside=database),
            contestant(OB3_API, BARE, "bare", sqlite),
            contestant(BADGE_CONNECT, "SQLite", "tool", sqlite, beside=web),
            contestant(BADGE_CONNECT, BARE, "bare", sqlite, beside=web),
            contestant(V2, "SQLite", "tool", sqlite),
            contestant(V2, "PostgreSQL", "tool", other, beside=database),
            contestant(V2, BARE, "bare", sqlite),
        ]
        at_pace = [
            contestant(protocol, f"{SLOW}, {rest}", who, sqlite, slow=slow)
            for protocol in NAMES
            for rest, who in (("SQLite", "tool"), (BARE, "bare"))
        ]
        measured = measure(at_once, options, counter=lambda: badgr("fetches_made"))
        measured += measure(at_pace, Options(1, options.seconds))
    return report(measured, slow)


def contestant(
    protocol: str, rest: str, who: str, world: str, *, beside: int | None = None, slow: dict[str, float] | None = None
) -> Contestant:
    """Return who delivers by a protocol: the ``tool`` or the ``bare`` client; ``beside`` is a process that helps."""
    command = (sys.executable, "-m", "bench.delivered", who, protocol, world, json.dumps(slow or {}))
    return Contestant(_name(protocol, rest), (*command, "" if beside is None else str(beside)))


def _name(protocol: str, rest: str) -> str:
    return f"{NAMES[protocol]}: {rest}"


@contextmanager
def web_side(database_url: str, folder: Path) -> Iterator[tuple[str, int]]:
    """The tool's pages, from which a Badge Connect host fetches; yields where they are, and the server's process."""
    from lti_tool.supervisor import web_command

    _upgrade(database_url)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "LTI_BADGES_ENV": "test",
        "LTI_BADGES_DATABASE_URL": database_url,
        "LTI_BADGES_PUBLIC_URL": url,
        "LTI_BADGES_DATA_DIR": str(folder),
    }
    command = web_command("127.0.0.1", port)
    command[command.index("--workers") + 1] = "1"
    with (folder / "web.log").open("wb") as log, on_other_cores():
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stderr=log, start_new_session=True)
    try:
        wait_for(server, port)
        yield url, server.pid
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _upgrade(database_url: str) -> None:
    from lti_tool.db import upgrade

    upgrade(database_url)


# -- the report -------------------------------------------------------------------------------------------------------


def report(measured: Sequence[Measured], slow: dict[str, float]) -> Report:
    """Return the figures with what they mean: the ratio to the bare client, and the share of the slow host's best."""
    by_name = {one.name: one for one in measured}
    more: dict[str, Any] = {
        "cpu_times_bare_client": dict(_ratios(by_name)),
        "slow_host": {"seconds": slow, "share_of_what_it_can": dict(_shares(by_name, slow))},
        "fetches_each": {
            name: round(sum(each.noticed for each in one.rounds) / one.operations, 2)
            for name, one in by_name.items()
            if any(each.noticed for each in one.rounds)
        },
        "badges": LEARNERS,
        "versions": {name: version(name) for name in ("requests", "sqlalchemy", "psycopg")},
    }
    return Report("deliver", "one badge delivered, and read back", measured, (), more)


def _ratios(by_name: dict[str, Measured]) -> Iterator[tuple[str, float]]:
    """How much more CPU the tool takes than the bare client with the same calls."""
    for protocol in NAMES:
        bare = by_name[_name(protocol, BARE)]
        for rest in ("SQLite", "PostgreSQL"):
            if (name := _name(protocol, rest)) in by_name:
                yield name, round(1 / by_name[name].times(bare), 2)


def _shares(by_name: dict[str, Measured], slow: dict[str, float]) -> Iterator[tuple[str, float]]:
    """How much of what the slow host can do in a second was made use of."""
    for protocol in NAMES:
        best = 1 / slow["issue" if protocol == V2 else "import"]
        for rest in ("SQLite", BARE):
            one = by_name[_name(protocol, f"{SLOW}, {rest}")]
            yield one.name, round((one.a_second or 0.0) / best, 2)
