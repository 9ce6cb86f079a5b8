"""Safe mode: proves, before anything is signed or believed, that every part of a document is covered by its proof.

JSON-LD drops what the contexts do not define, and different JSON can mean the same graph, so a proof over the graph
says nothing about such parts (VC Data Integrity 1.0, sections 2.4.1 and 5.2). This module walks the JSON with the
terms in force at each node (JSON-LD 1.1, section 4.1: type-scoped contexts hold for their node only, property-scoped
ones for what is below) and refuses

* keys that are no term in force at that node, among them keywords and full addresses in place of terms,
* types that are no term and no absolute IRI, references that are no absolute IRI,
* values whose graph form is lost or differs between engines: null, lists in lists, long decimals, large integers,
  control characters and noncharacters,
* terms that some copies of a context have and others lack (``jti``, ``endorsementJwt``),
* a second node with the id of the credential: its parts could be moved there without breaking the signature.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.contexts import JsonObject, load_context

Terms = Mapping[str, Any]

REFUSED_TERMS = frozenset({"jti", "endorsementJwt"})
"""They came to context 3.0.3 after it was published, so copies of it disagree."""

MAX_INTEGER = 2**53 - 1
MAX_NODES = 20_000

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\x00-\x20\x7f-\x9f<>\"{}|^`\\]+")
_PREFIX_ENDS = (":", "/", "?", "#", "[", "]", "@")  # JSON-LD 1.1, section 4.1.5
_SHORT_DECIMAL = re.compile(r"-?\d{1,9}\.\d{1,6}")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef]")


def check_safe(document: JsonObject, *, contexts: Mapping[str, Terms] | None = None) -> None:
    """Raise ``CredentialInvalidError`` unless each key and value of ``document`` reaches the graph.

    Codes: ``term_undefined``, ``type_undefined``, ``iri_invalid``, ``value_unsupported``, ``text_unsupported``,
    ``term_unstable``, ``node_duplicated``, ``context_unknown``, ``context_inline``; the message names the place.
    ``contexts``: further contexts by URL (tests of the standards use made-up ones).
    """
    _Walk(contexts or {}, document.get("id")).node(document, {}, "")


def context_urls(value: object) -> list[str]:
    """Return the URLs under ``@context``; raises ``CredentialInvalidError`` (``context_inline``) for anything else."""
    given = value if isinstance(value, list) else [value]
    urls = [url for url in given if isinstance(url, str)]
    if not urls or len(urls) != len(given):
        raise CredentialInvalidError("Contexts must be named by URL.", code="context_inline")
    return urls


class _Walk:
    """One walk over one document."""

    def __init__(self, contexts: Mapping[str, Terms], root_id: object) -> None:
        self.contexts = contexts
        self.root_id = root_id
        self.nodes = 0

    def node(self, node: JsonObject, active: Terms, place: str) -> None:
        """Check a node object; ``active``: the terms in force around it (its parent's type-scoped ones excluded)."""
        self._count(node, place)
        if "@context" in node:
            for url in context_urls(node["@context"]):
                active = {**active, **(self.contexts[url] if url in self.contexts else load_context(url))}
        scoped = self._type_scoped(node, active, place)
        for key, value in node.items():
            where = f"{place}.{key}" if place else key
            if key == "@context":
                continue
            definition = self._definition(key, scoped, where)
            if definition == "@id":
                _check_reference(value, scoped, where)
            elif definition != "@type":
                self._values(value, definition, active, where)

    def _count(self, node: JsonObject, place: str) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise CredentialInvalidError("The document has too many parts.", code="document_too_large")
        if place and self.root_id is not None and node.get("id") == self.root_id:
            raise _refusal("node_duplicated", place, "repeats the id of the credential")

    def _type_scoped(self, node: JsonObject, active: Terms, place: str) -> Terms:
        scoped = active
        for name in sorted(_types(node, active, place)):
            definition = active.get(name)
            if isinstance(definition, Mapping) and "@context" in definition:
                scoped = {**scoped, **definition["@context"]}
        return scoped

    def _definition(self, key: str, scoped: Terms, where: str) -> Any:
        if key in REFUSED_TERMS:
            raise _refusal("term_unstable", where, "is not the same in all copies of the contexts")
        definition = None if key.startswith("@") else scoped.get(key)
        if not isinstance(definition, (str, Mapping)):
            raise _refusal("term_undefined", where, "is not defined by the contexts")
        if isinstance(definition, Mapping) and definition.get("@type") == "@json":
            raise _refusal("value_unsupported", where, "is a JSON literal")
        return definition

    def _values(self, value: object, definition: Any, active: Terms, where: str) -> None:
        below = active
        coercion = None
        if isinstance(definition, Mapping):
            coercion = definition.get("@type")
            if "@context" in definition:  # a null context empties what is in force (enclosed credentials)
                below = {**active, **definition["@context"]} if definition["@context"] else {}
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                self.node(item, below, where)
            elif isinstance(item, str):
                _check_text(item, where)
                if coercion == "@id" or (coercion == "@vocab" and item not in below):
                    _check_reference(item, below, where)
            else:
                _check_scalar(item, where)
                if coercion in {"@id", "@vocab"}:
                    raise _refusal("iri_invalid", where, "is not an absolute address")


def _check_reference(value: object, terms: Terms, where: str) -> None:
    if not isinstance(value, str) or not _is_address(value, terms):
        raise _refusal("iri_invalid", where, "is not an absolute address")
    _check_text(value, where)


def _is_address(text: str, terms: Terms) -> bool:
    """Whether ``text`` is an absolute IRI and stands for itself, not for a term and a rest (a compact IRI)."""
    prefix = terms.get(text.partition(":")[0])
    if isinstance(prefix, Mapping):
        compact = prefix.get("@prefix") is True
    else:
        compact = isinstance(prefix, str) and prefix[-1:] in _PREFIX_ENDS
    return bool(_IRI.fullmatch(text)) and not compact


def _types(node: JsonObject, active: Terms, place: str) -> Iterator[str]:
    given = node.get("type", [])
    for name in given if isinstance(given, list) else [given]:
        if not isinstance(name, str) or not (_is_type_term(active.get(name)) or _is_address(name, active)):
            raise _refusal("type_undefined", f"{place}.type" if place else "type", "is not defined by the contexts")
        yield name


def _is_type_term(definition: object) -> bool:
    return isinstance(definition, Mapping) or (isinstance(definition, str) and not definition.startswith("@"))


def _check_text(text: str, where: str) -> None:
    if _CONTROLS.search(text) or any(ord(character) & 0xFFFE == 0xFFFE for character in text):
        raise _refusal("text_unsupported", where, "holds a control character")


def _check_scalar(value: object, where: str) -> None:
    if isinstance(value, bool):
        return
    if isinstance(value, int) and abs(value) <= MAX_INTEGER:
        return
    # Engines write very small and very long decimals differently; repr() shows the small ones with an exponent.
    if isinstance(value, float) and _SHORT_DECIMAL.fullmatch(repr(value)):
        return
    raise _refusal("value_unsupported", where, "has a value that cannot be signed")


def _refusal(code: str, where: str, fact: str) -> CredentialInvalidError:
    return CredentialInvalidError(f"{where[:200]} {fact}.", code=code)
