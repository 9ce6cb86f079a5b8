"""What every table shares: types, constraint names, and the label that says whether a column is personal data."""

import enum
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import JSON, Dialect, MetaData, Numeric, String, types
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column
from sqlalchemy.types import TypeEngine

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

JsonDocument = JSON().with_variant(JSONB(), "postgresql")


class UTCDateTime(types.TypeDecorator[datetime]):
    """A moment in UTC; a naive value is refused instead of guessed."""

    impl = types.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(types.TypeDecorator[Decimal]):
    """A decimal that comes back exactly: NUMERIC on PostgreSQL, text on SQLite (which has only floats)."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(60))
        return dialect.type_descriptor(Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(value)


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: UTCDateTime(),
        Decimal: ExactDecimal(),
        dict[str, Any]: JsonDocument,
        list[str]: JsonDocument,
        list[dict[str, Any]]: JsonDocument,
    }


PK = Annotated[int, mapped_column(primary_key=True, info={"pii": "none"})]


def _labelled(pii: str, args: tuple[Any, ...], options: dict[str, Any]) -> MappedColumn[Any]:
    return mapped_column(*args, info={"pii": pii}, **options)


def plain(*args: Any, **options: Any) -> MappedColumn[Any]:
    """A column without personal data."""
    return _labelled("none", args, options)


def pseudonymous(*args: Any, **options: Any) -> MappedColumn[Any]:
    """A column about one person, who is only named elsewhere."""
    return _labelled("pseudonymous", args, options)


def personal(*args: Any, **options: Any) -> MappedColumn[Any]:
    """A column with personal data (names, e-mail addresses, grades, documents that may hold them)."""
    return _labelled("personal", args, options)


def secret(*args: Any, **options: Any) -> MappedColumn[Any]:
    """A column with a secret: hashed or encrypted, never plain."""
    return _labelled("secret", args, options)


def choice(values: type[enum.StrEnum]) -> types.Enum:
    """A column type for one of the values of a StrEnum, checked by the database too."""
    return types.Enum(
        values,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=32,
        name=values.__name__.lower(),
        values_callable=lambda cls: [member.value for member in cls],
    )


def new_public_id() -> str:
    """Return a random 128-bit id, URL-safe."""
    return secrets.token_urlsafe(16)
