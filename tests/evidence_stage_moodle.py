"""The evidence stage of Moodle's web services."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from evidence_stage import Stage
from platforms.moodle_api import ACTIVITIES, FUNCTIONS, MAINTENANCE, NOTICE, MoodleApi
from platforms.quirks import MOODLE
from platforms.reading import Reading

from lti_tool.evidence.base import EvidenceSource
from lti_tool.evidence.grants import GrantTokens
from lti_tool.evidence.moodle import MoodleSource


class MoodleStage(Stage):
    """Moodle's gradebook over its web services, with the same people as its roster."""

    source = "moodle"
    quirks = MOODLE
    context_id = "2"

    def __init__(self, world: Reading, api: MoodleApi) -> None:
        super().__init__(world)
        self.api = api
        self.items: dict[str, int] = {}
        self.modules: dict[str, int] = {}
        self._deleted: dict[str, Any] = {}
        api.enrol(int(self.subs["tara"]), is_learner=False)
        api.enrol(int(self.subs["ann"]))
        self.join("ben")
        self.grant()

    def more_sources(self) -> tuple[EvidenceSource, ...]:
        """The one that is tried here."""
        return (MoodleSource(self.calls, self.grants),)

    def join(self, person: str) -> None:
        """Somebody enrols."""
        self.subs[person] = str(100 + len(self.subs))
        self.platform.add_member(self.subs[person], person.title(), None)
        self.api.enrol(int(self.subs[person]))

    def grant(self, functions: tuple[str, ...] = FUNCTIONS) -> None:
        """An admin enters the token that the site has now."""
        self.api.functions = list(functions)
        self.allow("moodle", self.api.base_url, GrantTokens(self.api.token), list(functions))

    def _id(self, person: str) -> int:
        return int(self.subs[person])

    def _grade(self, person: str, title: str) -> Any:
        return self.api.courses[2].grades[self.items[title], self._id(person)]

    def work(self, title: str = "Essay", maximum: float = 100, **more: Any) -> None:
        """Add a grade item."""
        self.items[title] = 11 + len(self.items)
        self.api.add_item(self.items[title], name=title, maximum=float(maximum), **more)

    def activity(self, title: str) -> None:
        """Add an activity whose completion is tracked."""
        self.modules[title] = 31 + len(self.modules)
        self.api.add_module(self.modules[title], title)

    def grade(self, person: str, score: str | None, title: str = "Essay", **more: Any) -> None:
        """A grade; ``None`` is a row without one."""
        value = None if score is None else float(score)
        self.api.grade(self.items[title], self._id(person), value, **more)

    def ungrade(self, person: str, title: str = "Essay") -> None:
        """The grade is deleted."""
        del self.api.courses[2].grades[self.items[title], self._id(person)]

    def hide(self, person: str, title: str = "Essay") -> None:
        """Somebody's grade is hidden."""
        self._grade(person, title).is_hidden = True

    def show(self, person: str, title: str = "Essay") -> None:
        """Somebody's grade is shown again."""
        self._grade(person, title).is_hidden = False

    def hide_column(self, title: str = "Essay") -> None:
        """The whole item is hidden."""
        self.api.courses[2].items[self.items[title]].is_hidden = True

    def cannot_see_hidden(self) -> None:
        """The token's account loses the right to see hidden grades."""
        self.api.sees_hidden = False

    def maximum(self, maximum: str, title: str = "Essay") -> None:
        """The item's maximum changes; grades are left as they are."""
        self.api.courses[2].items[self.items[title]].maximum = float(maximum)

    def complete(self, person: str, title: str, state: int) -> None:
        """Completion: 0 not, 1 complete, 2 passed, 3 failed."""
        moment = int(datetime(2026, 11, 20, 8, tzinfo=UTC).timestamp())
        self.api.courses[2].completions[self.modules[title], self._id(person)] = (state, moment)

    def complete_course(self, person: str) -> None:
        """Somebody meets every condition of the course."""
        self.api.courses[2].has_criteria = True
        self.api.courses[2].completed[self._id(person)] = int(datetime(2026, 11, 20, 8, tzinfo=UTC).timestamp())

    def delete(self, title: str = "Essay") -> None:
        """The item is deleted."""
        self._deleted[title] = self.api.courses[2].items.pop(self.items[title])

    def restore(self, title: str = "Essay") -> None:
        """The item comes back out of the recycle bin, with its number."""
        self.api.courses[2].items[self.items[title]] = self._deleted.pop(title)

    def suspend_enrolment(self, person: str) -> None:
        """Somebody leaves: the enrolment is suspended, and the roster does not list them."""
        self.api.courses[2].people[self._id(person)].has_left = True
        self.leave(person)

    def unenrol(self, person: str) -> None:
        """Somebody's enrolment is deleted; grades are kept for the case that they come back."""
        del self.api.courses[2].people[self._id(person)]
        self.leave(person)

    def suspend_account(self, person: str) -> None:
        """Somebody's account on the site is suspended."""
        self.api.courses[2].people[self._id(person)].is_suspended = True
        self.leave(person)

    def only_for(self, person: str, title: str) -> None:
        """The activity is restricted to somebody's group."""
        self.api.courses[2].items[self.items[title]].only_for = frozenset({self._id(person)})

    def crowd(self, count: int) -> None:
        """Many others and much work, so that the course is read person by person, in pages of 25."""
        for number in range(count):
            self.api.enrol(1000 + number)
        for number in range(2000 // count + 1):
            self.work(f"Work {number}")

    def at_call(self, number: int, name: str, *args: Any) -> None:
        """Something of this stage happens before the given call, counted from now."""
        self.api.before[len(self.api.calls) + number] = lambda: getattr(self, name)(*args)

    def revoke(self) -> None:
        """An admin deletes the token."""
        self.api.revoke_token()

    def services_off(self, status: int = 403) -> None:
        """Web services are switched off."""
        self.api.off_status = status

    def services_on(self) -> None:
        """And on again."""
        self.api.off_status = None

    def disable_account(self) -> None:
        """The token's own account is suspended."""
        self.api.service.is_suspended = True

    def enable_account(self) -> None:
        """And free again."""
        self.api.service.is_suspended = False

    def lose(self, function: str = ACTIVITIES) -> None:
        """A function is removed from the token's service."""
        self.api.functions.remove(function)

    def forbid(self, function: str = ACTIVITIES) -> None:
        """The account loses the capability that a function needs."""
        self.api.refused[function] = "nopermissions"

    def maintenance(self, page: str = MAINTENANCE) -> None:
        """The next call is answered with a page."""
        self.api.answer_next(page)

    def notices(self) -> None:
        """A plugin prints notices in front of every answer."""
        self.api.prefix = NOTICE

    # -- what AGS shows beside it -------------------------------------------------------------------------------------

    def line_item(self, title: str, score: str | None = None) -> None:
        """A line item of the tool, with Ann's score; again: another score."""
        known = [one for one in self.platform.columns.values() if one.label == title]
        column = known[0] if known else self.platform.add_line_item(title, {}, maximum=10)
        column.scores[self.subs["ann"]] = None if score is None else Decimal(score)

    def lti_html(self) -> None:
        """The platform's LTI services answer the next call, for the roster, with a page."""
        self.platform.answer_html_next()

    def lti_down(self) -> None:
        """The platform's LTI services fail for a while."""
        self.platform.fail_next(4, status=500)
