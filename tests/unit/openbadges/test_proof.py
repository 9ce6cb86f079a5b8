import copy
import json
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.canonical import canonical_nquads
from lti_tool.openbadges.proof import (
    Signer,
    decode_multikey,
    encode_multikey,
    format_time,
    sign_document,
    verify_proof,
)

WHEN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, child in value.items():
            yield from leaves(child, (*path, name))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from leaves(child, (*path, number))
    else:
        yield path


def at(document, path):
    for step in path:
        document = document[step]
    return document


def code_of(document, key):
    with pytest.raises(CredentialInvalidError) as refusal:
        verify_proof(document, key.public_key())
    return refusal.value.code


def test_what_was_signed_verifies_also_after_a_trip_as_text(signed, key):
    verify_proof(signed, key.public_key())
    verify_proof(json.loads(json.dumps(signed, indent=3, sort_keys=True)), key.public_key())


def test_the_proof_says_who_when_and_how(signed, signer):
    proof = signed["proof"]
    assert list(proof) == ["type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue"]
    assert proof["created"] == "2026-03-01T09:00:00Z"
    assert proof["verificationMethod"] == signer.verification_method == f"{signer.controller}/keys/{signer.multikey}"
    assert proof["proofValue"].startswith("z")


def test_signing_leaves_the_document_alone_and_is_repeatable(compose, signer):
    document = compose()
    before = copy.deepcopy(document)
    one, two = signer.sign(document, WHEN), signer.sign(document, WHEN)
    assert document == before
    assert one == two
    assert one["issuer"] is not document["issuer"]


def test_every_single_leaf_is_covered(signed, key):
    """Change each text, number and boolean of the signed document, one at a time: none may still verify."""
    seen = 0
    for path in leaves(signed):
        altered = copy.deepcopy(signed)
        parent, name = at(altered, path[:-1]), path[-1]
        value = parent[name]
        parent[name] = (not value) if isinstance(value, bool) else _changed(value)
        assert code_of(altered, key), path
        seen += 1
    assert seen > 70


def _changed(text):
    """One character other; the form (address, time, base58) kept where there is one."""
    last = text[-1]
    if last == "Z":
        return text[:-2] + ("1" if text[-2] != "1" else "2") + "Z"
    return text[:-1] + ("a" if last != "a" else "b")


def test_every_single_part_is_covered_when_removed(signed, key):
    parts = {leaf[:length] for leaf in leaves(signed) for length in range(1, len(leaf) + 1)}
    for path in sorted(parts, key=str):
        altered = copy.deepcopy(signed)
        del at(altered, path[:-1])[path[-1]]
        if path[0] == "@context" and len(path) == 2 and path[1] != 0:
            continue  # contexts are judged by what they define, see below
        assert code_of(altered, key), path


@pytest.mark.parametrize("number", [1, 2])
def test_removing_a_context_leaves_terms_undefined(signed, key, number):
    del signed["@context"][number]
    assert code_of(signed, key) in {"type_undefined", "term_undefined"}


def test_adding_anything_is_noticed(signed, key):
    additions = {
        (): ("validUntil", "2031-01-01T00:00:00Z"),
        ("issuer",): ("phone", "1"),
        ("credentialSubject",): ("id", "did:example:thief"),
        ("credentialSubject", "achievement"): ("humanCode", "X"),
        ("credentialStatus",): ("statusReference", "https://x.example/"),
        ("proof",): ("nonce", "1"),
    }
    for path, (name, value) in additions.items():
        altered = copy.deepcopy(signed)
        at(altered, path)[name] = value
        assert code_of(altered, key) == "proof_invalid", path


def test_renaming_a_member_to_its_address_is_noticed(signed, key):
    """The graph is the same, but a reader of JSON would no longer see that there is a status to check."""
    signed["https://www.w3.org/2018/credentials#credentialStatus"] = signed.pop("credentialStatus")
    assert code_of(signed, key) == "term_undefined"


def test_the_order_of_sets_and_keys_does_not_matter(signed, key):
    signed["credentialSubject"]["achievement"]["alignment"].reverse()
    verify_proof(dict(reversed(signed.items())), key.public_key())


def test_another_key_does_not_verify(signed):
    assert code_of(signed, Ed25519PrivateKey.from_private_bytes(bytes(32))) == "proof_invalid"


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        (None, "proof_missing"),
        ([], "proof_missing"),
        ("proof", "proof_missing"),
        ({"cryptosuite": "eddsa-jcs-2022"}, "proof_unsupported"),
        ({"type": "Ed25519Signature2020"}, "proof_unsupported"),
        ({"proofPurpose": "authentication"}, "proof_unsupported"),
        ({"previousProof": "urn:uuid:1"}, "proof_unsupported"),
        ({"proofValue": "u123"}, "proof_invalid"),
        ({"proofValue": "z0OIl"}, "proof_invalid"),
        ({"proofValue": "z" + "1" * 200}, "proof_invalid"),
        ({"proofValue": None}, "proof_invalid"),
        ({"grade": "A"}, "term_undefined"),
    ],
)
def test_proofs_that_cannot_count(signed, key, proof, code):
    signed["proof"] = {**signed["proof"], **proof} if isinstance(proof, dict) else proof
    assert code_of(signed, key) == code


