"""The Moodle evidence source: what it lists, what it says of whom, and what becomes of a token that ends."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from platforms.moodle_api import (
    ACTIVITIES,
    CONTENTS,
    COURSE_COMPLETION,
    ENROLLED,
    FUNCTIONS,
    GRADES,
    MAINTENANCE,
    NOTICE,
    SITE_INFO,
    MoodleApi,
)

from lti_tool.domain.evidence import EvidenceState
from lti_tool.errors import GrantError, OutboundError, PlatformServiceError, ServiceRefusedError
from lti_tool.evidence.base import ClauseKind, ColumnReading, EvidencePage, EvidenceSource, ObservationReading
from lti_tool.evidence.grants import Access
from lti_tool.evidence.moodle import PEOPLE_A_PAGE, WHOLE_COURSE_CELLS, MoodleSource
from lti_tool.evidence.moodle_client import check
from lti_tool.models import ColumnKind, Context, Registration
from lti_tool.outbound import Answer, HttpClient

HTTP = HttpClient(timeout=(2.0, 5.0), allowed_private_hosts=("127.0.0.1",))
REGISTRATION = Registration(id=7)
NOON = int(datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp())


def calls(
    registration_id: int,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    form: Callable[[], Mapping[str, str]] | None = None,
) -> Answer:
    """Send a request at once, without patience."""
    assert registration_id == REGISTRATION.id
    assert form is not None
    return HTTP.request(method, url, headers=headers, data=form())


@dataclass
class Leave:
    """A grant that a test changes; ``marks`` are the reasons it was marked with."""

    api: MoodleApi
    functions: frozenset[str] | None = frozenset(FUNCTIONS)
    missing: tuple[str, ...] = ()
    marks: list[str] = field(default_factory=list)

    def access(self, context: Context, source: str) -> Access | None:
        assert (context.platform_id, source) == ("2", "moodle")
        if self.missing:
            return None
        return Access(1, 5, self.api.base_url, "5ec0ffee" * 4, self.functions, "institution", "ws")

    def needs(self, context: Context, source: str) -> tuple[str, ...]:
        assert (context.platform_id, source) == ("2", "moodle")
        return self.missing

    def scopes(self, context: Context, source: str) -> frozenset[str] | None:
        assert (context.platform_id, source) == ("2", "moodle")
        return self.functions

    def refused(self, grant_id: int, error_code: str, *, token: str | None = None, lost: str | None = None) -> bool:
        assert (grant_id, token, lost) == (5, "5ec0ffee" * 4, None)
        self.marks.append(error_code)
        return True


@dataclass
class World:
    """A site and the source that reads course 2 of it."""

    api: MoodleApi
    leave: Leave
    context: Context = field(default_factory=lambda: Context(platform_id="2"))
    malformed: Counter[str] = field(default_factory=Counter)

    @property
    def source(self) -> EvidenceSource:
        """The source under test, as the protocol."""
        return MoodleSource(calls, self.leave)

    def columns(self) -> list[ColumnReading]:
        """Every column."""
        pages = self.source.iter_columns(REGISTRATION, self.context, malformed=self.malformed)
        return [column for page in pages for column in page]

    def pages(self, stream_key: str = "grades", place: str | None = None) -> Iterator[EvidencePage]:
        """The pages of one stream."""
        (stream,) = (one for one in self.source.streams(self.context, self.columns()) if one.key == stream_key)
        return self.source.iter_pages(
            REGISTRATION, self.context, stream, since=None, place=place, malformed=self.malformed
        )

    def said(self, stream_key: str = "grades") -> dict[tuple[str, str], ObservationReading]:
        """What is said, by column and person; nothing twice."""
        found = [(key, one) for page in self.pages(stream_key) for key, one in page.observations]
        told = {(key, str(one.platform_user_id)): one for key, one in found}
        assert len(told) == len(found)
        return told

    def one(self, key: str = "item:11", user_id: int = 4) -> ObservationReading:
        """What is said of one person in one column."""
        return self.said({"item": "grades", "module": "activities"}.get(key.split(":")[0], "course"))[key, str(user_id)]


@pytest.fixture
def world() -> Iterator[World]:
    """A course with one teacher, one learner and one assignment."""
    with MoodleApi() as api:
        api.enrol(3, is_learner=False)
        api.enrol(4)
        api.add_item(11)
        yield World(api, Leave(api))
        assert api.leaks == []


# -- columns ----------------------------------------------------------------------------------------------------------


def test_columns_are_grade_items_activities_and_the_course(world: World) -> None:
    world.api.add_item(12, name=None, itemtype="course", module=None)
    world.api.add_item(13, name=None, itemtype="category", module=None, instance=8)
    world.api.add_item(14, name="Teamwork", outcome_id=3, scale=("Not yet", "Competent"))
    world.api.add_module(31, "Read &amp; watch")
    world.api.add_module(32, "Forum", tracking=0)
    world.api.courses[2].has_criteria = True
    found = [(one.external_key, one.title, one.kind, one.maximum, one.position) for one in world.columns()]
    assert found == [
        ("item:11", "Essay", ColumnKind.LINE_ITEM, Decimal(100), 0),
        ("item:12", "Course total", ColumnKind.COURSE_TOTAL, Decimal(100), 1),
        ("item:13", "Category total 8", ColumnKind.LINE_ITEM, Decimal(100), 2),
        ("item:14", "Teamwork", ColumnKind.OUTCOME, None, 3),
        ("module:31", "Read & watch", ColumnKind.MODULE, None, 4),
        ("course_completion", "Course completion", ColumnKind.MODULE, None, 5),
    ]
    assert world.malformed == {}


def test_an_external_tools_item_tells_the_ids_that_lti_tells(world: World) -> None:
    """Captured (Moodle 4.5): the id_token named lineitems/6/lineitem?type_id=1 and resource link 1."""
    world.context.line_items_url = "http://moodle.example/mod/lti/services.php/2/lineitems?type_id=1"
    world.api.add_item(6, name="DL badge activity", module="lti", instance=1)
    columns = {one.external_key: one.lti_ids for one in world.columns()}
    address = "http://moodle.example/mod/lti/services.php/2/lineitems/{}/lineitem?type_id=1"
    assert columns == {"item:11": (address.format(11),), "item:6": (address.format(6), "1")}


def test_items_that_only_some_may_see_are_columns(world: World) -> None:
    world.api.add_item(12, only_for=frozenset({99}))
    assert [one.external_key for one in world.columns()] == ["item:11", "item:12"]


def test_a_course_without_conditions_of_completion_has_no_such_column(world: World) -> None:
    assert [one.external_key for one in world.columns()] == ["item:11"]
    assert world.api.counts[COURSE_COMPLETION] == 2, "the teacher's answer does not tell"


def test_a_malformed_item_is_left_out_and_counted(world: World) -> None:
    world.api.add_item(12, name="Broken")
    world.api.courses[2].items[12].item_id = None  # type: ignore[assignment]
    assert [one.external_key for one in world.columns()] == ["item:11"]
    assert world.malformed == {"grade_item": 1}


# -- grades -----------------------------------------------------------------------------------------------------------


def test_a_grade_comes_with_score_maximum_and_dates(world: World) -> None:
    world.api.grade(11, 4, 69.5, submitted=NOON, graded=NOON + 3600)
    assert world.one() == ObservationReading(
        "4",
        EvidenceState.GRADED,
        Decimal("69.5"),
        Decimal(100),
        submitted_at=datetime(2026, 11, 2, 12, tzinfo=UTC),
        graded_at=datetime(2026, 11, 2, 13, tzinfo=UTC),
    )


def test_no_grade_is_ungraded_even_where_something_was_handed_in(world: World) -> None:
    """Vendor code: an assignment's draft sets the date of submission, too, so it proves nothing."""
    world.api.grade(11, 4, None, submitted=NOON)
    assert world.one() == ObservationReading("4", EvidenceState.UNGRADED, maximum=Decimal(100))


