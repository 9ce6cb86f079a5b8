"""0003 A checkpoint knows the skill its column will count for, before there is a column."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"

DECIMAL = sa.Numeric().with_variant(sa.String(60), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("checkpoint") as batch:
        batch.add_column(sa.Column("item_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("threshold", DECIMAL, nullable=True))
        batch.create_foreign_key(batch.f("fk_checkpoint_item_id_item"), "item", ["item_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("checkpoint") as batch:
        batch.drop_constraint(batch.f("fk_checkpoint_item_id_item"), type_="foreignkey")
        batch.drop_column("threshold")
        batch.drop_column("item_id")
