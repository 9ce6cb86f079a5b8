"""The connections under the guarded client: pinned to the address that was checked, and ended by a deadline."""

import os
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class _Watcher:
    """Ends what takes too long: one thread for all calls of a process, since starting one costs more than most calls.

    It sleeps until the earliest deadline of the calls under way, and mostly finds that call over.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[Deadline] = set()
        self._awaited: float | None = None
        self._thread: threading.Thread | None = None

    def add(self, deadline: "Deadline") -> None:
        """Watch a call that begins."""
        with self._changed:
            self._watched.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._awaited is None or deadline.at < self._awaited:
                self._changed.notify()

    def remove(self, deadline: "Deadline") -> None:
        """Forget a call that ended."""
        with self._changed:
            self._watched.discard(deadline)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for one in [one for one in self._watched if one.at <= now]:
                    self._watched.discard(one)
                    one.end()
                self._awaited = min((one.at for one in self._watched), default=None)
                self._changed.wait(None if self._awaited is None else self._awaited - now)


class Deadline:
    """Ends a call that takes too long by closing the connection under it, whatever it waits for.

    Time-outs of a socket begin anew with every byte; a host that sends one at a time would never meet them.
    """

    current = threading.local()
    """``deadline``: the one of the call that this thread makes."""
    watcher = _Watcher()

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self.at = 0.0
        """When it ends the call, by the monotonic clock."""
        self._seconds = seconds
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self.current.deadline = self
        self.at = time.monotonic() + self._seconds
        self.watcher.add(self)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.watcher.remove(self)
        self.current.deadline = None

    def watch(self, connected: socket.socket) -> None:
        """Take the connection that the call uses now."""
        self._socket = connected
        if self.is_over:
            self.end()

    def end(self) -> None:
        """Close the connection of the call."""
        self.is_over = True
        if self._socket is not None:
            with suppress(OSError):
                # Of the plain socket: a TLS socket's own would also take its state away from the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _after_fork() -> None:
    """A child process has the calls of its parent in memory, and neither their threads nor their watcher."""
    Deadline.watcher = _Watcher()


os.register_at_fork(after_in_child=_after_fork)


class _Watched(HTTPConnection):
    """A connection that tells the call's deadline about its socket."""

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        Deadline.current.deadline.watch(self.sock)
        super().request(*args, **options)


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class PinnedAdapter(HTTPAdapter):
    """Connects to the address that was checked while TLS and ``Host`` keep the name."""

    def __init__(self, host: str, address: str) -> None:
        self._host, self._address = host, address
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:  # noqa: ARG002
        host_params, tls_options = self.build_connection_pool_key_attributes(request, verify, cert)
        pool_kwargs: dict[str, Any] = {**tls_options}
        if host_params["scheme"] == "https":
            pool_kwargs |= {"server_hostname": self._host, "assert_hostname": self._host}
        host_params["host"] = self._address
        return self.poolmanager.connection_from_host(**host_params, pool_kwargs=pool_kwargs)

    def add_headers(self, request: Any, **_kwargs: Any) -> None:
        request.headers.setdefault("Host", urlsplit(request.url).netloc.rpartition("@")[2])
