"""The demo, running for a whole suite: the tool as its own processes, the demo LMS and the demo backpack."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lti_tool.demo.run import Demo, Ports


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports() -> Ports:
    """Return ports for a demo."""
    return Ports(free_port(), free_port(), free_port(), free_port())


def port_options() -> list[str]:
    """Return options for ``lti-badges demo`` with ports nobody listens on."""
    names = ("--port", "--lms-port", "--backpack-port", "--passport-port")
    return [word for name in names for word in (name, str(free_port()))]


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Start a demo of its own in ``folder``, on free ports, filled with the story."""
    with ExitStack() as stack:
        demo = Demo(free_ports(), quiet=True, folder=folder)
        demo.start(stack)
        yield demo
