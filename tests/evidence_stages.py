"""The stages that evidence scenarios are played on, by name."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from evidence_stage import Stage
from evidence_stage_ags import AgsStage, CanvasAgsStage, DatedAgsStage
from evidence_stage_canvas import CanvasStage
from evidence_stage_moodle import MoodleStage
from evidence_stage_people import AssessorStage, CsvStage
from platforms.canvas_api import CanvasApi
from platforms.moodle_api import MoodleApi
from platforms.reading import reading
from sqlalchemy import Engine

STAGES: dict[str, type[Stage]] = {
    "ags": AgsStage,
    "ags, dated": DatedAgsStage,
    "ags, canvas": CanvasAgsStage,
    "moodle": MoodleStage,
    "canvas": CanvasStage,
    "csv_upload": CsvStage,
    "assessor": AssessorStage,
}
_APIS: dict[str, Any] = {"moodle": MoodleApi, "canvas": CanvasApi, "csv_upload": CanvasApi}


@contextmanager
def stage(engine: Engine, kind: str) -> Iterator[Stage]:
    """A stage of one kind, served on loopback."""
    made = STAGES[kind]
    with ExitStack() as stack:
        world = stack.enter_context(reading(engine, made.quirks, context_id=made.context_id))
        parts: list[Any] = [stack.enter_context(_APIS[kind]())] if kind in _APIS else []
        yield made(world, *parts)
