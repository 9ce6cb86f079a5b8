"""``python -m bench NAME``: run one benchmark."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from bench.frame import BenchError, Options
from bench.shown import show

BENCHES = ("deliver", "launch", "rules", "sign", "sweep")
NOT_YET = ("institution",)
DEFAULT_ROUNDS = 5


def parser() -> argparse.ArgumentParser:
    """The command line."""
    commands = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands.add_argument("name", metavar="NAME", help=f"one of: {', '.join(BENCHES)}")
    commands.add_argument("--rounds", type=_count, default=DEFAULT_ROUNDS, help="rounds in turn (default: %(default)s)")
    commands.add_argument("--seconds", type=_seconds, help="CPU-seconds a round (default: as the benchmark says)")
    return commands


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 1000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 600")
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one benchmark; 0 also when a bar was missed, 1 when it could not run, 2 for a mistake in the arguments."""
    options = parser().parse_args(arguments)
    if options.name not in BENCHES:
        fact = "does not exist yet" if options.name in NOT_YET else "does not exist"
        print(f"The benchmark {options.name} {fact}; there are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    bench = importlib.import_module(f"bench.{options.name}")
    try:
        report = bench.run(Options(options.rounds, options.seconds or bench.SECONDS))
    except BenchError as error:
        print(f"bench {options.name}: {error}", file=sys.stderr)
        return 1
    show(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
