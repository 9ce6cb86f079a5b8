"""The JSON-LD contexts a credential may name, read from disk and pinned by hash; never from the network.

A proof of ``eddsa-rdfc-2022`` covers what the contexts make of a document, so the contexts are part of what is signed
(Open Badges 3.0, section 8.2; VC Data Model 2.0, appendix B). The files come with the ``openbadgeslib``
distribution; each is checked against the SHA-256 recorded here before it is used, so an update of that package can
never silently change what a signature of ours means.
"""

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lti_tool.errors import CredentialInvalidError, IssuingError

JsonObject = dict[str, Any]
"""A parsed JSON object. The values are whatever the document holds; the readers check each before use."""

VC_V2 = "https://www.w3.org/ns/credentials/v2"
OB_V3 = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
OB_EXTENSIONS = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"
DATA_INTEGRITY_V2 = "https://w3id.org/security/data-integrity/v2"
MULTIKEY_V1 = "https://w3id.org/security/multikey/v1"
DID_V1 = "https://www.w3.org/ns/did/v1"
JWK_V1 = "https://w3id.org/security/jwk/v1"
"""Both named in key documents, which are not signed; so no copy is needed here."""

CONTEXTS: tuple[str, str, str] = (VC_V2, OB_V3, OB_EXTENSIONS)
"""What every credential of ours names, in this order. The third defines ``1EdTechJsonSchemaValidator2019``."""

PINNED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        VC_V2: (
            "credentials-v2.json",
            "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734",
        ),
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json": (
            "ob-v3p0-context-3.0.1.json",
            "5f3d9dd6288ef437ff8286cf95ffbff609c748a66f24a1e9450c45ca64be1571",
        ),
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.2.json": (
            "ob-v3p0-context-3.0.2.json",
            "00666ad080ba407687ed1846b7f5e7495f5019042b202a727de47c48a1755c53",
        ),
        OB_V3: (
            "ob-v3p0-context-3.0.3.json",
            "3d34f4d4ef1bce691106e63798beb5e7b862ba841423f5ee1e53ab7ddf3bca84",
        ),
        OB_EXTENSIONS: (
            "ob-v3p0-extensions.json",
            "87c06c81bc2317663bf288d740d94fddd2818c4342b186270ff6371dfaa63f93",
        ),
        DATA_INTEGRITY_V2: (
            "security-data-integrity-v2.json",
            "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4",
        ),
        MULTIKEY_V1: (
            "security-multikey-v1.json",
            "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597",
        ),
        "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json": (
            "clr_context_2.0.1.json",
            "880f1902d4158f2f33ce06af41b90719977cd1ea337a9de2e41edb3ff5e543d6",
        ),
    }
)
"""Context URL -> file name in the package and SHA-256 of its bytes."""


@cache
def _directory() -> Path:
    # Finding the distribution runs none of its code, unlike importing the sub-package (cryptography, PyLD, lxml …).
    spec = importlib.util.find_spec("openbadgeslib")
    if spec is None or not spec.submodule_search_locations:
        raise IssuingError(
            "The JSON-LD contexts are missing: install the package openbadgeslib.", code="contexts_missing"
        )
    return Path(spec.submodule_search_locations[0]) / "ob3" / "contexts"


@cache
def load_context(url: str) -> Mapping[str, Any]:
    """Return what stands under ``@context`` in the context document of ``url``; do not change it.

    Raises ``CredentialInvalidError`` (``context_unknown``) for any other URL than the pinned ones, ``IssuingError``
    (``context_altered``) when the installed file is not the one this tool was written for.
    """
    if url not in PINNED:
        raise CredentialInvalidError(f"The JSON-LD context {url[:200]!r} is not known here.", code="context_unknown")
    name, digest = PINNED[url]
    payload = (_directory() / name).read_bytes()
    if hashlib.sha256(payload).hexdigest() != digest:
        raise IssuingError(
            f"The installed JSON-LD context {name} differs from the recorded one: install the locked openbadgeslib.",
            code="context_altered",
        )
    context = json.loads(payload)["@context"]
    if not isinstance(context, dict):
        raise IssuingError(f"The JSON-LD context {name} is not one object.", code="context_altered")
    return context
