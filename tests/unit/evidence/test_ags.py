"""The AGS evidence source: what it reads, and what it admits it cannot see."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from platforms.quirks import MOODLE, PROFILES, SAKAI, SAKAI_READ_ALL, Quirks
from platforms.reading import Reading, reading
from sqlalchemy import Engine

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.ags import AgsSource
from lti_tool.evidence.base import (
    ClauseKind,
    ColumnReading,
    EvidencePage,
    EvidenceSource,
    EvidenceStream,
    ObservationReading,
)
from lti_tool.lti.advantage import Advantage
from lti_tool.lti.quirks import SAKAI_READ_ONLY, quirks_of
from lti_tool.models import ColumnKind, Context, Deployment, Registration

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"


@pytest.fixture
def tool(engine: Engine) -> Iterator[Reading]:
    """A client and a platform to the letter of the standard."""
    with reading(engine) as found:
        yield found


def source_of(tool: Reading) -> EvidenceSource:
    """The source under test, as the protocol."""
    return AgsSource(Advantage(tool.client))


def pages_of(
    tool: Reading, column: ColumnReading, malformed: Counter[str] | None = None, place: str | None = None
) -> Iterator[EvidencePage]:
    """The pages of the one stream that a column has."""
    source = source_of(tool)
    (stream,) = source.streams(tool.context, [column])
    assert stream == EvidenceStream(column.external_key, (column.external_key,), tells_changes=False)
    counter = Counter() if malformed is None else malformed
    return source.iter_pages(tool.registration, tool.context, stream, since=None, place=place, malformed=counter)


def column_of(tool: Reading) -> ColumnReading:
    """The one column there is."""
    ((column,),) = source_of(tool).iter_columns(tool.registration, tool.context, malformed=Counter())
    return column


def test_columns_are_numbered_over_all_pages(tool: Reading) -> None:
    for number in range(5):
        tool.platform.add_line_item(f"Work {number}", maximum=10 + number, resource_id=f"r{number}", tag="badge")
    pages = list(source_of(tool).iter_columns(tool.registration, tool.context, malformed=Counter()))
    assert len(pages) == 3
    columns = [column for page in pages for column in page]
    assert [column.position for column in columns] == [0, 1, 2, 3, 4]
    key = tool.platform.line_item_url(tool.platform.columns[5])
    assert columns[4] == ColumnReading(
        key, "Work 4", ColumnKind.LINE_ITEM, Decimal(14), "r4", "badge", 4, lti_ids=(key, "r4")
    )


def test_a_resource_link_is_an_id_that_others_may_tell_too(tool: Reading) -> None:
    column = tool.platform.add_line_item("Essay")
    column.raw["resourceLinkId"] = "link-1"
    ((found,),) = source_of(tool).iter_columns(tool.registration, tool.context, malformed=Counter())
    assert found.lti_ids == (tool.platform.line_item_url(column), "link-1")


@pytest.mark.parametrize("product", PROFILES)
def test_a_score_is_graded_and_no_score_is_ungraded(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        tool.platform.add_line_item("Essay", {"11": Decimal("69.50"), "12": None, "13": Decimal(0)}, maximum=70)
        readings = (one for page in pages_of(tool, column_of(tool)) for _, one in page.observations)
        found = {one.platform_user_id: (one.state, one.score, one.maximum) for one in readings}
        assert found == {
            "11": (EvidenceState.GRADED, Decimal("69.5"), Decimal(70)),
            "12": (EvidenceState.UNGRADED, None, Decimal(70)),
            "13": (EvidenceState.GRADED, Decimal(0), Decimal(70)),
        }


def test_the_sources_own_time_is_kept_where_there_is_one(engine: Engine) -> None:
    with reading(engine, MOODLE) as tool:
        tool.platform.add_line_item("Essay", {"4": Decimal(7)}, maximum=10)
        column = column_of(tool)
        graded = ObservationReading(
            "4",
            EvidenceState.GRADED,
            Decimal(7),
            Decimal(10),
            source_updated_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
        )
        assert list(pages_of(tool, column)) == [EvidencePage(((column.external_key, graded),))]


def test_observations_come_page_by_page(tool: Reading) -> None:
    tool.platform.add_line_item("Essay", {str(number): Decimal(number) for number in range(10)})
    pages = pages_of(tool, column_of(tool))
    assert len(next(pages).observations) == 3
    assert tool.platform.counts["results"] == 1
    assert sum(len(page.observations) for page in pages) == 7


@pytest.mark.parametrize("product", PROFILES)
def test_a_stream_goes_on_after_any_page(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        tool.platform.add_line_item("Essay", {str(number): Decimal(number) for number in range(120)}, maximum=200)
        column = column_of(tool)
        whole = list(pages_of(tool, column))
        assert [page.place is None for page in whole] == [False] * (len(whole) - 1) + [True]
        for number, page in enumerate(whole[:-1]):
            rest = list(pages_of(tool, column, place=page.place))
            assert [one.observations for one in rest] == [one.observations for one in whole[number + 1 :]]


def test_it_names_nobody_but_by_sub(tool: Reading) -> None:
    assert list(source_of(tool).iter_people(tool.registration, tool.context, malformed=Counter())) == []


def test_what_cannot_be_read_is_counted(tool: Reading) -> None:
    column = tool.platform.add_line_item("Essay", {"11": Decimal(1)})
    column.raw_results = [{"userId": "12", "resultScore": "excellent"}, {"resultScore": 3}]
    tool.platform.add_line_item("Broken").raw = {"scoreMaximum": "many"}
    malformed: Counter[str] = Counter()
    source = source_of(tool)
    ((found,),) = source.iter_columns(tool.registration, tool.context, malformed=malformed)
    pages = pages_of(tool, found, malformed)
    assert [one.platform_user_id for page in pages for _, one in page.observations] == ["11"]
    assert malformed == {"line_item": 1, "result": 2}


# -- what it can and cannot see ---------------------------------------------------------------------------------------


def context(url: str | None = "https://lms.example/lineitems", *scopes: str) -> Context:
    """A context with these grants."""
    return Context(line_items_url=url, ags_scopes=[AGS + scope for scope in scopes])


def capability(found: Context) -> tuple[str, ...]:
    """What the source needs in a context."""
    return AgsSource(service=None).capability(found).needs  # type: ignore[arg-type]


@pytest.mark.parametrize("line_item", ["lineitem", "lineitem.readonly"])
def test_it_works_where_items_and_results_may_be_read(line_item: str) -> None:
    found = AgsSource(service=None).capability(context("https://lms.example/x", line_item, "result.readonly"))  # type: ignore[arg-type]
    assert found.is_available
    assert found.decides == {ClauseKind.PERCENT, ClauseKind.POINTS}
    assert found.own_columns_only
    assert found.source == "ags"


@pytest.mark.parametrize(
    ("found", "needs"),
    [
        (context(None, "lineitem", "result.readonly"), ("ags_not_offered",)),
        (context("https://lms.example/x", "result.readonly"), ("scope_line_item",)),
        (context("https://lms.example/x", "lineitem"), ("scope_result",)),
        (context(None), ("ags_not_offered", "scope_line_item", "scope_result")),
    ],
)
def test_it_names_what_an_admin_has_to_allow(found: Context, needs: tuple[str, ...]) -> None:
    assert capability(found) == needs
    assert not AgsSource(service=None).capability(found).is_available  # type: ignore[arg-type]


def test_it_admits_that_it_cannot_see_hidden_or_excused_work() -> None:
    unseen = AgsSource(service=None).capability(context()).unseen  # type: ignore[arg-type]
    assert {EvidenceState.HIDDEN, EvidenceState.EXCUSED, EvidenceState.MISSING, EvidenceState.SUBMITTED} <= unseen
    assert EvidenceState.GRADED not in unseen


@pytest.mark.parametrize(("product", "own_only"), [("sakai", False), ("canvas", True), (None, True)])
def test_only_where_an_admin_can_open_the_whole_gradebook_it_may_see_more(product: str | None, own_only: bool) -> None:
    found = context()
    found.deployment = Deployment(registration=Registration(product=product))
    source = AgsSource(None, lambda name: quirks_of(name).lists_foreign_columns)  # type: ignore[arg-type]
    assert source.capability(found).own_columns_only is own_only


@pytest.mark.parametrize(("quirks", "listed"), [(SAKAI, ["Mine"]), (SAKAI_READ_ALL, ["Mine", "Theirs"])])
def test_whatever_the_container_lists_is_read(engine: Engine, quirks: Quirks, listed: list[str]) -> None:
    with reading(engine, quirks) as tool:
        tool.platform.add_line_item("Mine", {"11": Decimal(1)})
        theirs = tool.platform.add_line_item("Theirs", {"11": Decimal(2)})
        theirs.is_mine = False
        theirs.raw[SAKAI_READ_ONLY] = True  # vendor document (sakai pull request 14615, May 2026)
        items = [
            one for page in Advantage(tool.client).iter_line_items(tool.registration, tool.context) for one in page
        ]
        assert {one.label: one.is_read_only for one in items} == {one: one == "Theirs" for one in listed}
        columns = source_of(tool).iter_columns(tool.registration, tool.context, malformed=Counter())
        found = [column for page in columns for column in page]
        assert [column.title for column in found] == listed
        assert sum(len(page.observations) for column in found for page in pages_of(tool, column)) == len(listed)
