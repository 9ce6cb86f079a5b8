"""0001 Everything the first path needs: platforms, courses, evidence, achievements, awards, credentials, backpacks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision, down_revision = "0001", None

MOMENT = sa.DateTime(timezone=True)
DECIMAL = sa.Numeric().with_variant(sa.String(60), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "backpack_host",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=2048), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("protocol", sa.String(length=32), nullable=False),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.Column("description", JSON, nullable=True),
        sa.Column("client", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backpack_host")),
        sa.UniqueConstraint("address", name=op.f("uq_backpack_host_address")),
    )
    op.create_table(
        "blob",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "organization",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
    )
    op.create_table(
        "registration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("auth_login_url", sa.String(length=2048), nullable=False),
        sa.Column("auth_token_url", sa.String(length=2048), nullable=False),
        sa.Column("key_set_url", sa.String(length=2048), nullable=False),
        sa.Column("audience", sa.String(length=2048), nullable=True),
        sa.Column("product", sa.String(length=64), nullable=True),
        sa.Column("accepts_first_deployment", sa.Boolean(), nullable=False),
        sa.Column("key_set", JSON, nullable=True),
        sa.Column("key_set_fetched_at", MOMENT, nullable=True),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
        sa.UniqueConstraint("issuer", "client_id", name=op.f("uq_registration_issuer")),
        sa.UniqueConstraint("name", name=op.f("uq_registration_name")),
    )
    op.create_table(
        "staff_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "admin", "registrar", "reviewer", name="staffrole", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_user")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_user_email")),
    )
    op.create_table(
        "tool_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "next", "active", "retired", name="toolkeystate", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("private_key", sa.String(), nullable=False),
        sa.Column("public_jwk", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("retired_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tool_key")),
        sa.UniqueConstraint("kid", name=op.f("uq_tool_key_kid")),
    )
    op.create_index(
        "ix_tool_key_one_active",
        "tool_key",
        ["state"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_audit_event_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_organization_id"), "audit_event", ["organization_id"], unique=False)
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(length=255), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "active",
                "disabled",
                name="deploymentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_deployment_organization_id_organization")
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_deployment_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
        sa.UniqueConstraint("registration_id", "deployment_id", name=op.f("uq_deployment_registration_id")),
    )
    op.create_index(op.f("ix_deployment_organization_id"), "deployment", ["organization_id"], unique=False)
    op.create_table(
        "invite",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["staff_user_id"], ["staff_user.id"], name=op.f("fk_invite_staff_user_id_staff_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invite")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invite_token_hash")),
    )
    op.create_table(
        "issuer_profile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("base_url", sa.String(length=2048), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("description", sa.String(length=4096), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_issuer_profile_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuer_profile")),
        sa.UniqueConstraint("public_id", name=op.f("uq_issuer_profile_public_id")),
    )
    op.create_index(op.f("ix_issuer_profile_organization_id"), "issuer_profile", ["organization_id"], unique=False)
    op.create_table(
        "login_state",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("nonce_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=True),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("login_parameters", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("consumed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_login_state_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_login_state")),
    )
    op.create_index(op.f("ix_login_state_expires_at"), "login_state", ["expires_at"], unique=False)
    op.create_table(
        "service_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("scopes", sa.String(length=2048), nullable=False),
        sa.Column("access_token", sa.String(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_service_token_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_token")),
        sa.UniqueConstraint("registration_id", "scopes", name=op.f("uq_service_token_registration_id")),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("staff_user_id", sa.Integer(), nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_user_id"], ["staff_user.id"], name=op.f("fk_staff_session_staff_user_id_staff_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_session")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_staff_session_secret_hash")),
    )
    op.create_index(op.f("ix_staff_session_expires_at"), "staff_session", ["expires_at"], unique=False)
    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("platform_user_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=1024), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_user_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("registration_id", "platform_user_id", name=op.f("uq_user_registration_id")),
    )
    op.create_table(
        "audit_payload",
        sa.Column("audit_event_id", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["audit_event_id"], ["audit_event.id"], name=op.f("fk_audit_payload_audit_event_id_audit_event")
        ),
        sa.PrimaryKeyConstraint("audit_event_id", name=op.f("pk_audit_payload")),
    )
    op.create_table(
        "backpack_connection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "consent_needed",
                "disconnected",
                name="connectionstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("tokens", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["host_id"], ["backpack_host.id"], name=op.f("fk_backpack_connection_host_id_backpack_host")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_backpack_connection_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backpack_connection")),
        sa.UniqueConstraint("user_id", "host_id", name=op.f("uq_backpack_connection_user_id")),
    )
    op.create_table(
        "context",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=1024), nullable=True),
        sa.Column("label", sa.String(length=1024), nullable=True),
        sa.Column("line_items_url", sa.String(length=2048), nullable=True),
        sa.Column("ags_scopes", JSON, nullable=False),
        sa.Column("memberships_url", sa.String(length=2048), nullable=True),
        sa.Column("evaluation_wanted", sa.Integer(), nullable=False),
        sa.Column("evaluation_done", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("launched_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployment.id"], name=op.f("fk_context_deployment_id_deployment")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_context_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_context")),
        sa.UniqueConstraint("deployment_id", "platform_id", name=op.f("uq_context_deployment_id")),
    )
    op.create_index(op.f("ix_context_organization_id"), "context", ["organization_id"], unique=False)
    op.create_table(
        "issuer_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issuer_profile_id", sa.Integer(), nullable=False),
        sa.Column("public_key_multibase", sa.String(length=128), nullable=False),
        sa.Column("private_key", sa.String(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer_profile_id"], ["issuer_profile.id"], name=op.f("fk_issuer_key_issuer_profile_id_issuer_profile")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuer_key")),
        sa.UniqueConstraint("public_key_multibase", name=op.f("uq_issuer_key_public_key_multibase")),
    )
    op.create_index(op.f("ix_issuer_key_issuer_profile_id"), "issuer_key", ["issuer_profile_id"], unique=False)
    op.create_table(
        "status_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issuer_profile_id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.String(), nullable=True),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer_profile_id"], ["issuer_profile.id"], name=op.f("fk_status_list_issuer_profile_id_issuer_profile")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_list")),
        sa.UniqueConstraint("public_id", name=op.f("uq_status_list_public_id")),
    )
    op.create_index(op.f("ix_status_list_issuer_profile_id"), "status_list", ["issuer_profile_id"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("details", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_ticket_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_ticket_token_hash")),
    )
    op.create_index(op.f("ix_ticket_expires_at"), "ticket", ["expires_at"], unique=False)
    op.create_table(
        "achievement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("issuer_profile_id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "review",
                "live",
                "retired",
                name="achievementstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("current_version_id", sa.Integer(), nullable=True),
        sa.Column("current_rule_id", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_achievement_context_id_context")),
        sa.ForeignKeyConstraint(
            ["issuer_profile_id"], ["issuer_profile.id"], name=op.f("fk_achievement_issuer_profile_id_issuer_profile")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_achievement")),
        sa.UniqueConstraint("public_id", name=op.f("uq_achievement_public_id")),
    )
    op.create_index(op.f("ix_achievement_context_id"), "achievement", ["context_id"], unique=False)
    op.create_table(
        "evidence_column",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "line_item",
                "module",
                "outcome",
                "course_total",
                "assessor",
                name="columnkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("external_key", sa.String(length=2048), nullable=False),
        sa.Column("title", sa.String(length=1024), nullable=False),
        sa.Column("maximum", DECIMAL, nullable=True),
        sa.Column("resource_id", sa.String(length=1024), nullable=True),
        sa.Column("tag", sa.String(length=1024), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_gone", sa.Boolean(), nullable=False),
        sa.Column("checked_at", MOMENT, nullable=True),
        sa.Column("failed_code", sa.String(length=64), nullable=True),
        sa.CheckConstraint(
            "maximum IS NULL OR CAST(maximum AS NUMERIC) >= 0", name=op.f("ck_evidence_column_maximum_not_negative")
        ),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_evidence_column_context_id_context")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_column")),
        sa.UniqueConstraint("context_id", "source", "external_key", name=op.f("uq_evidence_column_context_id")),
    )
    op.create_table(
        "framework",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=True),
        sa.Column("identifier", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=1024), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_framework_context_id_context")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_framework_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_framework")),
        sa.UniqueConstraint("organization_id", "identifier", name=op.f("uq_framework_organization_id")),
    )
    op.create_index(op.f("ix_framework_context_id"), "framework", ["context_id"], unique=False)
    op.create_table(
        "launch_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("roles", JSON, nullable=False),
        sa.Column("is_test_user", sa.Boolean(), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("frame_ancestors", JSON, nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_launch_session_context_id_context")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_launch_session_deployment_id_deployment")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_launch_session_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_launch_session")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_launch_session_secret_hash")),
    )
    op.create_index(op.f("ix_launch_session_expires_at"), "launch_session", ["expires_at"], unique=False)
    op.create_table(
        "membership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("roles", JSON, nullable=False),
        sa.Column("is_learner", sa.Boolean(), nullable=False),
        sa.Column("is_test_user", sa.Boolean(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active", "inactive", name="membershipstatus", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_membership_context_id_context")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_membership_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
        sa.UniqueConstraint("context_id", "user_id", name=op.f("uq_membership_context_id")),
    )
    op.create_index(op.f("ix_membership_user_id"), "membership", ["user_id"], unique=False)
    op.create_table(
        "resource_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=1024), nullable=True),
        sa.Column("line_item_url", sa.String(length=2048), nullable=True),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_resource_link_context_id_context")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource_link")),
        sa.UniqueConstraint("context_id", "platform_id", name=op.f("uq_resource_link_context_id")),
    )
    op.create_table(
        "sync_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "requested",
                "running",
                "done",
                "failed",
                name="syncstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_sync_run_context_id_context")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
    )
    op.create_index(
        "ix_sync_run_one_open",
        "sync_run",
        ["context_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('requested', 'running')"),
        postgresql_where=sa.text("state IN ('requested', 'running')"),
    )
    op.create_table(
        "achievement_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("achievement_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=4096), nullable=False),
        sa.Column("criteria_narrative", sa.String(length=8192), nullable=False),
        sa.Column("achievement_type", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("picture_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["achievement_id"], ["achievement.id"], name=op.f("fk_achievement_version_achievement_id_achievement")
        ),
        sa.ForeignKeyConstraint(
            ["picture_sha256"], ["blob.sha256"], name=op.f("fk_achievement_version_picture_sha256_blob")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_achievement_version")),
        sa.UniqueConstraint("achievement_id", "number", name=op.f("uq_achievement_version_achievement_id")),
    )
    op.create_table(
        "award_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("achievement_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["achievement_id"], ["achievement.id"], name=op.f("fk_award_rule_achievement_id_achievement")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_rule")),
        sa.UniqueConstraint("achievement_id", "number", name=op.f("uq_award_rule_achievement_id")),
    )
    op.create_table(
        "item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("framework_id", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.String(length=255), nullable=False),
        sa.Column("human_code", sa.String(length=255), nullable=True),
        sa.Column("full_statement", sa.String(length=4096), nullable=False),
        sa.Column("uri", sa.String(length=2048), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["framework_id"], ["framework.id"], name=op.f("fk_item_framework_id_framework")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("framework_id", "identifier", name=op.f("uq_item_framework_id")),
    )
    op.create_table(
        "observation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("column_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "graded",
                "ungraded",
                "excused",
                "hidden",
                "missing",
                "completed",
                "submitted",
                "not_opened",
                name="evidencestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("score", DECIMAL, nullable=True),
        sa.Column("maximum", DECIMAL, nullable=True),
        sa.Column("letter", sa.String(length=32), nullable=True),
        sa.Column("submitted_at", MOMENT, nullable=True),
        sa.Column("graded_at", MOMENT, nullable=True),
        sa.Column("source_updated_at", MOMENT, nullable=True),
        sa.Column("fetched_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["column_id"], ["evidence_column.id"], name=op.f("fk_observation_column_id_evidence_column")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_observation_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation")),
    )
    op.create_index("ix_observation_column_user", "observation", ["column_id", "user_id"], unique=False)
    op.create_index(op.f("ix_observation_user_id"), "observation", ["user_id"], unique=False)
    op.create_table(
        "slot_binding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.String(length=255), nullable=False),
        sa.Column("column_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["column_id"], ["evidence_column.id"], name=op.f("fk_slot_binding_column_id_evidence_column")
        ),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_slot_binding_context_id_context")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot_binding")),
        sa.UniqueConstraint("context_id", "slot", name=op.f("uq_slot_binding_context_id")),
    )
    op.create_table(
        "alignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("achievement_version_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["achievement_version_id"],
            ["achievement_version.id"],
            name=op.f("fk_alignment_achievement_version_id_achievement_version"),
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_alignment_item_id_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alignment")),
        sa.UniqueConstraint("achievement_version_id", "item_id", name=op.f("uq_alignment_achievement_version_id")),
    )
    op.create_table(
        "award",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("achievement_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "held",
                "offered",
                "lapsed",
                "declined",
                "claimed",
                "suspended",
                "revoked",
                name="awardstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("achievement_version_id", sa.Integer(), nullable=False),
        sa.Column("award_rule_id", sa.Integer(), nullable=False),
        sa.Column("reason_code", sa.String(length=64), nullable=True),
        sa.Column("offered_at", MOMENT, nullable=False),
        sa.Column("claimed_at", MOMENT, nullable=True),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("shows_name", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["achievement_id"], ["achievement.id"], name=op.f("fk_award_achievement_id_achievement")
        ),
        sa.ForeignKeyConstraint(
            ["achievement_version_id"],
            ["achievement_version.id"],
            name=op.f("fk_award_achievement_version_id_achievement_version"),
        ),
        sa.ForeignKeyConstraint(["award_rule_id"], ["award_rule.id"], name=op.f("fk_award_award_rule_id_award_rule")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_award_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award")),
        sa.UniqueConstraint("achievement_id", "user_id", "occasion", name=op.f("uq_award_achievement_id")),
    )
    op.create_index(op.f("ix_award_user_id"), "award", ["user_id"], unique=False)
    op.create_table(
        "competency_policy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("calculation", sa.String(length=32), nullable=False),
        sa.Column("threshold", DECIMAL, nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_competency_policy_context_id_context")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_competency_policy_item_id_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_competency_policy")),
        sa.UniqueConstraint("context_id", "item_id", name=op.f("uq_competency_policy_context_id")),
    )
    op.create_table(
        "evidence_mapping",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.String(length=255), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("threshold", DECIMAL, nullable=False),
        sa.Column("weight", DECIMAL, nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["context.id"], name=op.f("fk_evidence_mapping_context_id_context")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_evidence_mapping_item_id_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_mapping")),
        sa.UniqueConstraint("context_id", "slot", "item_id", name=op.f("uq_evidence_mapping_context_id")),
    )
    op.create_table(
        "fact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("column_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("observation_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["column_id"], ["evidence_column.id"], name=op.f("fk_fact_column_id_evidence_column")),
        sa.ForeignKeyConstraint(
            ["observation_id"], ["observation.id"], name=op.f("fk_fact_observation_id_observation")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_fact_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact")),
        sa.UniqueConstraint("column_id", "user_id", name=op.f("uq_fact_column_id")),
    )
    op.create_index(op.f("ix_fact_user_id"), "fact", ["user_id"], unique=False)
    op.create_table(
        "credential",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("award_id", sa.Integer(), nullable=False),
        sa.Column("url_id", sa.String(length=2048), nullable=False),
        sa.Column("issuer_url_id", sa.String(length=2048), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_credential_award_id_award")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
        sa.UniqueConstraint("award_id", name=op.f("uq_credential_award_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_credential_public_id")),
        sa.UniqueConstraint("url_id", name=op.f("uq_credential_url_id")),
    )
    op.create_table(
        "trace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("award_id", sa.Integer(), nullable=False),
        sa.Column(
            "moment",
            sa.Enum(
                "offered", "lapsed", "claimed", name="tracemoment", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("award_rule_id", sa.Integer(), nullable=False),
        sa.Column("document", JSON, nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["award_id"], ["award.id"], name=op.f("fk_trace_award_id_award")),
        sa.ForeignKeyConstraint(["award_rule_id"], ["award_rule.id"], name=op.f("fk_trace_award_rule_id_award_rule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trace")),
    )
    op.create_index(op.f("ix_trace_award_id"), "trace", ["award_id"], unique=False)
    op.create_table(
        "connect_state",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.Integer(), nullable=False),
        sa.Column("code_verifier", sa.String(), nullable=False),
        sa.Column("credential_id", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("consumed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credential.id"], name=op.f("fk_connect_state_credential_id_credential")
        ),
        sa.ForeignKeyConstraint(["host_id"], ["backpack_host.id"], name=op.f("fk_connect_state_host_id_backpack_host")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_connect_state_user_id_user")),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_connect_state")),
    )
    op.create_index(op.f("ix_connect_state_expires_at"), "connect_state", ["expires_at"], unique=False)
    op.create_table(
        "credential_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "issued",
                "superseded",
                name="versionstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "subject_kind",
            sa.Enum(
                "email_hash", "opaque", "did", name="subjectkind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.String(length=2048), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=1024), nullable=True),
        sa.Column("status_list_id", sa.Integer(), nullable=False),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("issuer_key_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", MOMENT, nullable=False),
        sa.Column("document", sa.String(), nullable=True),
        sa.Column("issued_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credential.id"], name=op.f("fk_credential_version_credential_id_credential")
        ),
        sa.ForeignKeyConstraint(
            ["issuer_key_id"], ["issuer_key.id"], name=op.f("fk_credential_version_issuer_key_id_issuer_key")
        ),
        sa.ForeignKeyConstraint(
            ["status_list_id"], ["status_list.id"], name=op.f("fk_credential_version_status_list_id_status_list")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_version")),
        sa.UniqueConstraint("credential_id", "number", name=op.f("uq_credential_version_credential_id")),
        sa.UniqueConstraint("status_list_id", "status_index", name=op.f("uq_credential_version_status_list_id")),
    )
    op.create_table(
        "share",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["credential_id"], ["credential.id"], name=op.f("fk_share_credential_id_credential")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share")),
    )
    op.create_index(op.f("ix_share_credential_id"), "share", ["credential_id"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("credential_version_id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "delivered",
                "failed",
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("receipt", JSON, nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["backpack_connection.id"], name=op.f("fk_delivery_connection_id_backpack_connection")
        ),
        sa.ForeignKeyConstraint(
            ["credential_version_id"],
            ["credential_version.id"],
            name=op.f("fk_delivery_credential_version_id_credential_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("credential_version_id", "connection_id", name=op.f("uq_delivery_credential_version_id")),
    )
    op.create_index(op.f("ix_delivery_connection_id"), "delivery", ["connection_id"], unique=False)
    # Achievements and their versions point at one another: the second half of the circle.
    with op.batch_alter_table("achievement") as batch:
        batch.create_foreign_key(
            "fk_achievement_current_version", "achievement_version", ["current_version_id"], ["id"]
        )
        batch.create_foreign_key("fk_achievement_current_rule", "award_rule", ["current_rule_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("achievement") as batch:
        batch.drop_constraint("fk_achievement_current_rule", type_="foreignkey")
        batch.drop_constraint("fk_achievement_current_version", type_="foreignkey")
    op.drop_index(op.f("ix_delivery_connection_id"), table_name="delivery")
    op.drop_table("delivery")
    op.drop_index(op.f("ix_share_credential_id"), table_name="share")
    op.drop_table("share")
    op.drop_table("credential_version")
    op.drop_index(op.f("ix_connect_state_expires_at"), table_name="connect_state")
    op.drop_table("connect_state")
    op.drop_index(op.f("ix_trace_award_id"), table_name="trace")
    op.drop_table("trace")
    op.drop_table("credential")
    op.drop_index(op.f("ix_fact_user_id"), table_name="fact")
    op.drop_table("fact")
    op.drop_table("evidence_mapping")
    op.drop_table("competency_policy")
    op.drop_index(op.f("ix_award_user_id"), table_name="award")
    op.drop_table("award")
    op.drop_table("alignment")
    op.drop_table("slot_binding")
    op.drop_index(op.f("ix_observation_user_id"), table_name="observation")
    op.drop_index("ix_observation_column_user", table_name="observation")
    op.drop_table("observation")
    op.drop_table("item")
    op.drop_table("award_rule")
    op.drop_table("achievement_version")
    op.drop_index(
        "ix_sync_run_one_open",
        table_name="sync_run",
        sqlite_where=sa.text("state IN ('requested', 'running')"),
        postgresql_where=sa.text("state IN ('requested', 'running')"),
    )
    op.drop_table("sync_run")
    op.drop_table("resource_link")
    op.drop_index(op.f("ix_membership_user_id"), table_name="membership")
    op.drop_table("membership")
    op.drop_index(op.f("ix_launch_session_expires_at"), table_name="launch_session")
    op.drop_table("launch_session")
    op.drop_index(op.f("ix_framework_context_id"), table_name="framework")
    op.drop_table("framework")
    op.drop_table("evidence_column")
    op.drop_index(op.f("ix_achievement_context_id"), table_name="achievement")
    op.drop_table("achievement")
    op.drop_index(op.f("ix_ticket_expires_at"), table_name="ticket")
    op.drop_table("ticket")
    op.drop_index(op.f("ix_status_list_issuer_profile_id"), table_name="status_list")
    op.drop_table("status_list")
    op.drop_index(op.f("ix_issuer_key_issuer_profile_id"), table_name="issuer_key")
    op.drop_table("issuer_key")
    op.drop_index(op.f("ix_context_organization_id"), table_name="context")
    op.drop_table("context")
    op.drop_table("backpack_connection")
    op.drop_table("audit_payload")
    op.drop_table("user")
    op.drop_index(op.f("ix_staff_session_expires_at"), table_name="staff_session")
    op.drop_table("staff_session")
    op.drop_table("service_token")
    op.drop_index(op.f("ix_login_state_expires_at"), table_name="login_state")
    op.drop_table("login_state")
    op.drop_index(op.f("ix_issuer_profile_organization_id"), table_name="issuer_profile")
    op.drop_table("issuer_profile")
    op.drop_table("invite")
    op.drop_index(op.f("ix_deployment_organization_id"), table_name="deployment")
    op.drop_table("deployment")
    op.drop_index(op.f("ix_audit_event_organization_id"), table_name="audit_event")
    op.drop_table("audit_event")
    op.drop_index(
        "ix_tool_key_one_active",
        table_name="tool_key",
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.drop_table("tool_key")
    op.drop_table("staff_user")
    op.drop_table("registration")
    op.drop_table("organization")
    op.drop_table("lease")
    op.drop_table("blob")
    op.drop_table("backpack_host")
