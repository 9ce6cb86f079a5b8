"""Evidence stages with line items and results (AGS 2.0): to the letter, with dates as Moodle has, in Canvas's ways."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from evidence_stage import Stage
from platforms.names import TEST_USER
from platforms.quirks import CANVAS, MOODLE, STANDARD
from platforms.reading import Reading
from werkzeug.wrappers import Response

HTML = "<!doctype html><title>Log in</title>"


class AgsStage(Stage):
    """Line items and results by the letter of AGS 2.0."""

    quirks = STANDARD

    def __init__(self, world: Reading) -> None:
        super().__init__(world)
        self._hidden: dict[str, Any] = {}
        self.join("ben")

    def join(self, person: str, **more: Any) -> None:
        """Somebody enrols."""
        self.subs[person] = f"u-{person}"
        self.platform.add_member(self.subs[person], person.title(), None, **more)

    def join_as_test_student(self, person: str) -> None:
        """The platform's student view."""
        self.join(person, roles=("Learner", TEST_USER))

    def work(self, title: str = "Essay", maximum: float = 100) -> None:
        """Add a line item."""
        self.platform.add_line_item(title, {}, maximum=maximum)

    def _column(self, title: str) -> Any:
        (column,) = (one for one in self.platform.columns.values() if one.label == title)
        return column

    def grade(self, person: str, score: str | None, title: str = "Essay") -> None:
        """A result; ``None`` is one without a score."""
        self._column(title).scores[self.subs[person]] = None if score is None else Decimal(score)

    def ungrade(self, person: str, title: str = "Essay") -> None:
        """The result vanishes."""
        del self._column(title).scores[self.subs[person]]

    def maximum(self, maximum: str, title: str = "Essay") -> None:
        """The line item's maximum changes, and its results are told by the new one."""
        self._column(title).maximum = Decimal(maximum)

    def delete(self, title: str = "Essay") -> None:
        """The line item is deleted."""
        column = self._column(title)
        self._hidden[title] = self.platform.columns.pop(column.number)

    def restore(self, title: str = "Essay") -> None:
        """The line item is there again, with the same address."""
        column = self._hidden.pop(title)
        self.platform.columns[column.number] = column

    def garble(self, person: str, title: str = "Essay") -> None:
        """A result that cannot be read takes the place of somebody's."""
        self.ungrade(person, title)
        self._column(title).raw_results = [{"userId": self.subs[person], "resultScore": "excellent"}]

    def null_score(self, person: str, title: str = "Essay") -> None:
        """A result whose score is ``null``."""
        result = {"userId": self.subs[person], "resultScore": None, "resultMaximum": 100}
        self._column(title).raw_results = [result]

    def crowd(self, count: int, title: str = "Essay") -> None:
        """Many others are graded, so that results come in pages (of three)."""
        for number in range(count):
            self.join(f"c{number}")
            self.grade(f"c{number}", str(number), title)

    def at_results(self, number: int, happening: Callable[[], Any]) -> None:
        """Something happens right before the platform answers the given call for results; it may answer itself."""
        answer = self.platform._results
        asked = iter(range(1, 1000))

        def results(*args: Any, **named: Any) -> Any:
            if next(asked) == number:
                instead = happening()
                if isinstance(instead, Response):
                    return instead
            return answer(*args, **named)

        self.platform._results = results

    def html_at_results(self, number: int) -> None:
        """A login page comes instead of results."""
        self.at_results(number, lambda: Response(HTML, mimetype="text/html"))

    def token_dies_at_results(self, number: int) -> None:
        """Every token ends."""
        self.at_results(number, self.platform.tokens.clear)

    def ungraded_at_results(self, person: str, number: int) -> None:
        """Somebody's result vanishes while pages are read, so that the rest moves up."""
        self.at_results(number, lambda: self.ungrade(person))

    def pages_repeat(self) -> None:
        """Every page has a next one."""
        self.platform.endless_pages = True

    def throttled(self, calls: int = 4) -> None:
        """The platform asks to slow down."""
        self.platform.throttle_next(calls)

    def scope_taken_away(self) -> None:
        """An admin no longer lets the tool read results."""
        self.platform.granted_scopes = {one for one in self.platform.granted_scopes if "result" not in one}
        self.platform.tokens.clear()


class DatedAgsStage(AgsStage):
    """The same where results are dated (captured: Moodle 4.5)."""

    quirks = MOODLE

    def __init__(self, world: Reading) -> None:
        super().__init__(world)
        self.dates: dict[str, str] = {}
        document = self.platform._result_document
        self.platform._result_document = lambda column, user, score: (
            document(column, user, score) | ({"timestamp": self.dates[user]} if user in self.dates else {})
        )

    def join(self, person: str, **more: Any) -> None:
        """Somebody enrols."""
        self.subs[person] = str(100 + len(self.subs))
        self.platform.add_member(self.subs[person], person.title(), None, **more)

    def graded_at(self, person: str, score: str, moment: str) -> None:
        """A result with its date."""
        self.grade(person, score)
        self.dates[self.subs[person]] = moment


class CanvasAgsStage(AgsStage):
    """The same with Canvas's ways (pages of ten, bookmarks, 403 for throttling)."""

    quirks = CANVAS
