"""The worker: Celery with the tasks of ``tasks`` bound to this process's services, and a ticker beside it."""

import warnings
from typing import Any

import structlog
from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import worker_ready, worker_shutdown

from lti_tool.jobs.queue import make_celery
from lti_tool.jobs.schedule import Ticker
from lti_tool.jobs.tasks import TASKS, Task
from lti_tool.wiring import Services

log = structlog.get_logger()

WORKER_THREADS = 4


def celery_with_tasks(services: Services) -> Celery:
    """Return a Celery application that has every task."""
    celery = make_celery(services.settings)
    for name, task in TASKS.items():
        celery.task(name=name)(_bound(services, name, task))
    return celery


def _bound(services: Services, name: str, task: Task) -> Any:
    def run(row_id: int) -> None:
        try:
            task(services, row_id)
        except Exception as error:  # the row stays due; the sweep comes back to it
            log.exception("task.failed", task=name, row_id=row_id, error=type(error).__name__)

    run.__name__ = run.__qualname__ = name
    return run


def run_worker(services: Services, *, threads: int = WORKER_THREADS) -> None:
    """Work until the process is told to stop (SIGTERM finishes what runs)."""
    celery = celery_with_tasks(services)
    ticker = Ticker(services, services.queue.wake)

    def start(**_: Any) -> None:
        ticker.start()

    def stop(**_: Any) -> None:
        ticker.stop()

    worker_ready.connect(start, weak=False)
    worker_shutdown.connect(stop, weak=False)
    # No news to whoever runs this: containers run as root.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    worker = celery.Worker(
        quiet=True,
        pool="threads",
        concurrency=threads,
        loglevel=services.settings.log_level,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
