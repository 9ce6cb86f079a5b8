"""Lists of hosts, page after page: ``Link`` where there is one, else ``offset`` until nothing new comes.

``X-Total-Count`` is not believed: some hosts count the page. Open Badges 2.1, section 4; Open Badges 3.0, section 6.4.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Final
from urllib.parse import urlencode

from lti_tool.backpacks.host_http import HostHttp, host_of, next_link, raise_for_failure
from lti_tool.errors import BackpackAnswerError
from lti_tool.outbound import Answer

PAGE_SIZE: Final = 100
PAGE_LIMIT: Final = 100
"""Pages read at most: ten thousand badges."""


def iter_listed(
    http: HostHttp, api_url: str, path: str, token: str, read: Callable[[Answer], list[tuple[str | None, str]]]
) -> Iterator[tuple[str | None, str]]:
    """Page through a list; ``read`` turns one answer into (id, text) pairs.

    Raises ``BackpackAnswerError`` when pages repeat, never end, or lead to another origin.
    """
    url: str | None = f"{api_url}{path}?{urlencode({'limit': PAGE_SIZE, 'offset': 0})}"
    seen: set[str] = set()
    listed: set[tuple[str | None, str]] = set()
    received = 0
    while url is not None:
        if url in seen or len(seen) == PAGE_LIMIT:
            raise BackpackAnswerError(f"{host_of(api_url)} lists badges without end.")
        seen.add(url)
        answer = http.get(url, token=token)
        raise_for_failure(answer, "list badges")
        page = read(answer)
        yield from page
        received += len(page)
        is_new = not listed.issuperset(page)
        listed.update(page)
        if answer.headers.get("Link"):
            url = next_link(answer, api_url) if page else None
        elif is_new:
            url = f"{api_url}{path}?{urlencode({'limit': PAGE_SIZE, 'offset': received})}"
        else:  # the last page was empty, or the host does not know ``offset`` and shows the first one again
            url = None


def find_listed(pages: Iterator[tuple[str | None, str]], ids: Collection[str]) -> dict[str, str]:
    """Return the texts of these ids, reading no further than needed; of several with one id the first, the newest."""
    wanted, found = set(ids), dict[str, str]()
    for identifier, text in pages if wanted else ():
        if identifier in wanted:
            found.setdefault(identifier or "", text)
            if len(found) == len(wanted):
                break
    return found
