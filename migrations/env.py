"""Alembic's environment: one transaction per migration, batch mode for SQLite, foreign keys off while tables move."""

from alembic import context
from sqlalchemy import Connection

from lti_tool.db import make_engine
from lti_tool.models import Base


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=True,
    )
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET lock_timeout = '10s'")
        connection.commit()
    with context.begin_transaction():
        context.run_migrations()


def check_foreign_keys(connection: Connection) -> None:
    """Rebuilt tables must not have lost a parent (SQLite checks nothing while the pragma is off)."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"migration left {len(broken)} rows without their parent: {broken[:3]}")


engine = make_engine(context.config.attributes["database_url"], foreign_keys=False)
with engine.connect() as connection:
    run(connection)
    check_foreign_keys(connection)
engine.dispose()
