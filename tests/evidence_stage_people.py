"""Evidence stages of people: gradebook files that an instructor uploads, and work that is assessed in the tool."""

from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from evidence_stage import Stage
from evidence_stage_ags import AgsStage
from evidence_stage_canvas import CanvasStage
from platforms.reading import Reading
from sqlalchemy import select

from lti_tool.evidence.base import EvidenceSource
from lti_tool.jobs.importing import import_gradebook
from lti_tool.models import Checkpoint, CheckpointKind, Context, GradebookUpload, User
from lti_tool.services import assessing, gradebook_uploads
from lti_tool.services.gradebook_uploads import amount_of, choice_of

HEAD = "Student,ID,SIS User ID,SIS Login ID,Section,Essay (501)"
"""Vendor code (canvas-lms, lib/gradebook_exporter.rb)."""


def user_of(stage: Stage, person: str) -> int:
    """The tool's own number of somebody."""
    with stage.services.database.read() as session:
        return session.scalars(select(User.id).where(User.platform_user_id == stage.subs[person])).one()


class CsvStage(CanvasStage):
    """Exports of Canvas's gradebook, uploaded and confirmed by hand; the roster names people by Canvas's number."""

    source = "csv_upload"

    def __init__(self, world: Reading, api: Any) -> None:
        super().__init__(world, api)
        self._files: list[tuple[str, datetime]] = []

    def more_sources(self) -> tuple[EvidenceSource, ...]:
        """No other source is read here."""
        return ()

    def upload(self, hours_old: float = 0, maximum: str = "100", **cells: str) -> None:
        """An export, made so many hours ago, with a cell for each person."""
        rows = [f"{one.title()},{self.numbers[one]},,,All,{cell}" for one, cell in cells.items()]
        text = "\r\n".join([HEAD, f"    Points Possible,,,,,{maximum}", *rows, ""])
        self._files.append((text, self.services.clock() - timedelta(hours=hours_old)))

    def upload_of_strangers(self) -> None:
        """An export of people who are not in the course."""
        text = "\r\n".join([HEAD, "    Points Possible,,,,,100", "Zoe,123456789,,,All,70", ""])
        self._files.append((text, self.services.clock()))

    def read(self, reason: str = "button") -> str:
        """Read the course, which names its people, then import what was uploaded."""
        ended = super().read(reason)
        for text, exported_at in self._files:
            self._import(text, exported_at)
        self._files = []
        return ended

    def _import(self, text: str, exported_at: datetime) -> None:
        database, now = self.services.database, self.services.clock()
        context_id, teacher = self.world.context.id, user_of(self, "tara")
        previewed = gradebook_uploads.look_through(database.read, context_id, BytesIO(text.encode()), exported_at, now)
        with database.write() as session:
            context = session.get_one(Context, context_id)
            upload_id = gradebook_uploads.store(session, context, teacher, "export.csv", previewed, now).id
        with database.write() as session:
            row = session.get_one(GradebookUpload, upload_id)
            choice = choice_of(row)
            gradebook_uploads.confirm(session, row, choice, amount_of(row, choice).digest, "user:1", now)
        assert import_gradebook(self.services, upload_id) == context_id


class AssessorStage(AgsStage):
    """A checkpoint of the tool, whose work people assess."""

    source = "assessor"

    def checkpoint(self, maximum: str = "10", assessors: int = 1) -> None:
        """An instructor makes a checkpoint; everybody is on the roster by then."""
        super().read()
        self.world.clock.forward(minutes=1)
        with self.services.database.write() as session:
            session.add(
                Checkpoint(
                    context_id=self.world.context.id,
                    kind=CheckpointKind.RECOGNITION,
                    title="Essay",
                    maximum=Decimal(maximum),
                    assessors_needed=assessors,
                    created_by="user:1",
                    created_at=self.services.clock(),
                )
            )

    def assess(self, person: str, score: str | None, by: str = "tara") -> None:
        """Somebody says what the work is worth; ``None``: nothing any more."""
        self.world.clock.forward(minutes=1)
        with self.services.database.write() as session:
            checkpoint = session.scalars(select(Checkpoint)).one()
            value = None if score is None else Decimal(score)
            assessing.assess(
                session, checkpoint, user_of(self, person), user_of(self, by), value, "", self.services.clock()
            )