def test_a_proof_of_another_suite_beside_ours_is_passed_over_but_not_two_of_ours(signed, key):
    ours = signed["proof"]
    signed["proof"] = [{"type": "Ed25519Signature2020", "proofValue": "z1"}, ours]
    verify_proof(signed, key.public_key())
    signed["proof"] = [ours, ours]
    assert code_of(signed, key) == "proof_unsupported"


def test_a_signed_document_is_not_signed_again(signed, signer):
    with pytest.raises(CredentialInvalidError) as refusal:
        signer.sign(signed, WHEN)
    assert refusal.value.code == "proof_present"


def test_a_signer_signs_only_for_its_issuer(compose, key):
    with pytest.raises(CredentialInvalidError) as refusal:
        Signer(key, "https://badges.example/issuers/5").sign(compose(), WHEN)
    assert refusal.value.code == "issuer_mismatch"


def test_nothing_unsigned_leaves_the_signer(compose, key):
    document = compose()
    document["credentialSubject"]["achievement"]["hunanCode"] = "typo"
    with pytest.raises(CredentialInvalidError) as refusal:
        sign_document(document, key, verification_method="https://badges.example/k", created=WHEN)
    assert refusal.value.code == "term_undefined"


def test_multikey_round_trip(key):
    text = encode_multikey(key.public_key())
    assert text.startswith("z6Mk")
    assert len(text) == 48
    assert decode_multikey(text).public_bytes_raw() == key.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z6Mk",
        "z6Mk" + "0" * 44,
        "z6Mk" + "z" * 44,
        "zDnaepsL7AXgLNnVRBRPLaLGPmqbhxmLGQYPCNNbAXR8uyZFk",
        "z6Mk" + "é" * 44,
    ],
)
def test_other_keys_are_refused(text):
    with pytest.raises(CredentialInvalidError) as refusal:
        decode_multikey(text)
    assert refusal.value.code == "key_unsupported"


def test_times_are_utc_in_whole_seconds():
    assert (
        format_time(datetime(2026, 3, 1, 10, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2))))
        == "2026-03-01T08:00:00Z"
    )
    with pytest.raises(ValueError, match="zone"):
        format_time(datetime(2026, 3, 1))  # noqa: DTZ001


def test_contexts_that_contradict_each_other_are_refused(compose):
    document = compose()
    document["@context"].append("https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json")
    with pytest.raises(CredentialInvalidError) as refusal:
        canonical_nquads(document)
    assert refusal.value.code == "graph_invalid"


@pytest.mark.parametrize("copies", [6, 12, 400])
def test_parts_that_cannot_be_told_apart_do_not_stall_the_reader(compose, copies):
    document = compose()
    del document["credentialSubject"]["achievement"]["id"]
    document["credentialSubject"]["achievement"]["alignment"] = [
        {"type": ["Alignment"], "targetName": "x", "targetUrl": "https://x.example/"} for _ in range(copies)
    ]
    start = time.process_time()
    with pytest.raises(CredentialInvalidError) as refusal:
        canonical_nquads(document)
    assert refusal.value.code == "graph_too_complex"
    assert time.process_time() - start < 2


def test_a_few_parts_that_look_alike_are_fine(compose, key, signer):
    document = compose()
    document["credentialSubject"]["result"] *= 3
    verify_proof(signer.sign(document, WHEN), key.public_key())


def alignment(name, *below):
    return {"type": ["Alignment"], "targetName": name, "alignment": list(below)}


@pytest.mark.parametrize(("levels", "refused"), [(9, False), (12, True)])
def test_nested_twins_stay_cheap(compose, levels, refused):
    """The worst graphs known: whatever the guard lets through is quick, the rest is refused."""

    def tower():
        node = alignment("end")
        for level in range(levels):
            twin = alignment(f"twin {level}", alignment(f"end {level}"))
            node = alignment(f"level {level}", alignment(f"twin {level}", node), twin)
        return node

    document = compose()
    document["alignment"] = [{"type": ["Alignment"], "alignment": [tower(), tower()]}]
    start = time.process_time()
    try:
        canonical_nquads(document)
        code = None
    except CredentialInvalidError as refusal:
        code = refusal.code
    assert code == ("graph_too_complex" if refused else None)
    assert time.process_time() - start < 2
