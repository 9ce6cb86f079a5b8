"""Verifies an Open Badges 2.0 assertion, hosted or signed (Open Badges 2.0, Verification).

A hosted one is true because its own address says so: what was handed over only tells which address to ask, and what is
checked and shown is the answer. A signed one is true because its issuer lists the key and the key says so; badge and
issuer stay hosted. The checks have the same names as those of 3.0.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from lti_tool.errors import CredentialInvalidError, OutboundError, ToolError
from lti_tool.openbadges.contexts import JsonObject
from lti_tool.openbadges.issuer_keys import Documents
from lti_tool.openbadges.json_text import read_json
from lti_tool.openbadges.jws_keys import read_pem, verify_jws
from lti_tool.openbadges.reading import Handed
from lti_tool.openbadges.report import Check, CheckOutcome
from lti_tool.openbadges.shape import texts
from lti_tool.openbadges.v3_model import identity_hash, normalise_email

PASSED, FAILED, UNKNOWN = CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.UNKNOWN
NOT_CHECKED = CheckOutcome.NOT_CHECKED
GONE = 410
ACCEPT = "application/ld+json, application/json;q=0.9"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?")
_CANNOT_TELL = frozenset({"proof_unsupported", "key_unsupported"})


@dataclass(frozen=True, slots=True)
class Found:
    """The checks, and the badge as shown: the assertion that was believed, with badge and issuer put in place."""

    checks: list[Check]
    badge: JsonObject


def verify_assertion(handed: Handed, documents: Documents, now: datetime, recipient_email: str | None) -> Found:
    """Return what is to be said about an assertion. Never raises for anything wrong with it or with its hosts."""
    readable = Check("readable", PASSED)
    if "uid" in handed.document and "verify" in handed.document:  # 1.x
        return Found([readable, Check("shape", UNKNOWN, "version_unsupported")], handed.document)
    signed = handed.jws is not None
    try:
        assertion, gone = (handed.document, False) if signed else _hosted(handed.document, documents)
    except ToolError as error:
        return Found([readable, Check("shape", *_unavailable(error))], handed.document)
    if gone or assertion.get("revoked") is True:
        return Found([readable, Check("shape", PASSED), Check("status", FAILED, "revoked")], assertion)
    if wrong := ", ".join(_wrong_members(assertion)):
        return Found([readable, Check("shape", FAILED, "members_missing", {"members": wrong})], assertion)
    try:
        badge = _member(assertion["badge"], documents)
        issuer = _issuer(badge.get("issuer"), documents)
    except ToolError as error:
        return Found([readable, Check("shape", PASSED), Check("signed_by", *_unavailable(error))], assertion)
    shown = {**assertion, "badge": {**badge, "issuer": issuer}}
    if wrong := ", ".join(_wrong_in_badge(badge, issuer)):
        return Found([readable, Check("shape", FAILED, "members_missing", {"members": wrong})], shown)
    proof = _signed_by(handed, assertion, issuer, documents) if signed else _hosted_by(assertion, issuer)
    holds = all(one.outcome is PASSED for one in proof)
    status = Check("status", PASSED if holds else NOT_CHECKED)
    if signed and holds:
        status = _listed(assertion, issuer, documents)
    checks = [readable, Check("shape", PASSED), *proof, status, _dates(assertion, now)]
    return Found([*checks, _recipient(assertion["recipient"], recipient_email)], shown)


def _unavailable(error: ToolError) -> tuple[CheckOutcome, str]:
    return (UNKNOWN if isinstance(error, OutboundError) else FAILED), error.code


# -- documents --------------------------------------------------------------------------------------------------------


def _hosted(given: JsonObject, documents: Documents) -> tuple[JsonObject, bool]:
    """What the assertion's address answers, and whether it answered that it is gone."""
    url = given.get("id")
    if not isinstance(url, str) or _parts(url) is None:
        raise CredentialInvalidError("The assertion has no address.", code="assertion_without_address")
    answer = documents.ask(url, ACCEPT)
    if answer.status == GONE:
        try:
            said = read_json(answer.body)
        except CredentialInvalidError:
            said = {}
        return {**given, **said}, True
    if answer.status != 200:
        raise OutboundError("The assertion is not there.", code="document_unavailable")
    try:
        assertion = read_json(answer.body)
    except CredentialInvalidError:
        raise OutboundError("The answer is not a JSON document.", code="answer_malformed") from None
    if assertion.get("id") != url:
        raise CredentialInvalidError("The address answers another assertion.", code="assertion_other")
    return assertion, False


