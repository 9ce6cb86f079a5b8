"""The witnesses say yes to what is right and no to what is not: else their yes to this tool would mean nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from openbadgeslib.ob3.verifier import OB3VerificationError
from witnesses import npm
from witnesses.openbadgeslib_check import IssuerKeyError, check

ISSUER = "https://badges.example.org/issuers/1"


@pytest.fixture(scope="module", params=["key", ISSUER], ids=["did:key", "https"])
def samples(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Credentials signed by the npm libraries, and the documents needed to verify them."""
    folder: Path = tmp_path_factory.mktemp("signed")
    npm.node("sign.mjs", str(folder), request.param)
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in ("good", "revoked", "documents")}


def test_npm_verifiers_tell_good_changed_and_revoked_apart(samples: dict[str, Any]) -> None:
    changed = json.dumps(samples["good"]).replace("Three weekly", "Four weekly")
    good, tampered, revoked = npm.verify([samples["good"], changed, samples["revoked"]], samples["documents"])
    for library in npm.LIBRARIES:
        assert good[library] == {"verified": True, "errors": [], "status": {"revocation": False}}
        assert tampered[library]["verified"] is False
        assert tampered[library]["errors"]
        assert revoked[library] == {"verified": False, "errors": [], "status": {"revocation": True}}


def test_npm_verifiers_refuse_what_they_cannot_look_up(samples: dict[str, Any]) -> None:
    (verdicts,) = npm.verify([samples["good"]], {})
    for library in npm.LIBRARIES:
        assert verdicts[library]["verified"] is False
        assert verdicts[library]["errors"]


def issuer_document(samples: dict[str, Any]) -> dict[str, Any]:
    """The issuer's document; for a did:key the one its key spells out."""
    issuer = samples["good"]["issuer"]["id"]
    if not issuer.startswith("did:key:"):
        return samples["documents"][issuer]
    method = {
        "id": samples["good"]["proof"]["verificationMethod"],
        "type": "Multikey",
        "controller": issuer,
        "publicKeyMultibase": issuer.removeprefix("did:key:"),
    }
    return {"id": issuer, "assertionMethod": [method]}


def test_openbadgeslib_accepts_good_and_refuses_changed(samples: dict[str, Any]) -> None:
    assert check(samples["good"], issuer_document(samples)) is True
    changed = json.loads(json.dumps(samples["good"]).replace("Three weekly", "Four weekly"))
    with pytest.raises(OB3VerificationError):
        check(changed, issuer_document(samples))


def test_openbadgeslib_needs_the_key_the_issuer_publishes(samples: dict[str, Any]) -> None:
    document = issuer_document(samples)
    with pytest.raises(IssuerKeyError, match="not under assertionMethod"):
        check(samples["good"], document | {"assertionMethod": []})
    (method,) = document["assertionMethod"]
    foreign = method | {"controller": "https://elsewhere.example.org"}
    with pytest.raises(IssuerKeyError, match="controlled by"):
        check(samples["good"], document | {"assertionMethod": [foreign]})
