"""Calls the npm verifiers (``verify.mjs``) on documents in memory."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIBRARIES = ("@digitalbazaar/vc", "@digitalcredentials/verifier-core")
Verdict = dict[str, Any]


def node(script: str, *arguments: str) -> str:
    """Run a script of this folder and return what it printed."""
    command = ["node", str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{script} failed: {done.stderr[-2000:]}")
    return done.stdout


def verify(
    documents: Sequence[Mapping[str, Any] | str], known: Mapping[str, Any] | None = None
) -> list[dict[str, Verdict]]:
    """Return for each credential ``{library: {verified, errors, status}}``, in order.

    ``known``: documents by address (issuer, key, status list) for an issuer that is not running on loopback.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = []
        for number, document in enumerate(documents):
            files.append(folder / f"{number}.json")
            text = document if isinstance(document, str) else json.dumps(document)
            files[-1].write_text(text, encoding="utf-8")
        (folder / "known.json").write_text(json.dumps(known or {}), encoding="utf-8")
        answer = json.loads(node("verify.mjs", "--documents", str(folder / "known.json"), *map(str, files)))
        return [answer[str(file)] for file in files]
