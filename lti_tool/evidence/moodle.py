"""Evidence from Moodle's own gradebook and completion, over its web services and a token an admin made there.

Moodle offers neither changes since a moment nor pages of grades: it answers for one person or for the whole course.
A small course is read in one answer, a large one person by person, in the order of their ids, so that a reading that
was broken off goes on after the last of them. People are named by the id that is their ``sub`` in LTI (captured,
Moodle 4.5), so nobody has to be matched.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from lti_tool.domain.evidence import EvidenceState
from lti_tool.errors import GrantError
from lti_tool.evidence.base import (
    Capability,
    ClauseKind,
    ColumnReading,
    EvidencePage,
    EvidenceStream,
    PersonReading,
)
from lti_tool.evidence.canvas_oauth import Calls
from lti_tool.evidence.grants import GRANT_MISSING, GRANT_NARROWED, GRANT_REFUSED, Access
from lti_tool.evidence.moodle_client import (
    ACTIVITIES,
    CONTENTS,
    COURSE_COMPLETION,
    OPTIONAL,
    REQUIRED,
    MoodleClient,
    MoodleSite,
)
from lti_tool.evidence.moodle_course import ACTIVITY_STREAM, COURSE_STREAM, GRADE_STREAM, MoodleCourse
from lti_tool.models import ColumnKind, Context, Registration
from lti_tool.outbound import Answer

WHOLE_COURSE_CELLS = 2000
"""People times columns up to which the whole course is asked at once.

