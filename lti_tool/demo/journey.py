"""The whole chain without a screen: launches, reading, earning, claiming, delivering, over real HTTP."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from lti_tool.demo.browser import JourneyError, Visitor

WAIT_SECONDS = 60.0


class Journey:
    """Drives people through the demo LMS, the tool and the backpacks as their browsers would."""

    def __init__(self, lms_url: str, tool_url: str) -> None:
        self.lms_url, self.tool_url = lms_url, tool_url
        self.launches = 0

    def launch(self, person: str) -> Visitor:
        """Launch the tool as a person; returns their browser on the tool's first page."""
        visitor = Visitor()
        visitor.open(f"{self.lms_url}/launch?as={person}")
        visitor.submit_until("/courses/")
        if visitor.status != 200:
            raise JourneyError(f"the launch of {person} ended with {visitor.status}")
        self.launches += 1
        return visitor

    def claim(self, visitor: Visitor, badge: str) -> str:
        """Claim the offered badge of this name from the learner's home; returns the address of the badge's page."""
        home = visitor.url
        for link in [one for one in visitor.links if "/mine/awards/" in one]:
            visitor.open(link)
            if badge in visitor.text and any("claim" in (form.action or "") for form in visitor.forms):
                visitor.post(visitor.form("/claim"))
                if "/mine/badges/" not in visitor.url:
                    raise JourneyError(f"claiming {badge} ended on {urlsplit(visitor.url).path} ({visitor.status})")
                return visitor.url
            visitor.open(home)
        raise JourneyError(f"{badge} is not ready to claim")

    def deliver(self, visitor: Visitor, badge_page: str, host_id: int, name: str, email: str) -> None:
        """Connect one of the demo backpacks for the badge whose page is open, as this account, and come back."""
        visitor.open(badge_page)
        visitor.post(visitor.form(f"/connect/{host_id}"))
        # The consent happens in a window of its own: same browser, another address.
        visitor.open(visitor.link("/connect/"))
        if any("email" in form.fields for form in visitor.forms):
            visitor.post(visitor.form(holding="email"), name=name, email=email)
        visitor.post(visitor.form(button="allow"), decision="allow")
        if not visitor.url.startswith(self.tool_url) or visitor.status != 200:
            raise JourneyError(f"the consent ended on {urlsplit(visitor.url).path} ({visitor.status})")
        visitor.open(badge_page)


def wait_for(what: str, condition: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Wait until ``condition`` holds; raises ``JourneyError`` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise JourneyError(f"waited {seconds:g} s for {what}")
        time.sleep(0.1)
