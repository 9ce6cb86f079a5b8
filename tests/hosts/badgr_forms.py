"""What a Badgr host reads and shows: members of a request, checked; public Open Badges 2.0 documents (captured)."""

from datetime import UTC, datetime
from typing import Any

from hosts.badgr_backpack import V2_CONTEXT, v2_refusal
from hosts.serving import Refusal
from werkzeug.wrappers import Request


def public_form(entity: dict[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {"@context": V2_CONTEXT, "type": entity["entityType"], "id": entity["openBadgeId"]}
    if entity["entityType"] == "Issuer":
        return form | {name: entity[name] for name in ("name", "url", "email", "description")}
    if entity["entityType"] == "BadgeClass":
        return form | {
            "name": entity["name"],
            "description": entity["description"],
            "issuer": entity["issuerOpenBadgeId"],
            "image": f"{entity['openBadgeId']}/image",
            "criteria": {"id": entity["criteriaUrl"], "narrative": entity["criteriaNarrative"]},
            "alignment": entity["alignments"],
            "tags": entity["tags"],
        }
    if entity["revoked"]:
        return form | {"revoked": True, "revocationReason": entity["revocationReason"]}
    recipient = {name: value for name, value in entity["recipient"].items() if name != "plaintextIdentity"}
    return form | {
        "badge": entity["badgeclassOpenBadgeId"],
        "image": f"{entity['openBadgeId']}/image",
        "verification": {"type": "HostedBadge"},
        "evidence": [
            {"type": "Evidence", "id": one.get("url"), "narrative": one.get("narrative")} for one in entity["evidence"]
        ],
        "narrative": entity["narrative"],
        "issuedOn": entity["issuedOn"].replace("Z", "+00:00"),
        "recipient": recipient,
    }


def read_object(request: Request) -> dict[str, Any]:
    given = request.get_json(silent=True)
    if not isinstance(given, dict):
        raise Refusal(v2_refusal(400, validation_errors=["JSON parse error"]))
    return given


def require(given: dict[str, Any], *names: str) -> None:
    missing = {name: ["This field is required."] for name in names if not given.get(name)}
    if missing:
        raise Refusal(v2_refusal(400, missing))


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def moment_of(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise Refusal(v2_refusal(400, {"issuedOn": ["Datetime has wrong format."]})) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