def _member(value: object, documents: Documents) -> JsonObject:
    """A badge class, embedded or at its address."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise CredentialInvalidError("A part of the badge cannot be found.", code="members_missing")
    return documents.get(value, ACCEPT)


def _issuer(value: object, documents: Documents) -> JsonObject:
    """The issuer, always as its own address answers: an embedded one could claim any name and allow any host."""
    url = value.get("id") if isinstance(value, dict) else value
    if not isinstance(url, str) or _parts(url) is None:
        raise CredentialInvalidError("The issuer has no address.", code="members_missing")
    issuer = documents.get(url, ACCEPT)
    if issuer.get("id") != url:
        raise CredentialInvalidError("The issuer's document is about somebody else.", code="issuer_mismatch")
    return issuer


def _wrong_members(assertion: JsonObject) -> Iterator[str]:
    if "Assertion" not in texts(assertion.get("type")):
        yield "type"
    if not isinstance(assertion.get("id"), str):
        yield "id"
    recipient = assertion.get("recipient")
    if not isinstance(recipient, dict) or not isinstance(recipient.get("identity"), str):
        yield "recipient"
    if not isinstance(assertion.get("badge"), str | dict):
        yield "badge"
    if not isinstance(assertion.get("verification"), dict):
        yield "verification"
    if _moment(assertion.get("issuedOn")) is None:
        yield "issuedOn"
    if "expires" in assertion and _moment(assertion["expires"]) is None:
        yield "expires"


def _wrong_in_badge(badge: JsonObject, issuer: JsonObject) -> Iterator[str]:
    for name in ("name", "description"):
        if not isinstance(badge.get(name), str):
            yield f"badge.{name}"
    if not isinstance(badge.get("criteria"), str | dict):
        yield "badge.criteria"
    if not isinstance(issuer.get("name"), str):
        yield "issuer.name"


# -- who says so ------------------------------------------------------------------------------------------------------


def _hosted_by(assertion: JsonObject, issuer: JsonObject) -> list[Check]:
    """A hosted assertion has to be where its issuer's are (Verification, scope)."""
    url, issuer_id = str(assertion["id"]), str(issuer["id"])
    rules = issuer.get("verification")
    rules = rules if isinstance(rules, dict) else {}
    starts, hosts = texts(rules.get("startsWith")), texts(rules.get("allowedOrigins"))
    if starts or hosts:
        is_there = any(_is_below(url, start) for start in starts) or _origin(url)[1] in hosts
    else:
        is_there = _origin(url) == _origin(issuer_id)
    said = {"issuer": issuer_id}
    if not is_there:
        return [Check("intact", PASSED, "hosted"), Check("signed_by", FAILED, "issuer_mismatch", said)]
    return [Check("intact", PASSED, "hosted"), Check("signed_by", PASSED, "", said)]


def _is_below(url: str, start: str) -> bool:
    """Whether an address begins with a prefix; one that ends inside a host name is no prefix."""
    return url.startswith(start) and _origin(url) == _origin(start)


def _origin(url: str) -> tuple[str, str]:
    """Where an address is; what is no web address is only where it is itself."""
    parts = _parts(url)
    return (url, "") if parts is None else (parts.scheme, parts.netloc.lower())


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in {"https", "http"} else None


