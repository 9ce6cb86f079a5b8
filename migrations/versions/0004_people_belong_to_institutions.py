"""0004 A person belongs to one institution; copies of courses say what they brought; when a roster was read whole."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision, down_revision = "0004", "0003"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)

ORGANIZATION_OF_USERS = """
UPDATE "user" SET organization_id = COALESCE(
    (SELECT MIN(context.organization_id) FROM membership
        JOIN context ON context.id = membership.context_id WHERE membership.user_id = "user".id),
    (SELECT MIN(deployment.organization_id) FROM deployment
        WHERE deployment.registration_id = "user".registration_id),
    (SELECT MIN(organization.id) FROM organization)
)
"""


def upgrade() -> None:
    with op.batch_alter_table("user") as batch:
        batch.add_column(sa.Column("organization_id", sa.Integer(), nullable=True))
    op.execute(ORGANIZATION_OF_USERS)
    with op.batch_alter_table("user") as batch:
        batch.alter_column("organization_id", existing_type=sa.Integer(), nullable=False)
        batch.create_foreign_key(
            batch.f("fk_user_organization_id_organization"), "organization", ["organization_id"], ["id"]
        )
        batch.drop_constraint(batch.f("uq_user_registration_id"), type_="unique")
        batch.create_unique_constraint(
            batch.f("uq_user_registration_id"), ["registration_id", "organization_id", "platform_user_id"]
        )
    with op.batch_alter_table("context") as batch:
        batch.add_column(sa.Column("roster_read_at", MOMENT, nullable=True))
    with op.batch_alter_table("context_copy") as batch:
        batch.add_column(sa.Column("brought", JSON, nullable=False, server_default="{}"))
    with op.batch_alter_table("context_copy") as batch:
        batch.alter_column("brought", existing_type=JSON, existing_nullable=False, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("context_copy") as batch:
        batch.drop_column("brought")
    with op.batch_alter_table("context") as batch:
        batch.drop_column("roster_read_at")
    with op.batch_alter_table("user") as batch:
        batch.drop_constraint(batch.f("uq_user_registration_id"), type_="unique")
        batch.create_unique_constraint(batch.f("uq_user_registration_id"), ["registration_id", "platform_user_id"])
        batch.drop_constraint(batch.f("fk_user_organization_id_organization"), type_="foreignkey")
        batch.drop_column("organization_id")
