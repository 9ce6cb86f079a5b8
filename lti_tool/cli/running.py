"""Commands that run the tool, and check whether it can run."""

import sys

import click

from lti_tool.cli.frame import JSON_OPTION, cli, open_services, refusals, show
from lti_tool.db import upgrade
from lti_tool.logs import configure_logging
from lti_tool.settings import load_settings


@cli.command()
@click.option("--once", is_flag=True, help="Run the whole chain without a browser, report, and stop.")
@JSON_OPTION
@click.option("--port", default=8000, show_default=True, help="Port of the tool, on localhost.")
@click.option("--lms-port", default=8001, show_default=True, help="Port of the demo LMS, on 127.0.0.1.")
@click.option("--backpack-port", default=8002, show_default=True, help="Port of the demo backpack, on 127.0.0.1.")
@click.option("--passport-port", default=8003, show_default=True, help="Port of the demo passport, on 127.0.0.1.")
@refusals
def demo(once: bool, as_json: bool, port: int, lms_port: int, backpack_port: int, passport_port: int) -> None:
    """Start the tool with a demo LMS, a course and two backpacks."""
    from lti_tool.demo.run import Ports, run_demo  # the demo's packages are an extra

    ports = Ports(port, lms_port, backpack_port, passport_port)
    sys.exit(run_demo(ports, once=once, as_json=as_json))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@refusals
def serve(host: str, port: int) -> None:
    """Bring the database up to date, then run the web server and one worker."""
    from lti_tool.supervisor import Supervisor, web_command, worker_command

    settings = load_settings()
    configure_logging(settings.log_level, as_json=not settings.is_development)
    upgrade(settings.database_url)
    sys.exit(Supervisor(web_command(host, port), worker_command()).run())


@cli.command()
@click.option("--threads", default=4, show_default=True)
@refusals
def worker(threads: int) -> None:
    """Run a worker in this process."""
    from lti_tool.jobs.celery_app import run_worker

    run_worker(open_services(), threads=threads)


@cli.group()
def db() -> None:
    """The database schema."""


@db.command("upgrade")
@refusals
def db_upgrade() -> None:
    """Bring the schema to the newest revision."""
    upgrade(load_settings().database_url)
    click.echo("The database schema is up to date.")


@cli.command()
@JSON_OPTION
@refusals
def doctor(as_json: bool) -> None:
    """Check that this installation can work; say what to do where it cannot."""
    from lti_tool.doctor import examine

    findings = examine(load_settings())
    show([finding.to_document() for finding in findings], as_json, [str(finding) for finding in findings])
    sys.exit(0 if all(finding.is_good for finding in findings) else 1)