@pytest.mark.parametrize("value", [0.0, -3.0, 150.0, 33.33333])
def test_scores_are_taken_as_they_are(world: World, value: float) -> None:
    world.api.grade(11, 4, value)
    assert (world.one().state, world.one().score) == (EvidenceState.GRADED, Decimal(str(value)))


@pytest.mark.parametrize("sees_hidden", [True, False])
@pytest.mark.parametrize("what", ["item", "grade"])
def test_a_hidden_grade_is_hidden_and_its_score_stays_there(world: World, what: str, sees_hidden: bool) -> None:
    world.api.sees_hidden = sees_hidden
    world.api.grade(11, 4, 90.0, is_hidden=what == "grade")
    world.api.courses[2].items[11].is_hidden = what == "item"
    assert world.one() == ObservationReading("4", EvidenceState.HIDDEN)


def test_work_that_is_not_for_somebody_is_withheld_from_them_only(world: World) -> None:
    world.api.enrol(5)
    world.api.add_item(12, only_for=frozenset({5}))
    for person in (4, 5):
        world.api.grade(12, person, 80.0)
    assert world.one("item:12", 4).state is EvidenceState.HIDDEN
    assert world.one("item:12", 5).score == Decimal(80)


def test_excluded_work_is_excused_where_moodle_says_so(world: World) -> None:
    world.api.grade(11, 4, 20.0, status="excluded")
    assert world.one() == ObservationReading("4", EvidenceState.EXCUSED)
    world.api.grade(11, 4, 20.0, status="dropped")
    assert world.one().score == Decimal(20), "the lowest grades are dropped, too"


