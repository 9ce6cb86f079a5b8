"""Who checked the demo's credentials: our verifier and verifiers that share nothing with it."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lti_tool.demo.backpack_check import CredentialCheck, State
from lti_tool.files import folder
from lti_tool.openbadges.report import Verdict
from lti_tool.outbound import HttpClient
from lti_tool.services import verifying
from lti_tool.wiring import utc_now

NODE_SECONDS = 180


def verified_by(files: Mapping[str, Path], http: HttpClient) -> tuple[list[str], list[str]]:
    """Return the verifiers that accepted every file, and a line for each refusal. Only what really ran is named."""
    accepted, refused = [], []
    for name, refusals in {
        "lti-badges": _ours(files, http),
        "openbadgeslib": _openbadgeslib(files, http),
        **_npm(files),
    }.items():
        refused += [f"{name}: {line}" for line in refusals]
        if not refusals:
            accepted.append(name)
    return accepted, refused


def _ours(files: Mapping[str, Path], http: HttpClient) -> list[str]:
    reports = {key: verifying.verify(file.read_bytes(), http, utc_now()) for key, file in files.items()}
    return [
        f"{key} is {report.outcome.value}" for key, report in reports.items() if report.outcome is not Verdict.VALID
    ]


def _openbadgeslib(files: Mapping[str, Path], http: HttpClient) -> list[str]:
    check = CredentialCheck(http)
    verdicts = {key: check.verdict(file.read_text(encoding="utf-8")) for key, file in files.items()}
    return [
        f"{key} is {verdict.state.value} {verdict.reason}".strip()
        for key, verdict in verdicts.items()
        if verdict.state is not State.INTACT
    ]


def _npm(files: Mapping[str, Path]) -> dict[str, list[str]]:
    """Run the npm verifiers of a checkout, where Node.js and their packages are installed."""
    witnesses = folder("tests") / "witnesses"
    node = shutil.which("node")
    if node is None or not (witnesses / "node_modules").is_dir():
        return {}
    done = subprocess.run(  # noqa: S603 - our own script on our own files
        [node, str(witnesses / "verify.mjs"), *(str(file) for file in files.values())],
        capture_output=True, text=True, timeout=NODE_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        return {"npm verifiers": [done.stderr.strip()[-500:]]}
    answer = json.loads(done.stdout)
    refusals: dict[str, list[str]] = {}
    for key, file in files.items():
        for library, verdict in answer[str(file)].items():
            lines = refusals.setdefault(library, [])
            if not verdict["verified"]:
                lines.append(f"{key}: {'; '.join(verdict['errors']) or verdict['status']}")
    return refusals
