"""Build hook: compiles the translations, and puts templates, migrations and config into wheels.

An editable install reads the working tree, so nothing is copied for it.
"""

import os
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BESIDE_THE_PACKAGE = ("templates", "migrations", "config")


class Hook(BuildHookInterface):  # type: ignore[type-arg]
    """See the module."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile every ``.po`` to ``.mo``; for a wheel, include the folders beside the package."""
        for po in Path(self.root, "lti_tool/translations").glob("*/LC_MESSAGES/*.po"):
            growing = po.with_suffix(f".{os.getpid()}.growing")  # a running tool never reads half a catalogue
            with po.open("rb") as source, growing.open("wb") as target:
                write_mo(target, read_po(source, locale=po.parts[-3]))
            growing.replace(po.with_suffix(".mo"))
        if self.target_name == "wheel" and version != "editable":
            for name in BESIDE_THE_PACKAGE:
                build_data["force_include"][str(Path(self.root, name))] = f"lti_tool/_files/{name}"