def test_a_grade_that_moodle_cannot_reckon_is_ungraded(world: World) -> None:
    world.api.grade(11, 4, 20.0, needs_update=True)
    assert world.one().state is EvidenceState.UNGRADED


def test_a_scale_is_a_letter_without_points(world: World) -> None:
    world.api.add_item(12, scale=("Not yet", "Competent", "Excellent"))
    world.api.grade(12, 4, 2.0)
    assert world.one("item:12") == ObservationReading("4", EvidenceState.GRADED, letter="Competent")


def test_a_scale_of_figures_has_no_percent(world: World) -> None:
    world.api.add_item(12, scale=("1", "2", "3"))
    world.api.grade(12, 4, 2.0)
    assert (world.one("item:12").score, world.one("item:12").maximum) == (Decimal(2), None)


@pytest.mark.parametrize("minimum", [1.0, -10.0])
def test_a_minimum_that_is_not_zero_leaves_percent_unknown(world: World, minimum: float) -> None:
    """4 of 1 to 6 is 60 % in Moodle and would be 66.7 % as score of maximum."""
    world.api.add_item(12, minimum=minimum, maximum=6.0)
    world.api.grade(12, 4, 4.0)
    assert (world.one("item:12").score, world.one("item:12").maximum) == (Decimal(4), None)


def test_a_maximum_of_zero_is_kept(world: World) -> None:
    world.api.add_item(12, maximum=0.0)
    world.api.grade(12, 4, 4.0)
    assert world.one("item:12").maximum == Decimal(0)


def test_a_total_has_the_maximum_that_holds_for_the_person(world: World) -> None:
    world.api.add_item(12, name=None, itemtype="course", module=None, maximum=200.0)
    world.api.grade(12, 4, 45.0, maximum=50.0)
    assert (world.one("item:12").score, world.one("item:12").maximum) == (Decimal(45), Decimal(50))


def test_without_ranges_in_the_report_points_are_known_and_percent_is_not(world: World) -> None:
    world.api.shows_range = False
    world.api.grade(11, 4, 45.0)
    assert (world.one().score, world.one().maximum) == (Decimal(45), None)


@pytest.mark.parametrize(
    ("display", "letter"), [("real", None), ("percentage", None), ("letter", "B+"), ("letter_real", "B+")]
)
@pytest.mark.parametrize("decimal_point", [".", ","])
def test_the_letter_is_taken_from_what_is_shown(
    world: World, display: str, letter: str | None, decimal_point: str
) -> None:
    world.api.add_item(12, display=display, decimal_point=decimal_point, maximum=99.5)
    world.api.grade(12, 4, 87.5)
    assert (world.one("item:12").letter, world.one("item:12").score) == (letter, Decimal("87.5"))


def test_feedback_and_names_are_not_taken_over(world: World) -> None:
    world.api.grade(11, 4, 45.0)
    assert "secret" not in repr(list(world.pages()))
    assert "Person" not in repr(list(world.pages()))


# -- completion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "expected"), [(0, "ungraded"), (1, "completed"), (2, "completed"), (3, "ungraded")])
def test_complete_and_passed_are_completed(world: World, state: int, expected: str) -> None:
    world.api.add_module(31, "Quiz")
    world.api.courses[2].completions[31, 4] = (state, NOON)
    moment = datetime(2026, 11, 2, 12, tzinfo=UTC) if expected == "completed" else None
    assert world.one("module:31") == ObservationReading("4", EvidenceState(expected), graded_at=moment)
    assert world.said("activities").keys() == {("module:31", "4")}, "a teacher's completion is not tracked"


