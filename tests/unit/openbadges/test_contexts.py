import hashlib
import json
import subprocess
import sys

import pytest

from lti_tool.errors import CredentialInvalidError, IssuingError
from lti_tool.openbadges import contexts


@pytest.mark.parametrize("url", sorted(contexts.PINNED))
def test_every_pinned_context_is_installed_and_unaltered(url):
    assert contexts.load_context(url)["type"] == "@type"


def test_credentials_v2_has_the_hash_that_w3c_fixed():
    assert contexts.PINNED[contexts.VC_V2][1] == "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"


def test_our_three_contexts_come_in_the_order_of_the_standard():
    assert contexts.CONTEXTS == (
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/context.json",
        "https://www.w3.org/ns/credentials/v2/",
        "http://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context.json",
    ],
)
def test_other_contexts_are_refused(url):
    with pytest.raises(CredentialInvalidError) as refusal:
        contexts.load_context(url)
    assert refusal.value.code == "context_unknown"


def test_an_altered_file_is_refused(tmp_path, monkeypatch):
    name, _ = contexts.PINNED[contexts.OB_EXTENSIONS]
    (tmp_path / name).write_text(json.dumps({"@context": {"type": "@type"}}))
    monkeypatch.setattr(contexts, "_directory", lambda: tmp_path)
    with pytest.raises(IssuingError) as refusal:
        contexts.load_context.__wrapped__(contexts.OB_EXTENSIONS)
    assert refusal.value.code == "context_altered"


def test_a_file_that_is_not_one_context_is_refused(tmp_path, monkeypatch):
    payload = json.dumps({"@context": ["https://elsewhere.example/"]}).encode()
    (tmp_path / "listed.json").write_bytes(payload)
    pinned = {"https://x.example/": ("listed.json", hashlib.sha256(payload).hexdigest())}
    monkeypatch.setattr(contexts, "PINNED", pinned)
    monkeypatch.setattr(contexts, "_directory", lambda: tmp_path)
    with pytest.raises(IssuingError) as refusal:
        contexts.load_context.__wrapped__("https://x.example/")
    assert refusal.value.code == "context_altered"


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(IssuingError, match="openbadgeslib") as refusal:
        contexts._directory.__wrapped__()
    assert refusal.value.code == "contexts_missing"


def test_reading_a_context_does_not_import_the_verifier_library():
    program = (
        "import sys; from lti_tool.openbadges.contexts import *; load_context(VC_V2);"
        "sys.exit('openbadgeslib.ob3' in sys.modules or 'pyld' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
