"""Who is who in a Canvas course: test students, and members whom the roster could not name by Canvas's own number.

Most people are known from the roster, which Canvas fills with ``$Canvas.user.id``. For who is not, Canvas takes the
``sub`` of LTI in place of a number (``lti_1_3_id:``, vendor document on object ids, read in November 2026): one call a
person, so no more than ``MOST_LOOKUPS`` in a reading, and whom Canvas does not know is not asked for again for a day.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy import select

from lti_tool.db import Database
from lti_tool.errors import ServiceRefusedError
from lti_tool.evidence.base import PersonReading
from lti_tool.evidence.canvas_client import PER_PAGE, SOURCE, CanvasSession, rows_of
from lti_tool.evidence.canvas_rows import MalformedRowError, number_name
from lti_tool.evidence.canvas_scopes import ENROLLMENTS, USER
from lti_tool.models import Context, Membership, MembershipStatus, PlatformIdentity, Registration, User

MOST_LOOKUPS = 100
ASKED_AGAIN = timedelta(days=1)
MOST_REMEMBERED = 10_000


class CanvasPeople:
    """Tells who is who; one per process. Remembers whom Canvas did not know."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unknown: OrderedDict[tuple[int, str], datetime] = OrderedDict()

    def iter_pages(
        self,
        session: CanvasSession,
        registration: Registration,
        context: Context,
        now: datetime,
        malformed: Counter[str],
    ) -> Iterator[list[PersonReading]]:
        """Yield test students, then the strays that Canvas knows."""
        url = session.course_url("/enrollments", type=["StudentViewEnrollment"], per_page=PER_PAGE)
        for page in session.iter_pages(url, ENROLLMENTS):
            found = []
            for row in rows_of(page.body):
                try:
                    found.append(PersonReading(number_name(row, "user_id"), None, is_test_user=True))
                except MalformedRowError:
                    malformed["person"] += 1
            yield found
        strays = []
        for platform_user_id in self._strays(registration, context, now):
            person = self._look_up(session, registration.id, platform_user_id, now)
            if person is not None:
                strays.append(person)
        yield strays

    def _strays(self, registration: Registration, context: Context, now: datetime) -> list[str]:
        """Learners of the roster whose number is not known and was not asked for lately."""
        known = select(PlatformIdentity.user_id).where(PlatformIdentity.source == SOURCE)
        wanted = (
            select(User.platform_user_id)
            .join(Membership, Membership.user_id == User.id)
            .where(
                Membership.context_id == context.id,
                Membership.status == MembershipStatus.ACTIVE,
                Membership.is_learner,
                ~Membership.is_test_user,
                User.id.not_in(known),
            )
            .order_by(User.id)
        )
        with self._database.read() as session:
            found = [one for one in session.scalars(wanted) if not self._was_unknown((registration.id, one), now)]
        return found[:MOST_LOOKUPS]

    def _was_unknown(self, key: tuple[int, str], now: datetime) -> bool:
        asked = self._unknown.get(key)
        return asked is not None and asked + ASKED_AGAIN > now

    def _look_up(
        self, session: CanvasSession, registration_id: int, platform_user_id: str, now: datetime
    ) -> PersonReading | None:
        url = session.url(f"/users/lti_1_3_id:{quote(platform_user_id, safe='')}")
        try:
            body = session.get(url, USER).body
            if isinstance(body, dict):
                return PersonReading(number_name(body, "id"), platform_user_id)
        except ServiceRefusedError as error:
            if error.code != "platform_not_found":
                raise
        except MalformedRowError:
            pass
        self._unknown[registration_id, platform_user_id] = now
        if len(self._unknown) > MOST_REMEMBERED:
            self._unknown.popitem(last=False)
        return None
