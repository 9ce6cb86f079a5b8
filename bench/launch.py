"""A full launch: OIDC login and id_token, against PyLTI1p3's README default and bare Flask."""

import tempfile
from importlib.metadata import version
from pathlib import Path

from bench.frame import Contestant, Options, Report, at_least, at_most, measure, python
from bench.launch_tools import TOOL
from bench.platform_host import KeySetHost, Platform, write_key

SECONDS = 1.0
BAR = 1
MODULE = "bench.launch_tools"
NOT_RUN = (
    {
        "what": "ltijs with ltijs-sequelize and SQLite",
        "bar": ">= 3",
        "why": "not installed: its packages are not part of this repository",
    },
)


def run(options: Options) -> Report:
    """Measure launches of all tools, and count who fetches the platform's keys."""
    with tempfile.TemporaryDirectory(prefix="bench-launch-") as folder:
        key_path = Path(folder, "platform.pem")
        write_key(key_path)
        host = KeySetHost(Platform(key_path, TOOL).key_set)
        with host.serve() as key_set_url:
            shared = (str(key_path), key_set_url)
            contestants = (
                Contestant("this tool", python(MODULE, "this_tool", *shared, _made(folder, "launch"))),
                Contestant(
                    "this tool, and the step into the course",
                    python(MODULE, "this_tool", *shared, _made(folder, "enter"), "goes on"),
                ),
                Contestant("PyLTI1p3, README default", python(MODULE, "pylti1p3_readme", *shared)),
                Contestant("bare Flask, two POSTs", python(MODULE, "bare_flask", *shared)),
            )
            measured = measure(contestants, options, counter=lambda: host.fetched)
    tool, _entering, pylti1p3, bare = measured
    fetched = {one.name: sum(each.noticed for each in one.rounds) for one in measured}
    bars = (
        at_least("launches per CPU-second, times PyLTI1p3's README default", BAR, tool.times(pylti1p3)),
        at_most("fetches of the platform's keys in all rounds of this tool", 0, fetched[tool.name]),
    )
    more = {
        "key_set_fetches": fetched,
        "times_bare_flask": float(f"{tool.times(bare):.3g}"),
        "versions": {name: version(name) for name in ("pylti1p3", "flask", "sqlalchemy")},
        "not_run": list(NOT_RUN),
    }
    return Report("launch", "one launch: login and id_token of 4 kB", measured, bars, more)


def _made(folder: str, name: str) -> str:
    path = Path(folder, name)
    path.mkdir()
    return str(path)
