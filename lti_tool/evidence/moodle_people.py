"""Who is enrolled in a Moodle course: ids only, whatever their role, left or not.

People whose enrolment is suspended are listed too: having left a course undoes no grade.
"""

from lti_tool.evidence.moodle_client import ENROLLED, MoodleClient
from lti_tool.evidence.moodle_rows import RowError, whole

PAGE = 500
OVERLAP = 10
"""Each page begins so many people before the end of the one before, so that somebody who leaves meanwhile and moves
the others up is noticed."""
_TRIES = 3
_MOST_PAGES = 1000


class MoodlePeople:
    """Lists the people of one course; raises what ``MoodleClient.call`` raises."""

    def __init__(self, client: MoodleClient, course_id: str) -> None:
        self._client, self._course_id = client, course_id

    def ids(self) -> list[int]:
        """Return the ids of everybody enrolled, ascending; the list is begun anew when it moved while it was read."""
        found: set[int] = set()
        for _ in range(_TRIES):
            has_moved = self._list(found)
            if not has_moved:
                break
        return sorted(found)

    def _list(self, found: set[int]) -> bool:
        """Add everybody to ``found``; returns whether there was a gap between two pages."""
        last: int | None = None
        for number in range(_MOST_PAGES):
            page = self._page(number * (PAGE - OVERLAP))
            if last is not None and page and page[0] > last:
                return True
            if not page or (last is not None and page[-1] <= last):
                return False
            found.update(page)
            last = page[-1]
            if len(page) < PAGE:
                return False
        return False

    def _page(self, first: int) -> list[int]:
        options = {"userfields": "id", "sortby": "id", "limitfrom": str(first), "limitnumber": str(PAGE)}
        arguments = {"courseid": self._course_id}
        for number, (name, value) in enumerate(options.items()):
            arguments |= {f"options[{number}][name]": name, f"options[{number}][value]": value}
        body = self._client.call(ENROLLED, arguments)
        if not isinstance(body, list):
            raise self._client.malformed()
        try:
            return sorted(whole(row if isinstance(row, dict) else {}, "id") for row in body)
        except RowError:
            raise self._client.malformed() from None
