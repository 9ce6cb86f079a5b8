"""How a report is shown: the table, the bars, and as the last line one JSON document."""

import json
from collections.abc import Sequence

from bench.frame import MEGABYTE, Measured, Report

HEADINGS = ("", "per CPU-second", "spread", "CPU µs each", "CPU-seconds", "peak MB")
WAITED = ("p50 ms", "p99 ms")
CALLING = ("calls each", "a second")


def table(measured: Sequence[Measured]) -> list[str]:
    """Lines of text, columns aligned: names to the left, numbers to the right."""
    rows = [HEADINGS, *(_row(one) for one in measured)]
    if any(one.waited(0.5) is not None for one in measured):
        rows = [(*row, *more) for row, more in zip(rows, [WAITED, *map(_waited, measured)], strict=True)]
    if any(one.calls_each is not None for one in measured):
        rows = [(*row, *more) for row, more in zip(rows, [CALLING, *map(_calling, measured)], strict=True)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def _row(one: Measured) -> tuple[str, ...]:
    peak = "–" if one.peak is None else f"{one.peak / MEGABYTE:,.0f}"
    cpu = sum(each.cpu for each in one.rounds)
    return (one.name, f"{one.rate:,.0f}", f"{one.spread:.0%}", f"{1e6 / one.rate:,.1f}", f"{cpu:.1f}", peak)


def _waited(one: Measured) -> tuple[str, ...]:
    found = [one.waited(share) for share in (0.5, 0.99)]
    return tuple("–" if milliseconds is None else f"{milliseconds:.1f}" for milliseconds in found)


def _calling(one: Measured) -> tuple[str, ...]:
    return tuple("–" if number is None else f"{number:,.2f}" for number in (one.calls_each, one.a_second))


def show(report: Report) -> None:
    """Print the table, the bars, and as the last line the JSON document."""
    print(f"\n{report.operation}")
    print("\n".join(table(report.measured)))
    for bar in report.bars:
        print(f"{'met   ' if bar.met else 'MISSED'}  {bar.what}: {bar.got:,g} (bar {bar.bar})")
    print(json.dumps(report.to_document(), ensure_ascii=False))