def test_the_course_is_completed_when_moodle_says_so(world: World) -> None:
    world.api.courses[2].has_criteria = True
    assert world.one("course_completion").state is EvidenceState.UNGRADED
    world.api.courses[2].completed[4] = NOON
    expected = ObservationReading("4", EvidenceState.COMPLETED, graded_at=datetime(2026, 11, 2, 12, tzinfo=UTC))
    assert world.one("course_completion") == expected


# -- who is read, and in how many calls -------------------------------------------------------------------------------


def test_a_small_course_is_one_answer_and_those_it_leaves_out(world: World) -> None:
    for person in (5, 6, 7):
        world.api.enrol(person, has_left=person == 7)
        world.api.grade(11, person, float(person))
    world.api.group = {4, 5}
    scores = {person: one.score for (_, person), one in world.said().items()}
    assert scores == {"3": None, "4": None, "5": Decimal(5), "6": Decimal(6), "7": Decimal(7)}
    asked = [form["userid"] for form in world.api.calls if form["wsfunction"] == GRADES]
    assert asked == ["2", "0", "3", "6", "7"], "first the token's own account, for the columns"


def large(world: World, people: int) -> None:
    """Give the course more cells than are read at once."""
    columns = WHOLE_COURSE_CELLS // people + 1
    for number in range(columns):
        world.api.add_item(100 + number, name=f"Work {number}")
    for person in range(1000, 1000 + people):
        world.api.enrol(person)


def test_a_large_course_is_read_person_by_person_and_goes_on_after_the_last(world: World) -> None:
    large(world, 60)
    world.api.grade(100, 1059, 7.0)
    pages = list(world.pages())
    people = [{one.platform_user_id for _, one in page.observations} for page in pages]
    assert [len(one) for one in people] == [25, 25, 12]
    assert [page.place for page in pages] == ["1022", "1047", None]
    assert PEOPLE_A_PAGE == 25
    again = list(world.pages(place="1022"))
    assert again == pages[1:]


def test_calls_are_as_few_as_the_documentation_says(world: World) -> None:
    world.api.add_module(31, "Quiz")
    world.api.courses[2].has_criteria = True
    world.columns()
    assert world.api.counts == {SITE_INFO: 1, GRADES: 1, CONTENTS: 1, ENROLLED: 1, COURSE_COMPLETION: 2}
    for stream, expected in (
        ("grades", {ENROLLED: 1, GRADES: 2}),  # everybody at once, then the teacher
        ("activities", {ENROLLED: 1, ACTIVITIES: 2}),
        ("course", {ENROLLED: 1, COURSE_COMPLETION: 2}),
    ):
        pages = world.pages(stream)
        world.api.counts.clear()
        assert len(list(pages)) == 1
        assert world.api.counts == expected


def test_somebody_who_enrols_meanwhile_moves_nobody_out_of_the_reading(world: World) -> None:
    large(world, 60)
    first = next(world.pages())
    world.api.enrol(900)
    rest = [one.platform_user_id for page in world.pages(place=first.place) for _, one in page.observations]
    assert {*rest} == {str(person) for person in range(1023, 1060)}


def test_people_are_listed_in_pages_and_again_when_many_left_between_them(world: World) -> None:
    for person in range(1000, 2100):
        world.api.enrol(person)
    pages = world.pages()
    world.api.counts.clear()

    def leave() -> None:
        for person in range(1000, 1020):
            del world.api.courses[2].people[person]

    world.api.before[len(world.api.calls) + 2] = leave
    found = {one.platform_user_id for page in pages for _, one in page.observations}
    assert found == {str(person) for person in [3, 4, *range(1020, 2100)]}
    assert world.api.counts[ENROLLED] == 2 + 3


def test_a_site_that_ignores_limits_is_read_once(world: World) -> None:
    world.api.ignores_limits = True
    for person in range(1000, 1600):
        world.api.enrol(person)
    world.columns()
    assert world.api.counts[ENROLLED] == 2


@pytest.mark.parametrize("stream", ["grades", "activities", "course"])
def test_who_is_gone_or_suspended_is_passed_over(world: World, stream: str) -> None:
    world.api.add_module(31, "Quiz")
    world.api.courses[2].has_criteria = True
    large(world, 60)
    world.api.courses[2].people[1001].is_suspended = True
    found = {one.platform_user_id for page in world.pages(stream) for _, one in page.observations}
    assert "1000" in found
    assert "1001" not in found


# -- answers that are none --------------------------------------------------------------------------------------------


def failure(world: World) -> OutboundError:
    """What reading the columns ends in."""
    with pytest.raises(OutboundError) as caught:
        world.columns()
    assert "5ec0ffee" not in str(caught.value)
    assert "secret detail" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("status", [200, 403])
