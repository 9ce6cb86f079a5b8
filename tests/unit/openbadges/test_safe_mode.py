"""Nothing may go unsigned: each case is a credential with one change that JSON-LD would drop, bend or hide."""

import copy

import pytest
from pyld import jsonld

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.contexts import OB_V3, VC_V2, load_context
from lti_tool.openbadges.safe_mode import check_safe

NODES = {
    "credential": (),
    "issuer": ("issuer",),
    "subject": ("credentialSubject",),
    "identity": ("credentialSubject", "identifier", 0),
    "result": ("credentialSubject", "result", 0),
    "achievement": ("credentialSubject", "achievement"),
    "criteria": ("credentialSubject", "achievement", "criteria"),
    "image": ("credentialSubject", "achievement", "image"),
    "alignment": ("credentialSubject", "achievement", "alignment", 1),
    "result description": ("credentialSubject", "achievement", "resultDescription", 0),
    "evidence": ("evidence", 0),
    "status": ("credentialStatus",),
    "schema": ("credentialSchema", 0),
}


def at(document, path):
    for step in path:
        document = document[step]
    return document


def code_of(document):
    with pytest.raises(CredentialInvalidError) as refusal:
        check_safe(document)
    return refusal.value.code


def test_a_credential_of_ours_is_safe(compose):
    check_safe(compose())


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize(
    "key", ["grade", "achievementtype", "@nest", "@type", "https://schema.org/name", "schema:name", "", "@protected"]
)
def test_an_undefined_key_is_refused_at_every_level(compose, node, key):
    document = compose()
    at(document, NODES[node])[key] = "x"
    assert code_of(document) == "term_undefined"


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize(
    "name", ["Grade", "openbadgecredential", "", "id", "@json", 5, None, ["Profile"], {"id": "x:y"}]
)
def test_an_undefined_type_is_refused_at_every_level(compose, node, name):
    document = compose()
    at(document, NODES[node])["type"] = [name]
    assert code_of(document) == "type_undefined"


@pytest.mark.parametrize("node", [name for name in NODES if name != "identity"])
@pytest.mark.parametrize(
    "address",
    [
        "relative",
        "/a/b",
        "#x",
        "",
        "_:b0",
        "//host/x",
        "https://a b",
        "https://a\u0000",
        "https://a<b>",
        "a:\\",
        ["x:y"],
        5,
        None,
    ],
)
def test_an_id_that_is_no_absolute_address_is_refused_at_every_level(compose, node, address):
    document = compose()
    at(document, NODES[node])["id"] = address
    assert code_of(document) == "iri_invalid"


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ("credential", "issuer"),
        ("achievement", "image"),
        ("achievement", "criteria"),
        ("status", "statusListCredential"),
    ],
)
def test_a_reference_by_text_must_be_absolute(compose, node, key):
    document = compose()
    at(document, NODES[node])[key] = "elsewhere"
    assert code_of(document) == "iri_invalid"
    at(document, NODES[node])[key] = True
    assert code_of(document) == "iri_invalid"


def test_terms_hold_only_for_the_node_of_their_type(compose):
    document = compose()
    document["issuer"]["achievementType"] = "Badge"  # a term of Achievement
    assert code_of(document) == "term_undefined"
    document = compose()
    # criteria has no type, so the terms of the achievement around it do not reach it
    document["credentialSubject"]["achievement"]["criteria"]["humanCode"] = "A1"
    assert code_of(document) == "term_undefined"
    document["credentialSubject"]["achievement"]["humanCode"] = document["credentialSubject"]["achievement"][
        "criteria"
    ].pop("humanCode")
    check_safe(document)


@pytest.mark.parametrize(
    "value",
    [None, [None], [["a"]], [[]], 2**53, -(2**53), 1e-7, 1e21, 0.1234567, float("inf"), float("nan"), 1e15 + 0.5],
)
def test_values_that_engines_write_differently_are_refused(compose, value):
    document = compose()
    document["credentialSubject"]["creditsEarned"] = value
    assert code_of(document) == "value_unsupported"


@pytest.mark.parametrize("value", [0, 3, 2**53 - 1, 2.5, 36.0, -0.125, True])
def test_plain_numbers_are_fine(compose, value):
    document = compose()
    document["credentialSubject"]["creditsEarned"] = value
    check_safe(document)


@pytest.mark.parametrize(
    "character", ["\x00", "\x0b", "\x0c", "\x1f", "\x7f", "\ufdd0", "\ufffe", "\U0010ffff", "\ud800"]
)
def test_control_characters_and_noncharacters_are_refused(compose, character):
    document = compose()
    document["name"] = f"Data{character}"
    assert code_of(document) == "text_unsupported"


