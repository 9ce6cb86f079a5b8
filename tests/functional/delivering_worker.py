"""A worker to be killed: ``python delivering_worker.py DATABASE_URL SECONDS_AHEAD`` delivers until nothing is due.

Its clock runs ahead by so many seconds: what a killed worker had taken is free again at once, not after its lease.
"""

import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from lti_tool.errors import ToolError
from lti_tool.jobs.delivering import deliver
from lti_tool.services import delivery
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services


def work(services: Services, delivery_ids: list[int]) -> None:
    """What a worker's thread does with its wake-ups."""
    for delivery_id in delivery_ids:
        try:
            deliver(services, delivery_id)
        except ToolError as error:
            print(error, file=sys.stderr)


def main(url: str, ahead: str) -> None:
    """Deliver with four threads, as ``lti-badges worker`` does."""
    settings: dict[str, Any] = {"database_url": url, "allowed_private_hosts": ["127.0.0.1", "localhost"]}
    offset = timedelta(seconds=float(ahead))
    services = build_services(
        load_settings({"LTI_BADGES_ENV": "test"}, **settings), clock=lambda: datetime.now(UTC) + offset
    )
    print("ready", flush=True)
    while True:
        with services.database.read() as session:
            due = delivery.due_deliveries(session, services.clock())
        if not due:
            break
        threads = [threading.Thread(target=work, args=(services, due[number::4])) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print("nothing is due")


if __name__ == "__main__":
    main(*sys.argv[1:])