def test_services_that_are_switched_off_are_named_and_the_grant_stays(world: World, status: int) -> None:
    world.api.off_status = status
    error = failure(world)
    assert (error.code, error.retryable, world.leave.marks) == ("moodle_services_off", False, [])


@pytest.mark.parametrize("what", ["service", "account"])
def test_a_disabled_service_or_account_is_refused_access_and_the_grant_stays(world: World, what: str) -> None:
    world.api.is_service_disabled = what == "service"
    world.api.service.is_suspended = what == "account"
    error = failure(world)
    assert (error.code, world.leave.marks) == ("moodle_access_refused", [])


def test_a_deleted_token_marks_the_grant(world: World) -> None:
    world.api.revoke_token()
    error = failure(world)
    assert isinstance(error, GrantError)
    assert (error.code, world.leave.marks) == ("grant_refused", ["grant_refused"])


def test_a_token_that_dies_between_two_people_marks_the_grant(world: World) -> None:
    large(world, 60)
    pages = world.pages()
    next(pages)
    world.api.before[len(world.api.calls) + 5] = world.api.revoke_token
    with pytest.raises(GrantError, match="invalidtoken"):
        next(pages)
    assert world.leave.marks == ["grant_refused"]


@pytest.mark.parametrize("lost", FUNCTIONS[1:])
def test_a_service_that_lost_a_function_marks_the_grant(world: World, lost: str) -> None:
    world.api.functions.remove(lost)
    error = failure(world)
    assert (error.code, world.leave.marks) == ("grant_narrowed", ["grant_narrowed"])


def test_a_function_lost_while_it_is_read_is_told_from_a_dead_token(world: World) -> None:
    pages = world.pages()
    world.api.before[len(world.api.calls) + 2] = lambda: world.api.functions.remove(GRADES)
    with pytest.raises(GrantError) as caught:
        list(pages)
    assert (caught.value.code, world.leave.marks) == ("grant_narrowed", ["grant_narrowed"])


def test_a_service_disabled_while_it_is_read_is_told_from_a_lost_function(world: World) -> None:
    pages = world.pages()

    def disable() -> None:
        world.api.is_service_disabled = True

    world.api.before[len(world.api.calls) + 2] = disable
    with pytest.raises(GrantError) as caught:
        list(pages)
    assert (caught.value.code, world.leave.marks) == ("moodle_access_refused", [])


def test_functions_that_were_never_granted_leave_their_columns_out(world: World) -> None:
    world.api.add_module(31, "Quiz")
    world.api.courses[2].has_criteria = True
    world.api.functions = [name for name in FUNCTIONS if name not in {ACTIVITIES, COURSE_COMPLETION}]
    world.leave.functions = frozenset(world.api.functions)
    assert [one.external_key for one in world.columns()] == ["item:11"]


@pytest.mark.parametrize(
    ("errorcode", "code"),
    [
        ("usernotfullysetup", "moodle_account_unfinished"),
        ("sitepolicynotagreed", "moodle_account_unfinished"),
        ("nopermissions", "grant_not_allowed"),
        ("errorcoursecontextnotvalid", "grant_not_allowed"),
        ("invalidrecord", "platform_not_found"),
        ("somethingelse", "grant_refused"),
    ],
)
def test_moodles_errors_have_codes_of_ours(world: World, errorcode: str, code: str) -> None:
    world.api.refused_courses[2] = errorcode
    error = failure(world)
    assert error.code == code if errorcode != "somethingelse" else error.code == "platform_refused"
    assert errorcode in str(error)
    assert world.leave.marks == []


def test_completion_that_the_account_may_not_see_keeps_no_grade_from_being_read(world: World) -> None:
    """The engine takes a ``GrantError`` for the end of the source, and any other refusal for that of a stream."""
    world.api.add_module(31, "Quiz")
    world.api.refused = {ACTIVITIES: "nopermissions", COURSE_COMPLETION: "nopermissions"}
    assert [one.external_key for one in world.columns()] == ["item:11", "module:31"]
    with pytest.raises(ServiceRefusedError) as caught:
        world.said("activities")
    assert caught.value.code == "grant_not_allowed"
    assert not isinstance(caught.value, GrantError)


