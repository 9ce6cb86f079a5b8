"""Commands for the audit trail: check it, and take its heads or all of it elsewhere."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.cli.frame import JSON_OPTION, cli, open_services, refusals, show
from lti_tool.domain.audit_chain import Entry, Finding, Head, time_text
from lti_tool.errors import InvalidInputError
from lti_tool.jobs.sealing import seal_audit
from lti_tool.models import AuditPayload
from lti_tool.services import audit_chain
from lti_tool.services.audit_chain import ChainReport

SENTENCES = {
    "event_altered": "event {event} at number {number} is not what was sealed there",
    "event_moved": "event {event} at number {number} was sealed at another number",
    "event_missing": "the event at number {number} is missing",
    "payload_altered": "the details of event {event} at number {number} are not those that were recorded",
    "truncated": "a head was signed at number {number}, but the chain ends before it",
    "rewritten": "the chain was written anew: number {number} is not what a signed head says",
    "head_invalid": "the signature of the head at number {number} is wrong",
    "head_key_unknown": "the head at number {number} is signed with a key that is not this organization's",
    "head_missing": "no signed head covers the chain up to its end at number {number}",
    "trace_altered": "{row} is not what event {event} recorded",
    "trace_missing": "{row}, which event {event} recorded, is missing",
    "trace_unknown": "no event recorded {row}",
    "award_altered": "{row} is not in the state that its events led to",
}


@cli.group("audit")
def audit_group() -> None:
    """The audit trail: who did what, in a chain that shows tampering."""


@audit_group.command("verify")
@click.option(
    "--head",
    "heads_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Heads kept from an earlier `audit heads`: finds what was cut off or written anew since.",
)
@JSON_OPTION
@refusals
def audit_verify(heads_file: Path | None, as_json: bool) -> None:
    """Check every chain; exit code 0 only if nothing is wrong."""
    outside = read_heads(heads_file) if heads_file else []
    services = open_services()
    with services.database.read() as session:
        reports = audit_chain.verify(session, outside)
    show(_document(reports), as_json, [line for report in reports for line in _lines(report)] or ["No events yet."])
    sys.exit(1 if any(report.findings for report in reports) else 0)


@audit_group.command("heads")
@refusals
def audit_heads() -> None:
    """Seal what waits, then print the signed head of every chain, to be kept somewhere else."""
    services = open_services()
    with services.database.read() as session:
        waiting = audit_chain.due(session, services.clock() + audit_chain.SEAL_AFTER)
    for organization_id in waiting:
        seal_audit(services, organization_id)
    with services.database.read() as session:
        for head in audit_chain.newest_heads(session):
            click.echo(json.dumps(head_document(head), ensure_ascii=False))


@audit_group.command("export")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--with-payloads", is_flag=True, help="Also the details of events, which may hold personal data.")
@refusals
def audit_export(file: Path, with_payloads: bool) -> None:
    """Write all sealed events and heads to FILE, a JSON object a line, for docs/verify_audit.py or your own check."""
    services = open_services()
    written = 0
    with services.database.read() as session, file.open("w", encoding="utf-8") as out:
        for document in _export(session, with_payloads):
            out.write(json.dumps(document, ensure_ascii=False) + "\n")
            written += 1
    click.echo(f"{written} lines written to {file}.")


def read_heads(file: Path) -> list[Head]:
    """Read heads as ``audit heads`` prints them; raises ``InvalidInputError`` (``heads_unreadable``)."""
    try:
        return [
            Head(**{name: value for name, value in document.items() if name not in {"type", "signed_at"}},
                 signed_at=datetime.fromisoformat(document["signed_at"]))
            for document in map(json.loads, file.read_text("utf-8").splitlines())
        ]  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidInputError(f"{file} does not hold heads as 'audit heads' prints them.", code="heads_unreadable") \
            from None  # fmt: skip


def head_document(head: Head) -> dict[str, Any]:
    """Return a head as it is exported."""
    return {
        "type": "head",
        "chain": head.chain,
        "number": head.number,
        "digest": head.digest,
        "signed_at": time_text(head.signed_at),
        "verification_method": head.verification_method,
        "public_key_multibase": head.public_key_multibase,
        "signature": head.signature,
    }


def _export(session: Session, with_payloads: bool) -> Iterator[dict[str, Any]]:
    for report in audit_chain.verify(session):
        for entry in audit_chain.iter_entries(session, report.chain):
            yield _event_document(session, report.chain, entry, with_payloads)
        for head in audit_chain.stored_heads(session, report.chain):
            yield head_document(head)


def _event_document(session: Session, chain: str, entry: Entry, with_payload: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": "event",
        "chain": chain,
        "number": entry.number,
        "event": entry.event_id,
        "at": time_text(entry.at),
        "action": entry.action,
        "actor": entry.actor,
        "subject": entry.subject,
        "commitment": entry.commitment,
        "digest": entry.digest,
    }
    held = (
        session.scalar(select(AuditPayload).where(AuditPayload.audit_event_id == entry.event_id))
        if with_payload and entry.commitment is not None
        else None
    )
    return document if held is None else document | {"salt": held.salt, "payload": held.payload}


def _sentence(finding: Finding) -> str:
    return SENTENCES[finding.code].format(number=finding.number, event=finding.event_id, row=finding.row)


def _lines(report: ChainReport) -> list[str]:
    verdict = "WRONG" if report.findings else "intact"
    line = f"{report.chain}: {verdict}, {report.sealed} events sealed, {len(report.unsealed)} not sealed yet"
    if report.erased:
        line += f", details of {len(report.erased)} erased"
    return [line, *(f"  {_sentence(one)} [{one.code}]" for one in report.findings)]


def _document(reports: list[ChainReport]) -> dict[str, Any]:
    return {
        "intact": not any(report.findings for report in reports),
        "chains": [
            {
                "chain": report.chain,
                "sealed": report.sealed,
                "unsealed_events": list(report.unsealed),
                "erased": list(report.erased),
                "findings": [
                    {
                        "code": one.code,
                        "number": one.number,
                        "event": one.event_id,
                        "row": one.row,
                        "what": _sentence(one),
                    }
                    for one in report.findings
                ],
            }
            for report in reports
        ],
    }
