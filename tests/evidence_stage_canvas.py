"""The evidence stage of Canvas's own API."""

from datetime import timedelta
from typing import Any

from evidence_stage import Stage
from platforms.canvas_api import CanvasApi, html_page
from platforms.names import TEST_USER
from platforms.quirks import CANVAS
from platforms.reading import Reading

from lti_tool.evidence import canvas_scopes
from lti_tool.evidence.base import EvidenceSource
from lti_tool.evidence.canvas import CanvasSource
from lti_tool.evidence.canvas_client import CanvasClient
from lti_tool.evidence.canvas_oauth import CanvasOAuth
from lti_tool.evidence.canvas_people import CanvasPeople
from lti_tool.evidence.grants import GrantTokens
from lti_tool.lti.links import next_link
from lti_tool.models import ResourceLink

SCOPES = canvas_scopes.scopes_of(canvas_scopes.PARTS)


class CanvasStage(Stage):
    """Assignments, modules and totals of a course, with the same people as its roster; time is the tool's."""

    source = "canvas"
    quirks = CANVAS

    def __init__(self, world: Reading, api: CanvasApi) -> None:
        self.api, self.course = api, api.course
        super().__init__(world)
        self.works: dict[str, int] = {}
        self.modules: dict[str, Any] = {}
        self.numbers: dict[str, int] = {}
        """Canvas's own number of a person."""
        with self.services.database.write() as session:  # a launch from the course's menu
            session.add(ResourceLink(context_id=self.world.context.id, platform_id=self.world.context.platform_id))
        self._enrol("ann", self.subs["ann"])
        self.join("ben")
        self.grant()

    def more_sources(self) -> tuple[EvidenceSource, ...]:
        """The one that is tried here."""
        oauth = CanvasOAuth(self.calls, self.world.clock)
        client = CanvasClient(self.grants, oauth, self.calls, next_link, sleep=self.world._sleep)
        return (CanvasSource(client, CanvasPeople(self.world.database), self.world.clock),)

    def wait(self, **parts: float) -> None:
        """Time passes, in Canvas too."""
        super().wait(**parts)
        self.course.now = self.world.clock.now

    # -- people -----------------------------------------------------------------------------------------------------

    def join(self, person: str, sections: int = 1) -> None:
        """Somebody enrols, in one or more sections."""
        self.subs[person] = f"u-{person}"
        self.platform.add_member(self.subs[person], person.title(), None)
        self._enrol(person, self.subs[person], sections=sections)

    def join_as_test_student(self, person: str) -> None:
        """Somebody uses "Student View"; the roster may show that student, too."""
        self.subs[person] = f"u-{person}"
        self.platform.add_member(self.subs[person], "Test Student", None, roles=("Learner", TEST_USER))
        self._enrol(person, self.subs[person], kind="StudentViewEnrollment")

    def _enrol(self, person: str, sub: str, **more: Any) -> None:
        number = self.numbers[person] = self.course.add_student(person.title(), sub, **more)
        self.platform.member_custom[sub] = {"canvas_user_id": str(number)}

    def drop(self, person: str) -> None:
        """Somebody drops the course: the enrolment is inactive, submissions stay."""
        for one in self.course.enrollments:
            if one.user_id == self.numbers[person]:
                one.state = "inactive"
        self.leave(person)

    def erase(self, person: str) -> None:
        """Somebody is removed from the course with everything that was handed in."""
        number = self.numbers[person]
        self.course.enrollments = [one for one in self.course.enrollments if one.user_id != number]
        for key in [key for key in self.course.submissions if key[1] == number]:
            del self.course.submissions[key]
        self.leave(person)

    def merge(self, person: str) -> None:
        """Two accounts of somebody are merged: another number, the same ``sub`` and the same work."""
        old, new = self.numbers[person], 7_000_000 + self.numbers[person]
        self.course.names[new] = self.course.names.pop(old)
        for one in self.course.enrollments:
            one.user_id = new if one.user_id == old else one.user_id
        for key in [key for key in self.course.submissions if key[1] == old]:
            self.course.submissions[key[0], new] = self.course.submissions.pop(key) | {"user_id": new}
        self.numbers[person] = self.course.subs[self.subs[person]] = new
        self.platform.member_custom[self.subs[person]] = {"canvas_user_id": str(new)}

    def conclude(self) -> None:
        """The course is concluded: enrolments are completed, grades can be read as before."""
        for one in self.course.enrollments:
            one.state = "completed"

    # -- work -------------------------------------------------------------------------------------------------------

    def work(self, title: str = "Essay", maximum: float | None = 100, **more: Any) -> None:
        """Add an assignment."""
        self.works[title] = self.course.add_assignment(title, maximum, **more)

    def grade(self, person: str, score: str | None, title: str = "Essay", **more: Any) -> None:
        """A teacher grades."""
        value = None if score is None else float(score)
        self.course.grade(self.works[title], self.numbers[person], value, **more)

    def hand_in(self, person: str, title: str = "Essay", **more: Any) -> None:
        """Somebody hands something in."""
        self.course.hand_in(self.works[title], self.numbers[person], **more)

    def change(self, person: str, title: str = "Essay", **fields: Any) -> None:
        """Something that is no new grade: posted, hidden, excused, missing."""
        self.course.change(self.works[title], self.numbers[person], **fields)

    def take_back(self, person: str, title: str = "Essay") -> None:
        """A teacher empties the cell."""
        self.grade(person, None, title, workflow_state="unsubmitted", graded_at=None, posted_at=None)

    def maximum(self, maximum: float, title: str = "Essay") -> None:
        """The points possible change; scores are left as they are."""
        self.course.assignments[self.works[title]]["points_possible"] = maximum

    def delete(self, title: str = "Essay") -> None:
        """The assignment is unpublished."""
        self.course.assignments[self.works[title]]["published"] = False

    def restore(self, title: str = "Essay") -> None:
        """And published again."""
        self.course.assignments[self.works[title]]["published"] = True

    def module(self, title: str) -> None:
        """Add a module with requirements."""
        self.modules[title] = self.course.add_module(title)

    def complete(self, person: str, title: str, items: int | None = None) -> None:
        """Somebody does a module's requirements, or the first of them."""
        self.course.complete(self.numbers[person], self.modules[title], items)

    def crowd(self, count: int, title: str = "Essay") -> None:
        """Many others are graded before the rest."""
        for number in range(count):
            self.join(f"c{number}")
            self.grade(f"c{number}", str(number), title)

    def page_size(self, size: int) -> None:
        """Canvas gives so many entries a page."""
        self.api.page_size = size

    # -- what goes wrong --------------------------------------------------------------------------------------------

    def grant(self, scopes: list[str] = SCOPES) -> None:
        """Somebody grants, on both sides."""
        given = self.api.grant(scopes)
        tokens = GrantTokens(given.access_token, given.refresh_token, given.ends)
        client = {"client_id": self.api.client_id, "client_secret": self.world.vault.lock(self.api.client_secret)}
        self.allow("canvas", self.api.address, tokens, scopes, **client)

    def revoke(self) -> None:
        """The grant is deleted under "Approved integrations"."""
        self.api.grants[-1].is_revoked = True

    def revoke_at_page(self, number: int) -> None:
        """The same, right before a page of submissions."""
        self._at_submissions(number, self.revoke)

    def token_dies_at_page(self, number: int) -> None:
        """The access token ends early, right before a page of submissions; it can be renewed."""

        def end() -> None:
            self.api.grants[-1].ends = self.course.now - timedelta(seconds=1)

        self._at_submissions(number, end)

    def html_at_page(self, number: int) -> None:
        """A page to sign in comes instead of submissions."""
        self._at_submissions(number, html_page)

    def _at_submissions(self, number: int, happening: Any) -> None:
        self.api.mishaps["submissions"] = [*[lambda: None] * (number - 1), happening]

    def narrow(self) -> None:
        """The key loses the scope of submissions."""
        self.api.grants[-1].scopes = frozenset(SCOPES) - {canvas_scopes.SUBMISSIONS}

    def disable_account(self) -> None:
        """The service account is suspended."""
        self.api.is_account_disabled = True

    def repeat_pages(self) -> None:
        """The next link leads to the same page for ever."""
        self.api.page_size, self.api.repeats = 1, True

    def shrink_pages(self) -> None:
        """Pages are shorter than asked, or empty in the middle."""
        self.api.page_size, self.api.shrinks = 4, True