@pytest.mark.parametrize("text", ["a\nb\tc", "Ñandú 水 🏆", '"]]>\\', "\ufffd", "_:c14n0 <x> ."])
def test_other_text_is_fine(compose, text):
    document = compose()
    document["name"] = text
    check_safe(document)


@pytest.mark.parametrize("key", ["jti", "endorsementJwt"])
def test_terms_that_some_copies_of_the_context_lack_are_refused(compose, key):
    document = compose()
    document[key] = "urn:uuid:5a0e2c0e-6b5e-4f8a-9a36-1f6f0d2b7c11"
    assert key in load_context(OB_V3) or key == "endorsementJwt"
    assert code_of(document) == "term_unstable"


def test_json_literals_are_refused(compose):
    document = compose()
    document["_sd"] = "x"
    assert code_of(document) == "value_unsupported"


def test_a_term_for_a_vocabulary_takes_terms_and_addresses(signed):
    for purpose in ("assertionMethod", "https://w3id.org/security#assertionMethod"):
        signed["proof"]["proofPurpose"] = purpose
        check_safe(signed)
    signed["proof"]["proofPurpose"] = "assertion method"
    assert code_of(signed) == "iri_invalid"


def test_a_null_context_empties_what_is_in_force(compose):
    document = {
        "@context": [VC_V2],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": [compose()],
    }
    check_safe(document)
    del document["verifiableCredential"][0]["@context"]
    assert code_of(document) in {"type_undefined", "term_undefined"}


def test_a_second_node_with_the_id_of_the_credential_is_refused(compose):
    """The graph is the same when the status moves there, so the signature would still fit."""
    document = compose()
    document["evidence"].append({"id": document["id"], "type": ["Evidence"]})
    assert code_of(document) == "node_duplicated"


@pytest.mark.parametrize("context", [{"name": "https://schema.org/name"}, [{"x": "y:z"}], [], None, 5, [VC_V2, {}]])
def test_contexts_are_named_never_given(compose, context):
    document = compose()
    document["@context"] = context
    assert code_of(document) == "context_inline"
    document = compose()
    document["issuer"]["@context"] = context
    assert code_of(document) == "context_inline"


def test_an_unknown_context_is_refused(compose):
    document = compose()
    document["@context"].append("https://evil.example/context.json")
    assert code_of(document) == "context_unknown"


def test_too_many_parts_are_refused(compose):
    document = compose()
    document["evidence"] = [{"type": ["Evidence"]}] * 20_001
    assert code_of(document) == "document_too_large"


def test_a_scheme_that_is_also_a_term_is_still_an_address(compose):
    document = compose()
    document["credentialSubject"]["achievement"]["id"] = "tag:badges.example,2026:aq"
    document["id"] = "name:x"
    check_safe(document)
    assert not [iri for iri in _ids_in_pyld(document) if iri.startswith("https://schema.org/")]
    assert "tag:badges.example,2026:aq" in _ids_in_pyld(document)


def test_an_address_that_a_prefix_would_expand_is_refused(compose):
    document = compose()
    document["issuer"]["id"] = "xsd:issuer"
    check_safe(document)  # context 3.0.3 knows no prefix, so this is an address like any other
    document["@context"] = [VC_V2, "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json"]
    del document["credentialSchema"]
    assert isinstance(load_context(document["@context"][1])["xsd"], str)
    assert code_of(document) == "iri_invalid"


@pytest.mark.parametrize("node", NODES)
def test_an_independent_processor_drops_what_safe_mode_refuses(compose, node):
    """PyLD says what it drops; it has to agree on both: the safe document and the one with an unknown term."""
    safe, unsafe = compose(), compose()
    at(unsafe, NODES[node])["grade"] = "A"
    assert _dropped_by_pyld(safe) == []
    assert len(_dropped_by_pyld(unsafe)) == 1


def _expand(document, dropped):
    def load(url, _options):
        return {"contextUrl": None, "documentUrl": url, "document": {"@context": copy.deepcopy(load_context(url))}}

    return jsonld.expand(document, {"documentLoader": load}, on_property_dropped=dropped.append)


def _dropped_by_pyld(document):
    dropped = []
    _expand(document, dropped)
    return dropped


def _ids_in_pyld(value):
    if isinstance(value, dict):
        value = _expand(value, []) if "@context" in value else value
    if isinstance(value, dict):
        own = [value["@id"]] if isinstance(value.get("@id"), str) else []
        return own + [iri for child in value.values() for iri in _ids_in_pyld(child)]
    return [iri for child in value for iri in _ids_in_pyld(child)] if isinstance(value, list) else []
