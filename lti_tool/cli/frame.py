"""What every command shares: refusals as one line, services, printing."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from alembic.util import CommandError as AlembicError
from sqlalchemy.exc import SQLAlchemyError

from lti_tool import __version__
from lti_tool.db import require_schema
from lti_tool.errors import ToolError
from lti_tool.logs import configure_logging
from lti_tool.settings import load_settings
from lti_tool.wiring import Services, build_services


def refusals(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an error of ours, of the database or of the file system into one line and exit code 1."""

    @wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except ToolError as error:
            line = f"{error} [{error.code}]"
        except (SQLAlchemyError, AlembicError) as error:  # their texts hold addresses and statements
            line = f"The database cannot be used ({type(error).__name__}). Check LTI_BADGES_DATABASE_URL. [database]"
        except OSError as error:
            line = f"{error.filename or 'The system'}: {error.strerror or type(error).__name__} [system]"
        click.echo(f"lti-badges: {line}", err=True)
        sys.exit(1)

    return wrapped


def open_services() -> Services:
    """Return the services of this installation, for as long as the command runs; the schema must be the newest."""
    settings = load_settings()
    configure_logging(settings.log_level, as_json=not settings.is_development)
    services = build_services(settings)
    click.get_current_context().call_on_close(services.database.engine.dispose)
    require_schema(services.database)
    return services


def show(document: Any, as_json: bool, lines: list[str]) -> None:
    """Print the document as JSON, or the lines."""
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)


JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lti-badges")
def cli() -> None:
    """LTI Badges: course work becomes badges that mean something."""
