"""0007 Backpacks: issuing platforms, other backpacks that collect here, Open Badges 2.0 faces, JWS keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision, down_revision = "0007", "0006"

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "hosted_client",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("protocol", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("client_uri", sa.String(length=2048), nullable=False),
        sa.Column("logo_uri", sa.String(length=2048), nullable=True),
        sa.Column("tos_uri", sa.String(length=2048), nullable=True),
        sa.Column("policy_uri", sa.String(length=2048), nullable=True),
        sa.Column("software_id", sa.String(length=255), nullable=True),
        sa.Column("software_version", sa.String(length=255), nullable=True),
        sa.Column("redirect_uris", JSON, nullable=False),
        sa.Column("auth_method", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=2048), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosted_client")),
        sa.UniqueConstraint("client_id", name=op.f("uq_hosted_client_client_id")),
    )
    op.create_table(
        "issuing_platform",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("protocol", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=2048), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "refused",
                "disabled",
                name="issuingstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("paused_until", MOMENT, nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("last_success_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_issuing_platform_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuing_platform")),
        sa.UniqueConstraint("organization_id", "address", name=op.f("uq_issuing_platform_organization_id")),
    )
    op.create_table(
        "hosted_consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hosted_client_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=2048), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["hosted_client_id"], ["hosted_client.id"], name=op.f("fk_hosted_consent_hosted_client_id_hosted_client")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_hosted_consent_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosted_consent")),
        sa.UniqueConstraint("hosted_client_id", "user_id", name=op.f("uq_hosted_consent_hosted_client_id")),
    )
    with op.batch_alter_table("hosted_consent") as batch:
        batch.create_index(batch.f("ix_hosted_consent_user_id"), ["user_id"], unique=False)
    op.create_table(
        "issuer_jws_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issuer_profile_id", sa.Integer(), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("public_jwk", JSON, nullable=False),
        sa.Column("private_key", sa.String(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("withdrawn_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer_profile_id"],
            ["issuer_profile.id"],
            name=op.f("fk_issuer_jws_key_issuer_profile_id_issuer_profile"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuer_jws_key")),
        sa.UniqueConstraint("kid", name=op.f("uq_issuer_jws_key_kid")),
    )
    with op.batch_alter_table("issuer_jws_key") as batch:
        batch.create_index(batch.f("ix_issuer_jws_key_issuer_profile_id"), ["issuer_profile_id"], unique=False)
    op.create_table(
        "mirrored_issuer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issuing_platform_id", sa.Integer(), nullable=False),
        sa.Column("issuer_profile_id", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer_profile_id"],
            ["issuer_profile.id"],
            name=op.f("fk_mirrored_issuer_issuer_profile_id_issuer_profile"),
        ),
        sa.ForeignKeyConstraint(
            ["issuing_platform_id"],
            ["issuing_platform.id"],
            name=op.f("fk_mirrored_issuer_issuing_platform_id_issuing_platform"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirrored_issuer")),
        sa.UniqueConstraint(
            "issuing_platform_id", "issuer_profile_id", name=op.f("uq_mirrored_issuer_issuing_platform_id")
        ),
    )
    op.create_table(
        "pairing_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("consumed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_pairing_code_user_id_user")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_pairing_code")),
    )
    with op.batch_alter_table("pairing_code") as batch:
        batch.create_index(batch.f("ix_pairing_code_expires_at"), ["expires_at"], unique=False)
        batch.create_index(batch.f("ix_pairing_code_user_id"), ["user_id"], unique=False)
    op.create_table(
        "hosted_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("hosted_consent_id", sa.Integer(), nullable=False),
        sa.Column("redirect_uri", sa.String(length=2048), nullable=False),
        sa.Column("code_challenge", sa.String(length=128), nullable=False),
        sa.Column("scope", sa.String(length=2048), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("consumed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["hosted_consent_id"], ["hosted_consent.id"], name=op.f("fk_hosted_code_hosted_consent_id_hosted_consent")
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_hosted_code")),
    )
    with op.batch_alter_table("hosted_code") as batch:
        batch.create_index(batch.f("ix_hosted_code_expires_at"), ["expires_at"], unique=False)
    op.create_table(
        "hosted_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hosted_consent_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("access", "refresh", name="tokenkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("family", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=2048), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["hosted_consent_id"], ["hosted_consent.id"], name=op.f("fk_hosted_token_hosted_consent_id_hosted_consent")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosted_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_hosted_token_token_hash")),
    )
    with op.batch_alter_table("hosted_token") as batch:
        batch.create_index(batch.f("ix_hosted_token_expires_at"), ["expires_at"], unique=False)
        batch.create_index(batch.f("ix_hosted_token_family"), ["family"], unique=False)
        batch.create_index(batch.f("ix_hosted_token_hosted_consent_id"), ["hosted_consent_id"], unique=False)
    op.create_table(
        "mirrored_badge_class",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issuing_platform_id", sa.Integer(), nullable=False),
        sa.Column("achievement_id", sa.Integer(), nullable=False),
        sa.Column("achievement_version_id", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.String(length=255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["achievement_id"], ["achievement.id"], name=op.f("fk_mirrored_badge_class_achievement_id_achievement")
        ),
        sa.ForeignKeyConstraint(
            ["achievement_version_id"],
            ["achievement_version.id"],
            name=op.f("fk_mirrored_badge_class_achievement_version_id_achievement_version"),
        ),
        sa.ForeignKeyConstraint(
            ["issuing_platform_id"],
            ["issuing_platform.id"],
            name=op.f("fk_mirrored_badge_class_issuing_platform_id_issuing_platform"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirrored_badge_class")),
        sa.UniqueConstraint(
            "issuing_platform_id", "achievement_id", name=op.f("uq_mirrored_badge_class_issuing_platform_id")
        ),
    )
    op.create_table(
        "hosted_assertion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("jws", sa.String(), nullable=True),
        sa.Column("withdrawn", sa.String(), nullable=True),
        sa.Column("earlier", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credential.id"], name=op.f("fk_hosted_assertion_credential_id_credential")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosted_assertion")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_hosted_assertion_credential_id")),
    )
    op.create_table(
        "mirrored_award",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issuing_platform_id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "issued",
                "revoking",
                "revoked",
                "failed",
                name="mirrorstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("remote_id", sa.String(length=255), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("receipt", JSON, nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credential.id"], name=op.f("fk_mirrored_award_credential_id_credential")
        ),
        sa.ForeignKeyConstraint(
            ["issuing_platform_id"],
            ["issuing_platform.id"],
            name=op.f("fk_mirrored_award_issuing_platform_id_issuing_platform"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mirrored_award")),
        sa.UniqueConstraint("issuing_platform_id", "credential_id", name=op.f("uq_mirrored_award_issuing_platform_id")),
    )
    with op.batch_alter_table("mirrored_award") as batch:
        batch.create_index(batch.f("ix_mirrored_award_credential_id"), ["credential_id"], unique=False)
        batch.create_index("ix_mirrored_award_state_due_at", ["state", "due_at"], unique=False)
    with op.batch_alter_table("backpack_connection") as batch:
        batch.add_column(sa.Column("account_id", sa.String(length=2048), nullable=True))
        batch.add_column(sa.Column("account_name", sa.String(length=1024), nullable=True))
        batch.add_column(sa.Column("account_email", sa.String(length=320), nullable=True))
        batch.add_column(sa.Column("error_code", sa.String(length=64), nullable=True))
    with op.batch_alter_table("backpack_host") as batch:
        batch.add_column(sa.Column("paused_until", MOMENT, nullable=True))
        batch.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("error_code", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("last_success_at", MOMENT, nullable=True))
    with op.batch_alter_table("credential_version") as batch:
        batch.add_column(sa.Column("jwt", sa.String(), nullable=True))
        batch.add_column(sa.Column("reason", sa.String(length=32), nullable=True))
        batch.add_column(sa.Column("replaces", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("issuer_key") as batch:
        batch.add_column(sa.Column("withdrawn_at", MOMENT, nullable=True))
    with op.batch_alter_table("delivery") as batch:
        batch.add_column(
            sa.Column(
                "purpose",
                sa.Enum(
                    "put", "withdraw", name="deliverypurpose", native_enum=False, create_constraint=True, length=32
                ),
                nullable=False,
                server_default="put",
            )
        )
        batch.add_column(sa.Column("remote_id", sa.String(length=2048), nullable=True))
        batch.drop_constraint(batch.f("uq_delivery_credential_version_id"), type_="unique")
        batch.create_unique_constraint(
            batch.f("uq_delivery_credential_version_id"), ["credential_version_id", "connection_id", "purpose"]
        )


def downgrade() -> None:
    op.execute("DELETE FROM delivery WHERE purpose = 'withdraw'")
    with op.batch_alter_table("delivery") as batch:
        batch.drop_constraint(batch.f("ck_delivery_deliverypurpose"), type_="check")
        batch.drop_constraint(batch.f("uq_delivery_credential_version_id"), type_="unique")
        batch.create_unique_constraint(
            batch.f("uq_delivery_credential_version_id"), ["credential_version_id", "connection_id"]
        )
        batch.drop_column("remote_id")
        batch.drop_column("purpose")
    with op.batch_alter_table("issuer_key") as batch:
        batch.drop_column("withdrawn_at")
    with op.batch_alter_table("credential_version") as batch:
        batch.drop_column("replaces")
        batch.drop_column("reason")
        batch.drop_column("jwt")
    with op.batch_alter_table("backpack_host") as batch:
        batch.drop_column("last_success_at")
        batch.drop_column("error_code")
        batch.drop_column("failures")
        batch.drop_column("paused_until")
    with op.batch_alter_table("backpack_connection") as batch:
        batch.drop_column("error_code")
        batch.drop_column("account_email")
        batch.drop_column("account_name")
        batch.drop_column("account_id")
    with op.batch_alter_table("mirrored_award") as batch:
        batch.drop_index("ix_mirrored_award_state_due_at")
        batch.drop_index(batch.f("ix_mirrored_award_credential_id"))
    op.drop_table("mirrored_award")
    op.drop_table("hosted_assertion")
    op.drop_table("mirrored_badge_class")
    with op.batch_alter_table("hosted_token") as batch:
        batch.drop_index(batch.f("ix_hosted_token_hosted_consent_id"))
        batch.drop_index(batch.f("ix_hosted_token_family"))
        batch.drop_index(batch.f("ix_hosted_token_expires_at"))
    op.drop_table("hosted_token")
    with op.batch_alter_table("hosted_code") as batch:
        batch.drop_index(batch.f("ix_hosted_code_expires_at"))
    op.drop_table("hosted_code")
    with op.batch_alter_table("pairing_code") as batch:
        batch.drop_index(batch.f("ix_pairing_code_user_id"))
        batch.drop_index(batch.f("ix_pairing_code_expires_at"))
    op.drop_table("pairing_code")
    op.drop_table("mirrored_issuer")
    with op.batch_alter_table("issuer_jws_key") as batch:
        batch.drop_index(batch.f("ix_issuer_jws_key_issuer_profile_id"))
    op.drop_table("issuer_jws_key")
    with op.batch_alter_table("hosted_consent") as batch:
        batch.drop_index(batch.f("ix_hosted_consent_user_id"))
    op.drop_table("hosted_consent")
    op.drop_table("issuing_platform")
    op.drop_table("hosted_client")
