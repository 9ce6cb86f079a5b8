"""0005 Indexes for what every sweep and every evaluation asks, so that no table that grows is read from end to end."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"

INDEXES = (
    ("ix_sync_run_context_id_finished_at", "sync_run", ["context_id", "finished_at"]),
    ("ix_sync_run_state_due_at", "sync_run", ["state", "due_at"]),
    ("ix_credential_version_state_due_at", "credential_version", ["state", "due_at"]),
    ("ix_delivery_state_due_at", "delivery", ["state", "due_at"]),
    ("ix_review_achievement_id_user_id", "review", ["achievement_id", "user_id"]),
    ("ix_learner_notice_achievement_id", "learner_notice", ["achievement_id"]),
    ("ix_learner_notice_award_id", "learner_notice", ["award_id"]),
)
WANTED = sa.text("evaluation_wanted > evaluation_done")


def upgrade() -> None:
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
    op.create_index("ix_context_evaluation_due", "context", ["id"], sqlite_where=WANTED, postgresql_where=WANTED)
    _unsealed("is_sealed = 0")  # as SQLite sees the question; "NOT is_sealed" is another one to it


def downgrade() -> None:
    _unsealed("NOT is_sealed")
    op.drop_index("ix_context_evaluation_due", "context")
    for name, table, _ in reversed(INDEXES):
        op.drop_index(name, table)


def _unsealed(on_sqlite: str) -> None:
    op.drop_index("ix_audit_event_unsealed", "audit_event")
    op.create_index(
        "ix_audit_event_unsealed",
        "audit_event",
        ["organization_id", "at"],
        sqlite_where=sa.text(on_sqlite),
        postgresql_where=sa.text("NOT is_sealed"),
    )