def _signed_by(handed: Handed, assertion: JsonObject, issuer: JsonObject, documents: Documents) -> list[Check]:
    """A signature by a key that the issuer lists and that names the issuer as its owner."""
    issuer_id = str(issuer["id"])
    said = {"issuer": issuer_id}
    try:
        creator = assertion["verification"].get("creator")
        listed = [one.get("id") if isinstance(one, dict) else one for one in _several(issuer.get("publicKey"))]
        if not isinstance(creator, str):
            raise CredentialInvalidError("The assertion names no key.", code="key_not_named")
        if creator not in listed:
            raise CredentialInvalidError("The issuer does not list the key.", code="key_not_listed")
        document = documents.get(creator, ACCEPT)
        if document.get("id") != creator or document.get("owner") != issuer_id:
            raise CredentialInvalidError("The key is not the issuer's.", code="issuer_mismatch")
        key = read_pem(document.get("publicKeyPem"))
    except OutboundError as error:
        return [Check("intact", UNKNOWN, "key_unknown"), Check("signed_by", UNKNOWN, error.code, said)]
    except CredentialInvalidError as error:
        outcome = UNKNOWN if error.code in _CANNOT_TELL else FAILED
        return [Check("intact", UNKNOWN, "key_unknown"), Check("signed_by", outcome, error.code, said)]
    try:
        verify_jws(handed.jws or "", handed.header or {}, key)
    except CredentialInvalidError as error:
        outcome = UNKNOWN if error.code in _CANNOT_TELL else FAILED
        return [Check("intact", outcome, error.code), Check("signed_by", NOT_CHECKED)]
    return [Check("intact", PASSED), Check("signed_by", PASSED, "", said)]


def _listed(assertion: JsonObject, issuer: JsonObject, documents: Documents) -> Check:
    """Whether the issuer's revocation list names the assertion."""
    url = issuer.get("revocationList")
    if not isinstance(url, str):
        return Check("status", PASSED, "no_status")
    try:
        listed = documents.get(url, ACCEPT)
    except OutboundError as error:
        return Check("status", UNKNOWN, error.code)
    owner = listed.get("issuer")
    if (owner.get("id") if isinstance(owner, dict) else owner) != issuer["id"] and not _is_same_site(owner, issuer):
        return Check("status", UNKNOWN, "status_list_untrusted")
    named = set(texts([assertion.get("id"), assertion.get("uid")]))
    for entry in _several(listed.get("revokedAssertions")):
        one = entry if isinstance(entry, dict) else {"id": entry}
        if not named.isdisjoint(texts([one.get("id"), one.get("uid")])) and one.get("revoked", True) is not False:
            return Check("status", FAILED, "revoked")
    return Check("status", PASSED)


def _is_same_site(owner: object, issuer: JsonObject) -> bool:
    """An issuer with several keys has several profile addresses on one site, and one list."""
    url = owner.get("id") if isinstance(owner, dict) else owner
    return isinstance(url, str) and _origin(url) == _origin(str(issuer["id"]))


# -- when, and whose --------------------------------------------------------------------------------------------------


def _dates(assertion: JsonObject, now: datetime) -> Check:
    start, end = _moment(assertion["issuedOn"]), _moment(assertion.get("expires"))
    if start is not None and start > now:
        return Check("dates", FAILED, "not_yet_valid", {"valid_from": str(assertion["issuedOn"])})
    if end is not None and end <= now:
        return Check("dates", FAILED, "expired", {"valid_until": str(assertion["expires"])})
    return Check("dates", PASSED)


def _moment(value: object) -> datetime | None:
    """A time of ISO 8601; one without a zone, which the wild has, is taken as UTC."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _recipient(recipient: JsonObject, email: str | None) -> Check:
    if not email:
        return Check("recipient", NOT_CHECKED)
    if recipient.get("type") not in ("email", "schema:email", "http://schema.org/email"):
        return Check("recipient", UNKNOWN, "recipient_without_email")
    candidates = {email, email.strip(), normalise_email(email)}
    if any(_is_addressed_to(recipient, one) for one in candidates):
        return Check("recipient", PASSED)
    return Check("recipient", FAILED, "recipient_other")


def _is_addressed_to(recipient: JsonObject, candidate: str) -> bool:
    given, salt = str(recipient["identity"]), recipient.get("salt")
    salt = salt if isinstance(salt, str) else ""
    if recipient.get("hashed") is not True:
        return normalise_email(given) == normalise_email(candidate)
    if given.lower().startswith("md5$"):  # legal to read, never written
        digest = hashlib.md5(f"{candidate}{salt}".encode(), usedforsecurity=False).hexdigest()
        expected = f"md5${digest}"
    else:
        expected = identity_hash(candidate, salt)
    return hmac.compare_digest(given.lower().encode(), expected.encode())


def _several(value: object) -> list[object]:
    return value if isinstance(value, list) else [value] if value is not None else []
