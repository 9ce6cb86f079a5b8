"""0006 Evidence beyond LTI: platform APIs and grants, readings, column links, uploads, rubrics."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision, down_revision = "0006", "0005"

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

KINDS_BEFORE = "kind IN ('evidence', 'check_off', 'progress')"
KINDS = "kind IN ('evidence', 'check_off', 'recognition', 'progress')"


def upgrade() -> None:
    op.create_table(
        "platform_api",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=2048), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=True),
        sa.Column("client_secret", sa.String(), nullable=True),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_platform_api_organization_id_organization")
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_platform_api_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_api")),
        sa.UniqueConstraint("public_id", name=op.f("uq_platform_api_public_id")),
        sa.UniqueConstraint(
            "registration_id", "organization_id", "source", name=op.f("uq_platform_api_registration_id")
        ),
    )
    with op.batch_alter_table("platform_api") as batch:
        batch.create_index(batch.f("ix_platform_api_organization_id"), ["organization_id"], unique=False)
    op.create_table(
        "api_consent",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("platform_api_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("staff_user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("consumed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["platform_api_id"], ["platform_api.id"], name=op.f("fk_api_consent_platform_api_id_platform_api")
        ),
        sa.ForeignKeyConstraint(
            ["staff_user_id"], ["staff_user.id"], name=op.f("fk_api_consent_staff_user_id_staff_user")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_api_consent_user_id_user")),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_api_consent")),
    )
    with op.batch_alter_table("api_consent") as batch:
        batch.create_index(batch.f("ix_api_consent_expires_at"), ["expires_at"], unique=False)
    op.create_table(
        "api_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("platform_api_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "active", "needed", "ended", name="grantstate", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("tokens", sa.String(), nullable=True),
        sa.Column("scopes", JSON, nullable=True),
        sa.Column("account", sa.String(length=255), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_api_id"], ["platform_api.id"], name=op.f("fk_api_grant_platform_api_id_platform_api")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_api_grant_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_grant")),
        sa.UniqueConstraint("platform_api_id", "place", name=op.f("uq_api_grant_platform_api_id")),
    )
    op.create_table(
        "platform_identity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_platform_identity_organization_id_organization")
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_platform_identity_registration_id_registration")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_platform_identity_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_identity")),
        sa.UniqueConstraint(
            "registration_id",
            "organization_id",
            "source",
            "external_id",
            name=op.f("uq_platform_identity_registration_id"),
        ),
    )
    with op.batch_alter_table("platform_identity") as batch:
        batch.create_index(batch.f("ix_platform_identity_user_id"), ["user_id"], unique=False)
    op.create_table(
        "gradebook_upload",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "previewed",
                "importing",
                "done",
                "failed",
                "discarded",
                name="uploadstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("dialect", sa.String(length=32), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("exported_at", MOMENT, nullable=False),
        sa.Column("preview", JSON, nullable=False),
        sa.Column("choices", JSON, nullable=False),
        sa.Column("next_row", sa.Integer(), nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_gradebook_upload_context_id_context")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_gradebook_upload_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gradebook_upload")),
    )
    with op.batch_alter_table("gradebook_upload") as batch:
        batch.create_index(batch.f("ix_gradebook_upload_context_id"), ["context_id"], unique=False)
        batch.create_index("ix_gradebook_upload_state_due_at", ["state", "due_at"], unique=False)
    op.create_table(
        "gradebook_part",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gradebook_upload_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["gradebook_upload_id"],
            ["gradebook_upload.id"],
            name=op.f("fk_gradebook_part_gradebook_upload_id_gradebook_upload"),
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_gradebook_part_sha256_blob")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gradebook_part")),
        sa.UniqueConstraint("gradebook_upload_id", "position", name=op.f("uq_gradebook_part_gradebook_upload_id")),
    )
    with op.batch_alter_table("gradebook_part") as batch:
        batch.create_index(batch.f("ix_gradebook_part_sha256"), ["sha256"], unique=False)
    op.create_table(
        "source_reading",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("begun_at", MOMENT, nullable=True),
        sa.Column("place", JSON, nullable=True),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.Column("whole_at", MOMENT, nullable=True),
        sa.Column("high_water", MOMENT, nullable=True),
        sa.Column("failed_code", sa.String(length=64), nullable=True),
        sa.Column("failed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_source_reading_context_id_context")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_reading")),
        sa.UniqueConstraint("context_id", "source", name=op.f("uq_source_reading_context_id")),
    )
    op.create_table(
        "column_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("column_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "confirmed",
                "refused",
                name="linkstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "ground",
            sa.Enum(
                "lti_id", "title", "checkpoint", name="linkground", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("column_id < other_id", name=op.f("ck_column_link_ordered")),
        sa.ForeignKeyConstraint(
            ["column_id"], ["evidence_column.id"], name=op.f("fk_column_link_column_id_evidence_column")
        ),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_column_link_context_id_context")),
        sa.ForeignKeyConstraint(
            ["other_id"], ["evidence_column.id"], name=op.f("fk_column_link_other_id_evidence_column")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_column_link")),
        sa.UniqueConstraint("column_id", "other_id", name=op.f("uq_column_link_column_id")),
    )
    with op.batch_alter_table("column_link") as batch:
        batch.create_index(batch.f("ix_column_link_context_id"), ["context_id"], unique=False)
        batch.create_index(batch.f("ix_column_link_other_id"), ["other_id"], unique=False)
    with op.batch_alter_table("assessment") as batch:
        batch.add_column(sa.Column("marks", JSON, nullable=True))
    with op.batch_alter_table("checkpoint") as batch:
        batch.add_column(sa.Column("rubric", JSON, nullable=True))
        batch.add_column(sa.Column("assessors_needed", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("evidence_column") as batch:
        batch.add_column(sa.Column("lti_ids", JSON, nullable=True))
    with op.batch_alter_table("context") as batch:
        batch.add_column(sa.Column("service_ids", JSON, nullable=False, server_default="{}"))
    with op.batch_alter_table("observation") as batch:
        batch.add_column(sa.Column("attempt", sa.Integer(), nullable=True))
    with op.batch_alter_table("fact") as batch:
        batch.add_column(sa.Column("source_updated_at", MOMENT, nullable=True))
    op.execute(
        "UPDATE fact SET source_updated_at ="
        " (SELECT source_updated_at FROM observation WHERE observation.id = fact.observation_id)"
    )
    with op.batch_alter_table("sync_run") as batch:
        batch.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("checkpoint") as batch:
        batch.drop_constraint(batch.f("ck_checkpoint_checkpointkind"), type_="check")
        batch.create_check_constraint(batch.f("ck_checkpoint_checkpointkind"), KINDS)


def downgrade() -> None:
    op.execute("UPDATE checkpoint SET kind = 'evidence' WHERE kind = 'recognition'")
    with op.batch_alter_table("checkpoint") as batch:
        batch.drop_constraint(batch.f("ck_checkpoint_checkpointkind"), type_="check")
        batch.create_check_constraint(batch.f("ck_checkpoint_checkpointkind"), KINDS_BEFORE)
    with op.batch_alter_table("sync_run") as batch:
        batch.drop_column("priority")
    with op.batch_alter_table("fact") as batch:
        batch.drop_column("source_updated_at")
    with op.batch_alter_table("observation") as batch:
        batch.drop_column("attempt")
    with op.batch_alter_table("context") as batch:
        batch.drop_column("service_ids")
    with op.batch_alter_table("evidence_column") as batch:
        batch.drop_column("lti_ids")
    with op.batch_alter_table("checkpoint") as batch:
        batch.drop_column("assessors_needed")
        batch.drop_column("rubric")
    with op.batch_alter_table("assessment") as batch:
        batch.drop_column("marks")
    with op.batch_alter_table("column_link") as batch:
        batch.drop_index(batch.f("ix_column_link_other_id"))
        batch.drop_index(batch.f("ix_column_link_context_id"))
    op.drop_table("column_link")
    op.drop_table("source_reading")
    with op.batch_alter_table("gradebook_part") as batch:
        batch.drop_index(batch.f("ix_gradebook_part_sha256"))
    op.drop_table("gradebook_part")
    with op.batch_alter_table("gradebook_upload") as batch:
        batch.drop_index("ix_gradebook_upload_state_due_at")
        batch.drop_index(batch.f("ix_gradebook_upload_context_id"))
    op.drop_table("gradebook_upload")
    with op.batch_alter_table("platform_identity") as batch:
        batch.drop_index(batch.f("ix_platform_identity_user_id"))
    op.drop_table("platform_identity")
    op.drop_table("api_grant")
    with op.batch_alter_table("api_consent") as batch:
        batch.drop_index(batch.f("ix_api_consent_expires_at"))
    op.drop_table("api_consent")
    with op.batch_alter_table("platform_api") as batch:
        batch.drop_index(batch.f("ix_platform_api_organization_id"))
    op.drop_table("platform_api")
