"""The AGS evidence source: what it reads, and what it admits it cannot see."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from platforms.quirks import MOODLE, PROFILES
from platforms.reading import Reading, reading
from sqlalchemy import Engine

from lti_tool.domain.evidence import EvidenceState
from lti_tool.evidence.ags import AgsSource
from lti_tool.evidence.base import ClauseKind, ColumnReading, EvidenceSource, ObservationReading
from lti_tool.lti.advantage import Advantage
from lti_tool.models import ColumnKind, Context

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"


@pytest.fixture
def tool(engine: Engine) -> Iterator[Reading]:
    """A client and a platform to the letter of the standard."""
    with reading(engine) as found:
        yield found


def source_of(tool: Reading) -> EvidenceSource:
    """The source under test, as the protocol."""
    return AgsSource(Advantage(tool.client))


def test_columns_are_numbered_over_all_pages(tool: Reading) -> None:
    for number in range(5):
        tool.platform.add_line_item(f"Work {number}", maximum=10 + number, resource_id=f"r{number}", tag="badge")
    pages = list(source_of(tool).iter_columns(tool.registration, tool.context, malformed=Counter()))
    assert len(pages) == 3
    columns = [column for page in pages for column in page]
    assert [column.position for column in columns] == [0, 1, 2, 3, 4]
    key = tool.platform.line_item_url(tool.platform.columns[5])
    assert columns[4] == ColumnReading(key, "Work 4", ColumnKind.LINE_ITEM, Decimal(14), "r4", "badge", 4)


@pytest.mark.parametrize("product", PROFILES)
def test_a_score_is_graded_and_no_score_is_ungraded(engine: Engine, product: str) -> None:
    with reading(engine, PROFILES[product]) as tool:
        tool.platform.add_line_item("Essay", {"11": Decimal("69.50"), "12": None, "13": Decimal(0)}, maximum=70)
        source = source_of(tool)
        ((column,),) = source.iter_columns(tool.registration, tool.context, malformed=Counter())
        pages = source.iter_observations(tool.registration, tool.context, column.external_key, malformed=Counter())
        found = {one.platform_user_id: (one.state, one.score, one.maximum) for page in pages for one in page}
        assert found == {
            "11": (EvidenceState.GRADED, Decimal("69.5"), Decimal(70)),
            "12": (EvidenceState.UNGRADED, None, Decimal(70)),
            "13": (EvidenceState.GRADED, Decimal(0), Decimal(70)),
        }


def test_the_sources_own_time_is_kept_where_there_is_one(engine: Engine) -> None:
    with reading(engine, MOODLE) as tool:
        tool.platform.add_line_item("Essay", {"4": Decimal(7)}, maximum=10)
        source = source_of(tool)
        ((column,),) = source.iter_columns(tool.registration, tool.context, malformed=Counter())
        pages = source.iter_observations(tool.registration, tool.context, column.external_key, malformed=Counter())
        assert list(pages) == [
            [
                ObservationReading(
                    "4",
                    EvidenceState.GRADED,
                    Decimal(7),
                    Decimal(10),
                    source_updated_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
                )
            ]
        ]


def test_observations_come_page_by_page(tool: Reading) -> None:
    column = tool.platform.add_line_item("Essay", {str(number): Decimal(number) for number in range(10)})
    url = tool.platform.line_item_url(column)
    pages = source_of(tool).iter_observations(tool.registration, tool.context, url, malformed=Counter())
    assert len(next(pages)) == 3
    assert tool.platform.counts["results"] == 1
    assert sum(len(page) for page in pages) == 7


def test_what_cannot_be_read_is_counted(tool: Reading) -> None:
    column = tool.platform.add_line_item("Essay", {"11": Decimal(1)})
    column.raw_results = [{"userId": "12", "resultScore": "excellent"}, {"resultScore": 3}]
    tool.platform.add_line_item("Broken").raw = {"scoreMaximum": "many"}
    malformed: Counter[str] = Counter()
    source = source_of(tool)
    ((found,),) = source.iter_columns(tool.registration, tool.context, malformed=malformed)
    pages = source.iter_observations(tool.registration, tool.context, found.external_key, malformed=malformed)
    assert [one.platform_user_id for page in pages for one in page] == ["11"]
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
