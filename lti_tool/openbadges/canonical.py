"""The graph of a JSON-LD document as canonical N-Quads (RDF Dataset Canonicalization 1.0) and its SHA-256.

pyoxigraph parses and canonicalizes; it has no loader for remote contexts, so the pinned contexts are put into a copy
of the document and nothing can be fetched. Canonicalization is exponential for graphs made to be so; the guard here
refuses documents with many parts that cannot be told apart (no honest credential has them).
"""

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from pyoxigraph import BlankNode, CanonicalizationAlgorithm, Dataset, Quad, RdfFormat, parse, serialize

from lti_tool.errors import CredentialInvalidError
from lti_tool.openbadges.contexts import JsonObject, load_context
from lti_tool.openbadges.safe_mode import Terms, check_safe, context_urls

MAX_ORDERINGS = 1_000
"""How many orders of indistinguishable parts canonicalization may have to try."""


def canonical_hash(document: JsonObject, *, contexts: Mapping[str, Terms] | None = None) -> bytes:
    """Return the SHA-256 (32 bytes) of the canonical N-Quads of ``document``, checked in safe mode first.

    Raises ``CredentialInvalidError``: the codes of ``check_safe``, ``graph_invalid`` or ``graph_too_complex``.
    """
    check_safe(document, contexts=contexts)
    return hashlib.sha256(canonical_nquads(document, contexts=contexts)).digest()


def canonical_nquads(document: JsonObject, *, contexts: Mapping[str, Terms] | None = None) -> bytes:
    """Return the sorted canonical N-Quads (UTF-8, one line each) of ``document``, without the safe-mode check."""
    try:
        text = json.dumps(_inline(document, contexts or {}), ensure_ascii=False, allow_nan=False).encode()
        quads = list(parse(input=text, format=RdfFormat.JSON_LD))
    except (SyntaxError, ValueError):
        raise CredentialInvalidError("The document is not JSON-LD that can be read.", code="graph_invalid") from None
    _check_orderings(quads)
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    lines = serialize(dataset, format=RdfFormat.N_QUADS) or b""
    return b"".join(sorted(lines.splitlines(keepends=True)))


def _inline(value: Any, contexts: Mapping[str, Terms]) -> Any:
    if isinstance(value, dict):
        return {
            key: [_context(url, contexts) for url in context_urls(child)]
            if key == "@context"
            else _inline(child, contexts)
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [_inline(child, contexts) for child in value]
    return value


def _context(url: str, contexts: Mapping[str, Terms]) -> Terms:
    return contexts[url] if url in contexts else load_context(url)


def _check_orderings(quads: list[Quad]) -> None:
    """Refuse graphs whose blank nodes look alike too often (the first-degree hash of RDFC-1.0, section 4.6)."""
    views: defaultdict[BlankNode, list[str]] = defaultdict(list)
    for quad in quads:
        parts = (quad.subject, quad.predicate, quad.object, quad.graph_name)
        for node in {part for part in parts if isinstance(part, BlankNode)}:
            views[node].append(" ".join(_view(part, node) for part in parts))
    alike = Counter("\n".join(sorted(lines)) for lines in views.values())
    orderings = sum(count * math.factorial(min(count, 10)) for count in alike.values() if count > 1)
    if orderings > MAX_ORDERINGS:
        raise CredentialInvalidError(
            "The document repeats parts that cannot be told apart too often.", code="graph_too_complex"
        )


def _view(part: object, node: BlankNode) -> str:
    if isinstance(part, BlankNode):
        return "_:a" if part == node else "_:z"
    return str(part)