Captured (Moodle 4.5): 24 people and 8 columns take 0.3 s and about 1 kB each, so this many take some 3 s and 2 MB; a
server ten times slower still begins to answer before a call is given up (30 s).
"""
PEOPLE_A_PAGE = 25
FUNCTIONS_MISSING = "moodle_functions_missing"
_MOST_PROBES = 10


class Leave(Protocol):
    """The part of ``lti_tool.evidence.grants.Grants`` that this source uses; scopes are names of functions."""

    def access(self, context: Context, source: str) -> Access | None: ...
    def needs(self, context: Context, source: str) -> tuple[str, ...]: ...
    def scopes(self, context: Context, source: str) -> frozenset[str] | None: ...
    def refused(self, grant_id: int, error_code: str, *, token: str | None = None, lost: str | None = None) -> bool: ...


class MoodleSource:
    """The evidence source ``moodle``; keys are ``item:ID``, ``module:CMID`` and ``course_completion``."""

    name = "moodle"

    def __init__(self, calls: Calls, leave: Leave) -> None:
        self._calls, self._leave = calls, leave

    def capability(self, context: Context) -> Capability:
        """Every column of the gradebook; completion where the token's service has the functions for it.

        ``needs``: as ``Grants.needs`` says, or ``moodle_functions_missing``.
        """
        needs = self._leave.needs(context, self.name)
        granted = self._leave.scopes(context, self.name)
        if not needs and granted is not None and not granted.issuperset(REQUIRED):
            needs = (FUNCTIONS_MISSING,)
        completes = tells_completion(granted)
        seen = {EvidenceState.GRADED, EvidenceState.UNGRADED, EvidenceState.HIDDEN}
        kinds = {ColumnKind.LINE_ITEM, ColumnKind.OUTCOME, ColumnKind.COURSE_TOTAL}
        return Capability(
            source=self.name,
            needs=needs,
            decides=decided_with(granted),
            unseen=frozenset(EvidenceState) - seen - ({EvidenceState.COMPLETED} if completes else set()),
            own_columns_only=False,
            column_kinds=frozenset(kinds | ({ColumnKind.MODULE} if completes else set())),
        )

    # -- columns ------------------------------------------------------------------------------------------------------

    def iter_columns(
        self,
        registration: Registration,
        context: Context,
        *,
        malformed: Counter[str],
    ) -> Iterator[list[ColumnReading]]:
        """Yield the grade items, then the activities that can be completed, then the course if it can be."""
        access, client = self._client(registration, context)
        course = MoodleCourse(client, context, malformed)
        with self._noted(access):
            site = _sufficient(client.site(), access)
            listed = course.grade_columns(site.user_id)
        yield listed
        position = len(listed)
        if {CONTENTS, ACTIVITIES} <= site.functions:
            with self._noted(access):
                listed = course.activity_columns(position)
            yield listed
            position += len(listed)
        if COURSE_COMPLETION in site.functions:
            with self._noted(access):
                listed = course.course_columns(position, probes=_MOST_PROBES)
            yield listed

    def iter_people(
        self,
        registration: Registration,  # noqa: ARG002
        context: Context,  # noqa: ARG002
        *,
        malformed: Counter[str],  # noqa: ARG002
    ) -> Iterator[list[PersonReading]]:
        """Yield nobody: Moodle's own ids are the ``sub`` of LTI."""
        yield from ()

    # -- observations -------------------------------------------------------------------------------------------------

    def streams(self, context: Context, columns: Sequence[ColumnReading]) -> tuple[EvidenceStream, ...]:  # noqa: ARG002
        """One for grades, one for activities, one for the course; only those that have columns."""
        keys: dict[str, list[str]] = {GRADE_STREAM: [], ACTIVITY_STREAM: [], COURSE_STREAM: []}
        for column in columns:
            kind = column.external_key.partition(":")[0]
            keys[{"item": GRADE_STREAM, "module": ACTIVITY_STREAM}.get(kind, COURSE_STREAM)].append(column.external_key)
        return tuple(EvidenceStream(key, tuple(found)) for key, found in keys.items() if found)

    def iter_pages(
        self,
        registration: Registration,
        context: Context,
        stream: EvidenceStream,
        *,
        since: datetime | None,  # noqa: ARG002 - it cannot be asked for changes
        place: str | None,
        malformed: Counter[str],
    ) -> Iterator[EvidencePage]:
        """Yield pages of 25 people, ``place`` being the id of the last; a small course's grades as one page."""
        access, client = self._client(registration, context)
        course = MoodleCourse(client, context, malformed)
        with self._noted(access):
            people = course.people()
        if stream.key == GRADE_STREAM and place is None and len(people) * len(stream.column_keys) <= WHOLE_COURSE_CELLS:
            with self._noted(access):
                everybody = course.grades_at_once(stream, people)
            yield EvidencePage(tuple(everybody))
            return
        people = [person for person in people if place is None or person > int(place)]
        for first in range(0, len(people), PEOPLE_A_PAGE):
            asked = people[first : first + PEOPLE_A_PAGE]
            with self._noted(access):
                found = [one for person in asked for one in course.readings(stream, person)]
            is_last = first + PEOPLE_A_PAGE >= len(people)
            yield EvidencePage(tuple(found), None if is_last else str(asked[-1]))

    # -- leave to read ------------------------------------------------------------------------------------------------

    def _client(self, registration: Registration, context: Context) -> tuple[Access, MoodleClient]:
        access = self._leave.access(context, self.name)
        if access is None:
            needs = self._leave.needs(context, self.name)
            raise GrantError("Moodle's web services cannot be read.", code=needs[0] if needs else GRANT_MISSING)

        def send(url: str, form: Callable[[], Mapping[str, str]]) -> Answer:
            return self._calls(registration.id, "POST", url, form=form)

        return access, MoodleClient(send, access.address, access.token)

    @contextmanager
    def _noted(self, access: Access) -> Iterator[None]:
        """Have the grant marked when Moodle no longer knows the token, or its service can do less than it could.

        A service that is switched off, or an account that is suspended, may come back as it was: then the grant stays.
        """
        try:
            yield
        except GrantError as error:
            if error.code in {GRANT_REFUSED, GRANT_NARROWED}:
                self._leave.refused(access.grant_id, error.code, token=access.token)
            raise


def tells_completion(functions: frozenset[str] | None) -> bool:
    """Whether a token with these functions can tell who completed an activity or the course; ``None``: nobody said."""
    return functions is None or COURSE_COMPLETION in functions or functions.issuperset({CONTENTS, ACTIVITIES})


def decided_with(functions: frozenset[str] | None) -> frozenset[ClauseKind]:
    """Return the kinds of clause that a token with these functions can decide."""
    kinds = {ClauseKind.PERCENT, ClauseKind.POINTS, ClauseKind.LETTER}
    return frozenset(kinds | ({ClauseKind.COMPLETED} if tells_completion(functions) else set()))


def _sufficient(site: MoodleSite, access: Access) -> MoodleSite:
    """The site, if the token can do what it could when it was granted, and enough."""
    lost = (access.scopes or frozenset()) & ({*REQUIRED, *OPTIONAL} - site.functions)
    if lost:
        raise GrantError(f"The Moodle service lost {', '.join(sorted(lost))}.", code=GRANT_NARROWED)
    if site.missing:
        raise GrantError(f"The Moodle service lacks {', '.join(site.missing)}.", code=FUNCTIONS_MISSING)
    return site
