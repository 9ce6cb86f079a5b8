"""0002 Installing and deciding: invites, checkpoints, course copies, templates, runs, reviews, seals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision, down_revision = "0002", "0001"

MOMENT = sa.DateTime(timezone=True)
DECIMAL = sa.Numeric().with_variant(sa.String(60), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

MOMENTS_BEFORE = ("offered", "lapsed", "claimed")
MOMENTS = (*MOMENTS_BEFORE, "held", "suspended", "restored", "revoked", "reviewed")


def moments(values: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{one}'" for one in values)
    return f"moment IN ({listed})"


def upgrade() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("signed_at", MOMENT, nullable=False),
        sa.Column("verification_method", sa.String(length=2048), nullable=False),
        sa.Column("public_key_multibase", sa.String(length=128), nullable=False),
        sa.Column("signature", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
        sa.UniqueConstraint("chain", "number", name=op.f("uq_audit_head_chain")),
    )
    op.create_table(
        "audit_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_key_multibase", sa.String(length=128), nullable=False),
        sa.Column("private_key", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_key")),
        sa.UniqueConstraint("public_key_multibase", name=op.f("uq_audit_key_public_key_multibase")),
    )
    op.create_table(
        "mapping_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=4096), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "published",
                "retired",
                name="templatestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("is_locked", sa.Boolean(), nullable=False),
        sa.Column("current_version_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_mapping_template_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mapping_template")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_mapping_template_organization_id")),
    )
    op.create_table(
        "platform_invite",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=True),
        sa.Column("registration_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=True),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_platform_invite_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_invite")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_platform_invite_token_hash")),
    )
    op.create_table(
        "registration_health",
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("launched_at", MOMENT, nullable=True),
        sa.Column("clock_skew_seconds", sa.Integer(), nullable=True),
        sa.Column("token_at", MOMENT, nullable=True),
        sa.Column("token_scopes", JSON, nullable=False),
        sa.Column("service_at", MOMENT, nullable=True),
        sa.Column("failed_at", MOMENT, nullable=True),
        sa.Column("failed_code", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_registration_health_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("registration_id", name=op.f("pk_registration_health")),
    )
    op.create_table(
        "term",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_term_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_term_organization_id")),
    )
    op.create_table(
        "audit_seal",
        sa.Column("audit_event_id", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["audit_event_id"], ["audit_event.id"], name=op.f("fk_audit_seal_audit_event_id_audit_event")
        ),
        sa.PrimaryKeyConstraint("audit_event_id", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("chain", "number", name=op.f("uq_audit_seal_chain")),
    )
    op.create_table(
        "mapping_template_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", JSON, nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["mapping_template.id"],
            name=op.f("fk_mapping_template_version_template_id_mapping_template"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mapping_template_version")),
        sa.UniqueConstraint("template_id", "number", name=op.f("uq_mapping_template_version_template_id")),
    )
    op.create_table(
        "pending_launch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ticket_hash", sa.String(length=64), nullable=False),
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("launch", JSON, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("spent_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["state_hash"], ["login_state.state_hash"], name=op.f("fk_pending_launch_state_hash_login_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_launch")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_pending_launch_state_hash")),
        sa.UniqueConstraint("ticket_hash", name=op.f("uq_pending_launch_ticket_hash")),
    )
    with op.batch_alter_table("pending_launch") as batch:
        batch.create_index(batch.f("ix_pending_launch_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "platform_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.String(length=255), nullable=False),
        sa.Column("notice_type", sa.String(length=64), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_platform_notice_deployment_id_deployment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_notice")),
        sa.UniqueConstraint("deployment_id", "notice_id", name=op.f("uq_platform_notice_deployment_id")),
    )
    op.create_table(
        "award_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "evaluation", "by_hand", "bulk", name="runkind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "done",
                "held",
                "released",
                "dismissed",
                "undone",
                name="runstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("hold_code", sa.String(length=64), nullable=True),
        sa.Column("figures", JSON, nullable=False),
        sa.Column("reason", sa.String(length=4096), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_award_run_context_id_context")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_run")),
    )
    with op.batch_alter_table("award_run") as batch:
        batch.create_index(batch.f("ix_award_run_context_id"), ["context_id"], unique=False)
        batch.create_index(
            "ix_award_run_one_held",
            ["context_id"],
            unique=True,
            sqlite_where=sa.text("state = 'held' AND kind = 'evaluation'"),
            postgresql_where=sa.text("state = 'held' AND kind = 'evaluation'"),
        )

    op.create_table(
        "context_copy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("origin_context_id", sa.Integer(), nullable=False),
        sa.Column(
            "ground",
            sa.Enum(
                "notice", "history", "likeness", name="copyground", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "accepted",
                "declined",
                name="copystate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_context_copy_context_id_context")),
        sa.ForeignKeyConstraint(
            ["origin_context_id"], ["context.id"], name=op.f("fk_context_copy_origin_context_id_context")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_context_copy")),
        sa.UniqueConstraint("context_id", "origin_context_id", name=op.f("uq_context_copy_context_id")),
    )
    with op.batch_alter_table("context_copy") as batch:
        batch.create_index(batch.f("ix_context_copy_origin_context_id"), ["origin_context_id"], unique=False)

    op.create_table(
        "course_group",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=1024), nullable=False),
        sa.Column("set_name", sa.String(length=1024), nullable=True),
        sa.Column("is_gone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_course_group_context_id_context")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_group")),
        sa.UniqueConstraint("context_id", "platform_id", name=op.f("uq_course_group_context_id")),
    )
    op.create_table(
        "template_adoption",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("template_version_id", sa.Integer(), nullable=False),
        sa.Column("adopted_by", sa.String(length=64), nullable=False),
        sa.Column("adopted_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_template_adoption_context_id_context")),
        sa.ForeignKeyConstraint(
            ["template_id"], ["mapping_template.id"], name=op.f("fk_template_adoption_template_id_mapping_template")
        ),
        sa.ForeignKeyConstraint(
            ["template_version_id"],
            ["mapping_template_version.id"],
            name=op.f("fk_template_adoption_template_version_id_mapping_template_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_adoption")),
        sa.UniqueConstraint("context_id", "template_id", name=op.f("uq_template_adoption_context_id")),
    )
    with op.batch_alter_table("template_adoption") as batch:
        batch.create_index(batch.f("ix_template_adoption_template_id"), ["template_id"], unique=False)

    op.create_table(
        "award_bar",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("achievement_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=4096), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["achievement_id"], ["achievement.id"], name=op.f("fk_award_bar_achievement_id_achievement")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_award_bar_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_bar")),
        sa.UniqueConstraint("achievement_id", "user_id", name=op.f("uq_award_bar_achievement_id")),
    )
    with op.batch_alter_table("award_bar") as batch:
        batch.create_index(batch.f("ix_award_bar_user_id"), ["user_id"], unique=False)

    op.create_table(
        "checkpoint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "evidence",
                "check_off",
                "progress",
                name="checkpointkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.String(length=1024), nullable=False),
        sa.Column("instructions", sa.String(length=8192), nullable=False),
        sa.Column("maximum", DECIMAL, nullable=True),
        sa.Column("achievement_id", sa.Integer(), nullable=True),
        sa.Column("opens_at", MOMENT, nullable=True),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("closes_at", MOMENT, nullable=True),
        sa.Column("line_item_url", sa.String(length=2048), nullable=True),
        sa.Column("origin_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("retired_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["achievement_id"], ["achievement.id"], name=op.f("fk_checkpoint_achievement_id_achievement")
        ),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_checkpoint_context_id_context")),
        sa.ForeignKeyConstraint(["origin_id"], ["checkpoint.id"], name=op.f("fk_checkpoint_origin_id_checkpoint")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoint")),
        sa.UniqueConstraint("public_id", name=op.f("uq_checkpoint_public_id")),
    )
    with op.batch_alter_table("checkpoint") as batch:
        batch.create_index(batch.f("ix_checkpoint_context_id"), ["context_id"], unique=False)

    op.create_table(
        "group_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_group_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_group_id"], ["course_group.id"], name=op.f("fk_group_member_course_group_id_course_group")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_group_member_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_member")),
        sa.UniqueConstraint("course_group_id", "user_id", name=op.f("uq_group_member_course_group_id")),
    )
    with op.batch_alter_table("group_member") as batch:
        batch.create_index(batch.f("ix_group_member_user_id"), ["user_id"], unique=False)

    op.create_table(
        "checkpoint_opening",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_checkpoint_opening_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_checkpoint_opening_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoint_opening")),
        sa.UniqueConstraint("checkpoint_id", "user_id", name=op.f("uq_checkpoint_opening_checkpoint_id")),
    )
    with op.batch_alter_table("checkpoint_opening") as batch:
        batch.create_index(batch.f("ix_checkpoint_opening_user_id"), ["user_id"], unique=False)

    op.create_table(
        "score_post",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "sent",
                "failed",
                "superseded",
                name="scorestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("activity_progress", sa.String(length=32), nullable=False),
        sa.Column("grading_progress", sa.String(length=32), nullable=False),
        sa.Column("score_given", DECIMAL, nullable=True),
        sa.Column("score_maximum", DECIMAL, nullable=True),
        sa.Column("comment", sa.String(length=4096), nullable=True),
        sa.Column("timestamp", MOMENT, nullable=False),
        sa.Column("submitted_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_score_post_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_score_post_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_post")),
        sa.UniqueConstraint("checkpoint_id", "user_id", "timestamp", name=op.f("uq_score_post_checkpoint_id")),
    )
    with op.batch_alter_table("score_post") as batch:
        batch.create_index(
            "ix_score_post_pending",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch.create_index(batch.f("ix_score_post_user_id"), ["user_id"], unique=False)

    op.create_table(
        "submission",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("link", sa.String(length=2048), nullable=True),
        sa.Column("file_sha256", sa.String(length=64), nullable=True),
        sa.Column("file_name", sa.String(length=255), nullable=True),
        sa.Column("submitted_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_submission_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(["file_sha256"], ["blob.sha256"], name=op.f("fk_submission_file_sha256_blob")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_submission_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("checkpoint_id", "user_id", "number", name=op.f("uq_submission_checkpoint_id")),
    )
    with op.batch_alter_table("submission") as batch:
        batch.create_index(batch.f("ix_submission_user_id"), ["user_id"], unique=False)

    op.create_table(
        "assessment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=True),
        sa.Column("assessor_id", sa.Integer(), nullable=False),
        sa.Column("score", DECIMAL, nullable=True),
        sa.Column("comment", sa.String(length=4096), nullable=False),
        sa.Column("assessed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["assessor_id"], ["user.id"], name=op.f("fk_assessment_assessor_id_user")),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_assessment_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_assessment_submission_id_submission")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_assessment_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
    )
    with op.batch_alter_table("assessment") as batch:
        batch.create_index("ix_assessment_checkpoint_user", ["checkpoint_id", "user_id"], unique=False)
        batch.create_index(batch.f("ix_assessment_user_id"), ["user_id"], unique=False)

    op.create_table(
        "award_run_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("award_run_id", sa.Integer(), nullable=False),
        sa.Column("achievement_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("award_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("state_before", sa.String(length=32), nullable=True),
        sa.Column("applied_at", MOMENT, nullable=True),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["achievement_id"], ["achievement.id"], name=op.f("fk_award_run_item_achievement_id_achievement")
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_award_run_item_award_id_award")),
        sa.ForeignKeyConstraint(
            ["award_run_id"], ["award_run.id"], name=op.f("fk_award_run_item_award_run_id_award_run")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_award_run_item_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_run_item")),
        sa.UniqueConstraint("award_run_id", "achievement_id", "user_id", name=op.f("uq_award_run_item_award_run_id")),
    )
    with op.batch_alter_table("award_run_item") as batch:
        batch.create_index(batch.f("ix_award_run_item_award_id"), ["award_id"], unique=False)
        batch.create_index(batch.f("ix_award_run_item_user_id"), ["user_id"], unique=False)

    op.create_table(
        "learner_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("achievement_id", sa.Integer(), nullable=False),
        sa.Column("award_id", sa.Integer(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["achievement_id"], ["achievement.id"], name=op.f("fk_learner_notice_achievement_id_achievement")
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_learner_notice_award_id_award")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_learner_notice_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learner_notice")),
    )
    with op.batch_alter_table("learner_notice") as batch:
        batch.create_index(batch.f("ix_learner_notice_user_id"), ["user_id"], unique=False)

    op.create_table(
        "review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("achievement_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("award_id", sa.Integer(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "no_longer_earned",
                "appeal",
                "undone",
                name="reviewkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "kept",
                "suspended",
                "revoked",
                "settled",
                "granted",
                "refused",
                name="reviewstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("text", sa.String(length=4096), nullable=True),
        sa.Column("trace_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("answer", sa.String(length=4096), nullable=True),
        sa.ForeignKeyConstraint(
            ["achievement_id"], ["achievement.id"], name=op.f("fk_review_achievement_id_achievement")
        ),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_review_award_id_award")),
        sa.ForeignKeyConstraint(["trace_id"], ["trace.id"], name=op.f("fk_review_trace_id_trace")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_review_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    with op.batch_alter_table("review") as batch:
        batch.create_index(batch.f("ix_review_award_id"), ["award_id"], unique=False)
        batch.create_index("ix_review_due_at", ["due_at"], unique=False)
        batch.create_index(
            "ix_review_one_open",
            ["achievement_id", "user_id", "kind"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch.create_index(batch.f("ix_review_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("achievement") as batch:
        batch.add_column(sa.Column("policy", JSON, nullable=False, server_default="{}"))
        batch.add_column(sa.Column("template_version_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("template_key", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("previewed_count", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("review_note", sa.String(length=4096), nullable=True))
        batch.create_foreign_key(
            "fk_achievement_template_version", "mapping_template_version", ["template_version_id"], ["id"]
        )

    with op.batch_alter_table("audit_event") as batch:
        batch.add_column(sa.Column("is_sealed", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.create_index(
            "ix_audit_event_unsealed",
            ["organization_id", "at"],
            unique=False,
            sqlite_where=sa.text("NOT is_sealed"),
            postgresql_where=sa.text("NOT is_sealed"),
        )

    with op.batch_alter_table("award") as batch:
        batch.add_column(sa.Column("valid_until", MOMENT, nullable=True))
        batch.add_column(sa.Column("is_by_hand", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("award_run_id", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("note", sa.String(length=4096), nullable=True))
        batch.create_index(batch.f("ix_award_award_run_id"), ["award_run_id"], unique=False)
        batch.create_foreign_key(batch.f("fk_award_award_run_id_award_run"), "award_run", ["award_run_id"], ["id"])

    with op.batch_alter_table("competency_policy") as batch:
        batch.add_column(sa.Column("factor", DECIMAL, nullable=False, server_default="65"))
        batch.add_column(sa.Column("template_version_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(
            "fk_competency_policy_template_version", "mapping_template_version", ["template_version_id"], ["id"]
        )

    with op.batch_alter_table("context") as batch:
        batch.add_column(sa.Column("differences_url", sa.String(length=2048), nullable=True))
        batch.add_column(sa.Column("groups_url", sa.String(length=2048), nullable=True))
        batch.add_column(sa.Column("group_sets_url", sa.String(length=2048), nullable=True))
        batch.add_column(sa.Column("history", JSON, nullable=False, server_default="[]"))
        batch.add_column(sa.Column("starts_at", MOMENT, nullable=True))
        batch.add_column(sa.Column("ends_at", MOMENT, nullable=True))

    with op.batch_alter_table("deployment") as batch:
        batch.add_column(sa.Column("notice_service_url", sa.String(length=2048), nullable=True))
        batch.add_column(sa.Column("notice_types", JSON, nullable=False, server_default="[]"))

    with op.batch_alter_table("evidence_column") as batch:
        batch.add_column(sa.Column("grading_scheme", JSON, nullable=True))

    with op.batch_alter_table("evidence_mapping") as batch:
        batch.add_column(sa.Column("template_version_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(
            "fk_evidence_mapping_template_version", "mapping_template_version", ["template_version_id"], ["id"]
        )

    with op.batch_alter_table("framework") as batch:
        batch.add_column(sa.Column("template_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(
            batch.f("fk_framework_template_id_mapping_template"), "mapping_template", ["template_id"], ["id"]
        )

    with op.batch_alter_table("membership") as batch:
        batch.add_column(sa.Column("launch_roles", JSON, nullable=True))
        batch.add_column(sa.Column("sections", JSON, nullable=True))

    with op.batch_alter_table("registration") as batch:
        batch.add_column(sa.Column("scopes", JSON, nullable=True))
        batch.add_column(sa.Column("details", JSON, nullable=False, server_default="{}"))
        batch.add_column(sa.Column("successor_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(
            batch.f("fk_registration_successor_id_registration"), "registration", ["successor_id"], ["id"]
        )

    with op.batch_alter_table("resource_link") as batch:
        batch.add_column(sa.Column("checkpoint_id", sa.Integer(), nullable=True))
        batch.create_index(batch.f("ix_resource_link_checkpoint_id"), ["checkpoint_id"], unique=False)
        batch.create_foreign_key(
            batch.f("fk_resource_link_checkpoint_id_checkpoint"), "checkpoint", ["checkpoint_id"], ["id"]
        )

    with op.batch_alter_table("slot_binding") as batch:
        batch.add_column(sa.Column("bound_by", sa.String(length=64), nullable=True))

    # A template and its versions point at one another: the second half of the circle.
    with op.batch_alter_table("mapping_template") as batch:
        batch.create_foreign_key(
            "fk_mapping_template_current_version", "mapping_template_version", ["current_version_id"], ["id"]
        )
    with op.batch_alter_table("trace") as batch:
        batch.drop_constraint(batch.f("ck_trace_tracemoment"), type_="check")
        batch.create_check_constraint(batch.f("ck_trace_tracemoment"), moments(MOMENTS))


def downgrade() -> None:
    # What only this version can say is taken back to the nearest the former one could.
    op.execute("UPDATE trace SET moment = 'offered' WHERE moment IN ('held')")
    op.execute("UPDATE trace SET moment = 'claimed' WHERE moment IN ('suspended', 'restored', 'revoked', 'reviewed')")
    with op.batch_alter_table("trace") as batch:
        batch.drop_constraint(batch.f("ck_trace_tracemoment"), type_="check")
        batch.create_check_constraint(batch.f("ck_trace_tracemoment"), moments(MOMENTS_BEFORE))
    with op.batch_alter_table("mapping_template") as batch:
        batch.drop_constraint("fk_mapping_template_current_version", type_="foreignkey")

    with op.batch_alter_table("slot_binding") as batch:
        batch.drop_column("bound_by")

    with op.batch_alter_table("resource_link") as batch:
        batch.drop_constraint(batch.f("fk_resource_link_checkpoint_id_checkpoint"), type_="foreignkey")
        batch.drop_index(batch.f("ix_resource_link_checkpoint_id"))
        batch.drop_column("checkpoint_id")

    with op.batch_alter_table("registration") as batch:
        batch.drop_constraint(batch.f("fk_registration_successor_id_registration"), type_="foreignkey")
        batch.drop_column("successor_id")
        batch.drop_column("details")
        batch.drop_column("scopes")

    with op.batch_alter_table("membership") as batch:
        batch.drop_column("sections")
        batch.drop_column("launch_roles")

    with op.batch_alter_table("framework") as batch:
        batch.drop_constraint(batch.f("fk_framework_template_id_mapping_template"), type_="foreignkey")
        batch.drop_column("template_id")

    with op.batch_alter_table("evidence_mapping") as batch:
        batch.drop_constraint("fk_evidence_mapping_template_version", type_="foreignkey")
        batch.drop_column("template_version_id")

    with op.batch_alter_table("evidence_column") as batch:
        batch.drop_column("grading_scheme")

    with op.batch_alter_table("deployment") as batch:
        batch.drop_column("notice_types")
        batch.drop_column("notice_service_url")

    with op.batch_alter_table("context") as batch:
        batch.drop_column("ends_at")
        batch.drop_column("starts_at")
        batch.drop_column("history")
        batch.drop_column("group_sets_url")
        batch.drop_column("groups_url")
        batch.drop_column("differences_url")

    with op.batch_alter_table("competency_policy") as batch:
        batch.drop_constraint("fk_competency_policy_template_version", type_="foreignkey")
        batch.drop_column("template_version_id")
        batch.drop_column("factor")

    with op.batch_alter_table("award") as batch:
        batch.drop_constraint(batch.f("fk_award_award_run_id_award_run"), type_="foreignkey")
        batch.drop_index(batch.f("ix_award_award_run_id"))
        batch.drop_column("note")
        batch.drop_column("award_run_id")
        batch.drop_column("is_by_hand")
        batch.drop_column("valid_until")

    with op.batch_alter_table("audit_event") as batch:
        batch.drop_index(
            "ix_audit_event_unsealed", sqlite_where=sa.text("NOT is_sealed"), postgresql_where=sa.text("NOT is_sealed")
        )
        batch.drop_column("is_sealed")

    with op.batch_alter_table("achievement") as batch:
        batch.drop_constraint("fk_achievement_template_version", type_="foreignkey")
        batch.drop_column("review_note")
        batch.drop_column("previewed_count")
        batch.drop_column("template_key")
        batch.drop_column("template_version_id")
        batch.drop_column("policy")

    with op.batch_alter_table("review") as batch:
        batch.drop_index(batch.f("ix_review_user_id"))
        batch.drop_index(
            "ix_review_one_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch.drop_index("ix_review_due_at")
        batch.drop_index(batch.f("ix_review_award_id"))

    op.drop_table("review")
    with op.batch_alter_table("learner_notice") as batch:
        batch.drop_index(batch.f("ix_learner_notice_user_id"))

    op.drop_table("learner_notice")
    with op.batch_alter_table("award_run_item") as batch:
        batch.drop_index(batch.f("ix_award_run_item_user_id"))
        batch.drop_index(batch.f("ix_award_run_item_award_id"))

    op.drop_table("award_run_item")
    with op.batch_alter_table("assessment") as batch:
        batch.drop_index(batch.f("ix_assessment_user_id"))
        batch.drop_index("ix_assessment_checkpoint_user")

    op.drop_table("assessment")
    with op.batch_alter_table("submission") as batch:
        batch.drop_index(batch.f("ix_submission_user_id"))

    op.drop_table("submission")
    with op.batch_alter_table("score_post") as batch:
        batch.drop_index(batch.f("ix_score_post_user_id"))
        batch.drop_index(
            "ix_score_post_pending",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )

    op.drop_table("score_post")
    with op.batch_alter_table("checkpoint_opening") as batch:
        batch.drop_index(batch.f("ix_checkpoint_opening_user_id"))

    op.drop_table("checkpoint_opening")
    with op.batch_alter_table("group_member") as batch:
        batch.drop_index(batch.f("ix_group_member_user_id"))

    op.drop_table("group_member")
    with op.batch_alter_table("checkpoint") as batch:
        batch.drop_index(batch.f("ix_checkpoint_context_id"))

    op.drop_table("checkpoint")
    with op.batch_alter_table("award_bar") as batch:
        batch.drop_index(batch.f("ix_award_bar_user_id"))

    op.drop_table("award_bar")
    with op.batch_alter_table("template_adoption") as batch:
        batch.drop_index(batch.f("ix_template_adoption_template_id"))

    op.drop_table("template_adoption")
    op.drop_table("course_group")
    with op.batch_alter_table("context_copy") as batch:
        batch.drop_index(batch.f("ix_context_copy_origin_context_id"))

    op.drop_table("context_copy")
    with op.batch_alter_table("award_run") as batch:
        batch.drop_index(
            "ix_award_run_one_held",
            sqlite_where=sa.text("state = 'held' AND kind = 'evaluation'"),
            postgresql_where=sa.text("state = 'held' AND kind = 'evaluation'"),
        )
        batch.drop_index(batch.f("ix_award_run_context_id"))

    op.drop_table("award_run")
    op.drop_table("platform_notice")
    with op.batch_alter_table("pending_launch") as batch:
        batch.drop_index(batch.f("ix_pending_launch_expires_at"))

    op.drop_table("pending_launch")
    op.drop_table("mapping_template_version")
    op.drop_table("audit_seal")
    op.drop_table("term")
    op.drop_table("registration_health")
    op.drop_table("platform_invite")
    op.drop_table("mapping_template")
    op.drop_table("audit_key")
    op.drop_table("audit_head")
