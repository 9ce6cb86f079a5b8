"""A tool with Ada's badge that answers at an address, so that verifiers nobody here wrote can fetch what they need."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from claims import Wallets, wallets_on

from lti_tool.models import IssuerProfile


class Front:
    """A WSGI application that is known only once its address is."""

    app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self.app(environ, start_response)
        return answer


@contextmanager
def served_wallets(database_url: str, live: Callable[[Any], str]) -> Iterator[tuple[Wallets, str]]:
    """Yield the tool and its address; the issuer has an e-mail and a web address, and Ada's badge is offered."""
    front = Front()
    url = live(front)
    with wallets_on(database_url, public_url=url) as wallets:
        front.app = wallets.app
        with wallets.services.database.write() as session:
            profile = session.get_one(IssuerProfile, wallets.course.issuer_id)
            profile.url, profile.email = "https://lakeside.example", "badges@lakeside.example"
        yield wallets, url
