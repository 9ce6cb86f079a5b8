"""Calls to platforms' APIs go one at a time to each platform, and do not wait for other platforms."""

import threading
from typing import Any

from lti_tool.outbound import Answer
from lti_tool.services.platform_calls import PlatformCalls


class Watched:
    """Stands in for the requests below: counts how many are under way for each host at once."""

    def __init__(self, together: threading.Barrier | None = None) -> None:
        self.under_way: dict[str, int] = {}
        self.most = 0
        self.together = together
        self._guard = threading.Lock()

    def send(self, _registration_id: int, request: Any) -> Answer:
        with self._guard:
            self.under_way[request.host] = self.under_way.get(request.host, 0) + 1
            self.most = max(self.most, self.under_way[request.host])
        if self.together is not None:
            self.together.wait(timeout=5)
        with self._guard:
            self.under_way[request.host] -= 1
        return Answer(request.url, 200, {}, b"{}")


def call_all(watched: Watched, addresses: list[str]) -> None:
    """Call all addresses at once."""
    calls = PlatformCalls(watched)  # type: ignore[arg-type]
    threads = [threading.Thread(target=calls, args=(1, "GET", address)) for address in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_one_platform_is_asked_one_thing_at_a_time() -> None:
    watched = Watched()
    call_all(watched, [f"https://school.example/{number}" for number in range(20)])
    assert watched.most == 1


def test_another_platform_is_not_kept_waiting() -> None:
    watched = Watched(threading.Barrier(2))  # neither ends before the other has begun
    call_all(watched, ["https://one.example/x", "https://other.example/x"])
    assert watched.under_way == {"one.example": 0, "other.example": 0}
