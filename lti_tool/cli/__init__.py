"""The command line ``lti-badges``.

Exit codes: 0 done, 1 refused or failed (one clear line on standard error), 2 usage. ``--json`` prints one document.
"""

from lti_tool.cli import audit, explain, invites, issuers, platforms, reading, running, work
from lti_tool.cli.frame import cli

__all__ = ["audit", "cli", "explain", "invites", "issuers", "main", "platforms", "reading", "running", "work"]


def main() -> None:
    """Entry point of the command."""
    cli(prog_name="lti-badges")
