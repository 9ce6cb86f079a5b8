"""``python -m lti_tool``: the command line."""

from lti_tool.cli import main

main()
