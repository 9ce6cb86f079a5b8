"""The official validator of Open Badges 2.0 (PyPI ``openbadges``), run in an environment of its own.

``python openbadges_check.py INPUT…`` prints one JSON list, a report for each input: an address, a file with a JWS or
JSON (``*.jws``, ``*.json``), or a baked picture. An input followed by ``recipient=ADDRESS`` is checked for that
recipient. What the package needs to run on a Python of today: names that left ``collections``, and the context of 2.0
from its own pages instead of the network. Hosts off loopback are refused, so no verdict depends on the network.
"""

import collections
import collections.abc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PYTHON = Path(sys.prefix) / "openbadges-validator" / "bin" / "python"
CONTEXT = "https://w3id.org/openbadges/v2"
LOOPBACK = ("127.0.0.1", "localhost")
MOVED = ("Callable", "Iterable", "Mapping", "MutableMapping", "MutableSet", "Sequence", "Set")


def validate(*inputs: str) -> list[dict[str, Any]]:
    """Return for each input ``{valid, errors, warnings, messages}``, in order; called from the tests."""
    command = [str(PYTHON), str(Path(__file__).resolve()), *inputs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the validator failed: {done.stderr[-2000:]}")
    reports: list[dict[str, Any]] = json.loads(done.stdout)
    return reports


def _main(inputs: list[str]) -> None:
    for name in MOVED:
        setattr(collections, name, getattr(collections.abc, name))
    import requests
    from openbadges import verifier
    from openbadges.verifier.openbadges_context import OPENBADGES_CONTEXT_V2_DICT
    from openbadges_bakery import unbake

    network = requests.adapters.HTTPAdapter.send

    def send(self: Any, request: Any, **options: Any) -> Any:
        if request.url == CONTEXT:
            answer = requests.Response()
            answer.status_code, answer.url = 200, CONTEXT
            answer._content = json.dumps(OPENBADGES_CONTEXT_V2_DICT).encode()
            answer.headers["Content-Type"] = "application/ld+json"
            return answer
        if urlsplit(request.url).hostname not in LOOPBACK:
            raise requests.ConnectionError(f"{request.url} is not on loopback")
        return network(self, request, **options)

    requests.adapters.HTTPAdapter.send = send
    reports = []
    while inputs:
        given, recipient = inputs.pop(0), None
        if inputs and inputs[0].startswith("recipient="):
            recipient = {"email": inputs.pop(0).partition("=")[2]}
        options = {"use_cache": False, "cache_backend": None}
        if given.startswith("http"):
            text = given
        elif given.endswith((".png", ".svg")):
            with open(given, "rb") as picture:
                found = unbake(picture)  # what it finds in an SVG are bytes, which its own next step does not take
            text = found.decode() if isinstance(found, bytes) else found
        else:
            text = Path(given).read_text()
        result = verifier.verify(text, recipient_profile=recipient, **options)
        report = result["report"]
        reports.append(
            {
                "valid": report["valid"],
                "errors": report["errorCount"],
                "warnings": report["warningCount"],
                "messages": [f"{one['messageLevel']}: {one['name']}: {one['result']}" for one in report["messages"]],
            }
        )
    print(json.dumps(reports))


if __name__ == "__main__":
    _main(sys.argv[1:])