def test_maintenance_is_waited_out(world: World) -> None:
    world.api.answer_next('{"exception":"moodle_exception","errorcode":"sitemaintenance","message":"x"}')
    error = failure(world)
    assert (error.code, error.retryable) == (PlatformServiceError.code, True)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (MAINTENANCE, 200, "platform_answer_malformed"),
        ("null", 200, "platform_answer_malformed"),
        ('{"usergrades": ', 200, "platform_answer_malformed"),
        ("", 302, "platform_answer_malformed"),
        ("secret detail", 404, "platform_not_found"),
        ("secret detail", 403, "platform_refused"),
        (MAINTENANCE, 503, "platform_unavailable"),
        ("secret detail", 429, "platform_throttled"),
    ],
)
def test_what_is_no_answer_of_moodles_is_an_error(world: World, body: str, status: int, code: str) -> None:
    world.api.answer_next(body, status)
    assert failure(world).code == code
    assert world.leave.marks == []


@pytest.mark.parametrize("body", ["[]", "{}", '{"usergrades": 7}', "7"])
def test_an_answer_of_another_shape_is_an_error(world: World, body: str) -> None:
    world.api.before[2] = lambda: world.api.answer_next(body)
    assert failure(world).code == "platform_answer_malformed"


def test_notices_in_front_of_an_answer_are_skipped(world: World) -> None:
    world.api.prefix = NOTICE
    world.api.grade(11, 4, 45.0)
    assert world.one().score == Decimal(45)


@pytest.mark.parametrize("platform_id", ["aquaponics", "", "-1"])
def test_a_course_that_moodle_did_not_number_is_not_asked_for(world: World, platform_id: str) -> None:
    course = Context(platform_id=platform_id)
    world.leave.access = lambda *_: Access(1, 5, world.api.base_url, "t", None, "institution", None)  # type: ignore[method-assign]
    with pytest.raises(OutboundError) as caught:
        list(world.source.iter_columns(REGISTRATION, course, malformed=Counter()))
    assert caught.value.code == "platform_not_found"
    assert world.api.calls == []


# -- what it can see --------------------------------------------------------------------------------------------------


def test_it_decides_grades_and_completion(world: World) -> None:
    found = world.source.capability(world.context)
    assert found.is_available
    assert found.decides == {ClauseKind.PERCENT, ClauseKind.POINTS, ClauseKind.LETTER, ClauseKind.COMPLETED}
    assert not found.own_columns_only
    assert EvidenceState.HIDDEN not in found.unseen
    assert EvidenceState.EXCUSED in found.unseen


@pytest.mark.parametrize("missing", [{GRADES}, {ENROLLED}])
def test_it_needs_its_functions(world: World, missing: set[str]) -> None:
    world.leave.functions = frozenset(FUNCTIONS) - missing
    assert world.source.capability(world.context).needs == ("moodle_functions_missing",)


def test_without_functions_of_completion_it_decides_none(world: World) -> None:
    world.leave.functions = frozenset(FUNCTIONS) - {ACTIVITIES, COURSE_COMPLETION}
    found = world.source.capability(world.context)
    assert ClauseKind.COMPLETED not in found.decides
    assert EvidenceState.COMPLETED in found.unseen
    assert ColumnKind.MODULE not in found.column_kinds


def test_a_token_of_which_nobody_knows_its_functions_is_asked(world: World) -> None:
    world.leave.functions = None
    assert world.source.capability(world.context).is_available
    assert [one.external_key for one in world.columns()] == ["item:11"]
    world.api.functions.remove(ENROLLED)
    assert (failure(world).code, world.leave.marks) == ("moodle_functions_missing", [])


def test_it_says_what_is_needed_first(world: World) -> None:
    world.leave.missing = ("grant_missing",)
    assert world.source.capability(world.context).needs == ("grant_missing",)
    assert failure(world).code == "grant_missing"


def test_checking_a_token_tells_what_it_is_good_for(world: World) -> None:
    world.api.functions = [FUNCTIONS[0], FUNCTIONS[1], "core_badges_get_user_badges"]
    site = check(HTTP, world.api.base_url + "/", world.api.token)
    assert (site.name, site.address, site.release) == ("Lab <Moodle>", world.api.base_url, "4.5.6 (Build: 20250811)")
    assert (site.user_id, site.account, site.missing) == ("2", "ws", (ENROLLED,))
    assert site.without == FUNCTIONS[3:]


def test_checking_a_wrong_token_says_so(world: World) -> None:
    with pytest.raises(GrantError) as caught:
        check(HTTP, world.api.base_url, "deadbeef")
    assert caught.value.code == "grant_refused"
