"""The queue: a wake-up for workers. What must happen is a row; a lost message only means that the sweep is first.

Embedded: kombu's filesystem transport in ``data_dir``, which needs no server. Scaled out: any Celery broker.
"""

import logging
from typing import Any, Protocol

import structlog
from celery import Celery

from lti_tool.settings import Settings

EMBEDDED = "embedded"
VISIBILITY_SECONDS = 900
"""Longer than the longest task: a Redis message unacknowledged for this long is given to another worker."""

log = structlog.get_logger()


class Queue(Protocol):
    """Wakes a worker for a task; never raises."""

    def wake(self, task: str, row_id: int) -> None:
        """Ask for ``task`` to run on a row soon."""
        ...


class CeleryQueue:
    """Sends the wake-up through Celery."""

    def __init__(self, celery: Celery) -> None:
        self.celery = celery

    def wake(self, task: str, row_id: int) -> None:
        """Send; a broker that is down is logged and left to the sweep."""
        try:
            self.celery.send_task(task, args=[row_id], ignore_result=True, retry=False)
        except Exception as error:
            log.warning("queue.unreachable", task=task, row_id=row_id, error=type(error).__name__)


class SilentQueue:
    """Wakes nobody: tests and one-off commands run what is due themselves."""

    def wake(self, task: str, row_id: int) -> None:
        """Do nothing; the row waits for the sweep."""


def make_queue(settings: Settings) -> Queue:
    """Return the queue of these settings; ``memory://`` is for tests and wakes nobody."""
    if settings.broker_url == "memory://":
        return SilentQueue()
    return CeleryQueue(make_celery(settings))


def make_celery(settings: Settings) -> Celery:
    """Return a configured Celery application without tasks; ``celery_app`` adds them for workers."""
    # No news to whoever runs this: the filesystem transport has no host name.
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)
    celery = Celery("lti_tool", set_as_current=False)
    celery.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        task_default_queue="lti-badges",
        **_transport(settings),
    )
    return celery


def _transport(settings: Settings) -> dict[str, Any]:
    if settings.broker_url != EMBEDDED:
        # A page that wakes a worker must not wait for a broker that is down: connecting is tried for a second.
        options: dict[str, Any] = {"max_retries": 1, "interval_start": 0, "connect_retries_timeout": 1}
        if settings.broker_url.startswith(("redis", "rediss")):
            options |= {
                "visibility_timeout": VISIBILITY_SECONDS,
                "unacked_restore_interval": 5,
                "unacked_restore_throttle": 1,
                "socket_connect_timeout": 2,
            }
        return {"broker_url": settings.broker_url, "broker_transport_options": options}
    messages, control = settings.data_dir / "queue", settings.data_dir / "queue-control"
    for folder in (messages, control):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(control),
            "store_processed": False,
            "polling_interval": 0.2,
        },
    }
