"""The sealed trail: every kind of tampering is found, on both databases, and erasing details leaves it whole."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from courses import START, Course, course_on
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from lti_tool.domain.audit_chain import INSTALLATION, FindingCode, Head
from lti_tool.models import AuditEvent, AuditHead, AuditKey, AuditPayload, AuditSeal, IssuerKey
from lti_tool.services import audit, audit_chain

NOW = START + timedelta(days=1)


@pytest.fixture
def course(any_database: str) -> Iterator[Course]:
    """A course whose organization has an issuer, with everything sealed that making it wrote."""
    with course_on(any_database) as course:
        add(course, 6)
        seal_all(course)
        yield course


def add(course: Course, count: int, organization: bool = True) -> None:
    with course.database.write() as session:
        for number in range(count):
            audit.record(
                session,
                "award.offered",
                actor="job",
                subject=f"award:{number}",
                organization_id=course.organization_id if organization else None,
                payload={"reason": "made", "number": number} if number % 2 else None,
                now=NOW,
            )


def seal_all(course: Course, limit: int = audit_chain.BATCH) -> None:
    with course.database.read() as session:
        waiting = audit_chain.due(session, NOW + timedelta(hours=1))
    for organization_id in waiting:
        sealed = 1
        while sealed:
            with course.database.write() as session:
                sealed = audit_chain.seal(session, organization_id or None, course.vault, NOW, limit=limit)


def findings(course: Course, outside: list[Head] | None = None) -> set[FindingCode]:
    with course.database.read() as session:
        return {one.code for report in audit_chain.verify(session, outside or []) for one in report.findings}


def heads(course: Course) -> list[Head]:
    with course.database.read() as session:
        return audit_chain.newest_heads(session)


def change(course: Course, *statements: object) -> None:
    with course.database.write() as session:
        for statement in statements:
            session.execute(statement)  # type: ignore[call-overload]


def own_chain(course: Course) -> str:
    return f"organization:{course.organization_id}"


def event_at(course: Course, number: int) -> int:
    with course.database.read() as session:
        wanted = select(AuditSeal.audit_event_id).where(
            AuditSeal.chain == own_chain(course), AuditSeal.number == number
        )
        return session.scalars(wanted).one()


def test_what_nobody_touched_is_intact(course: Course) -> None:
    with course.database.read() as session:
        reports = audit_chain.verify(session, heads(course))
    assert {report.chain for report in reports} == {own_chain(course)}
    assert all(report.findings == () and report.unsealed == () and report.sealed >= 6 for report in reports)


def test_the_unsealed_tail_is_named(course: Course) -> None:
    add(course, 2)
    with course.database.read() as session:
        (report,) = audit_chain.verify(session)
        newest = list(session.scalars(select(AuditEvent.id).order_by(AuditEvent.id.desc()).limit(2)))
    assert set(report.unsealed) == set(newest)
    assert report.findings == ()


def test_sealing_waits_for_the_burst_to_end_and_then_has_nothing_left(course: Course) -> None:
    add(course, 1)
    with course.database.read() as session:
        assert audit_chain.due(session, NOW) == []
        assert audit_chain.due(session, NOW + audit_chain.SEAL_AFTER) == [course.organization_id]
    seal_all(course)
    with course.database.read() as session:
        assert audit_chain.due(session, NOW + timedelta(days=9)) == []


def test_the_head_is_signed_with_the_issuers_key(course: Course) -> None:
    (head,) = heads(course)
    with course.database.read() as session:
        known = set(session.scalars(select(IssuerKey.public_key_multibase)))
    assert head.public_key_multibase in known
    assert head.verification_method.endswith(f"/keys/{head.public_key_multibase}")


def test_events_of_no_organization_are_signed_with_the_installations_own_key(course: Course) -> None:
    add(course, 3, organization=False)
    seal_all(course)
    head = next(one for one in heads(course) if one.chain == INSTALLATION)
    with course.database.read() as session:
        assert head.public_key_multibase == session.scalars(select(AuditKey.public_key_multibase)).one()
        assert session.scalars(select(AuditKey.private_key)).one().startswith("gAAAA")
    assert findings(course) == set()


def test_batches_make_one_chain(course: Course) -> None:
    add(course, 7)
    seal_all(course, limit=2)
    assert findings(course) == set()
    with course.database.read() as session:
        assert len(audit_chain.stored_heads(session, own_chain(course))) >= 4


ALTERATIONS: dict[str, object] = {
    "action": "award.revoked",
    "actor": "user:999",
    "subject": "award:999",
    "at": NOW - timedelta(microseconds=1),
    "commitment": "0" * 64,
}


@pytest.mark.parametrize("column", ALTERATIONS)
def test_an_altered_event_is_found(course: Course, column: str) -> None:
    change(course, update(AuditEvent).where(AuditEvent.id == event_at(course, 2)).values({column: ALTERATIONS[column]}))
    assert FindingCode.EVENT_ALTERED in findings(course)
    with course.database.read() as session:
        altered = [one for report in audit_chain.verify(session) for one in report.findings
                   if one.code is FindingCode.EVENT_ALTERED]  # fmt: skip
    assert [(one.number, one.event_id) for one in altered] == [(2, event_at(course, 2))]


def test_an_event_that_changed_its_organization_is_found(course: Course) -> None:
    seal = AuditSeal.audit_event_id == event_at(course, 2)
    change(course, update(AuditSeal).where(seal).values(chain=INSTALLATION, number=1))
    assert {FindingCode.EVENT_MISSING, FindingCode.EVENT_ALTERED} <= findings(course)


def test_an_altered_seal_is_found(course: Course) -> None:
    change(course, update(AuditSeal).where(AuditSeal.number == 2).values(digest="f" * 64))
    assert FindingCode.EVENT_ALTERED in findings(course)


def test_altered_details_are_found(course: Course) -> None:
    change(course, update(AuditPayload).values(payload={"reason": "another"}))
    assert findings(course) == {FindingCode.PAYLOAD_ALTERED}


def test_details_given_to_an_event_without_any_are_found(course: Course) -> None:
    with course.database.write() as session:
        bare = session.scalars(
            select(AuditEvent.id).join(AuditSeal).where(AuditEvent.commitment.is_(None)).limit(1)
        ).one()
        session.add(AuditPayload(audit_event_id=bare, salt="00", payload={"invented": True}))
    assert findings(course) == {FindingCode.PAYLOAD_ALTERED}


def test_erased_details_leave_the_chain_whole_and_are_counted(course: Course) -> None:
    with course.database.read() as session:
        expected = len(list(session.scalars(select(AuditPayload.audit_event_id))))
    change(course, delete(AuditPayload))
    with course.database.read() as session:
        (report,) = audit_chain.verify(session)
    assert report.findings == ()
    assert len(report.erased) == expected > 0


def test_a_missing_event_is_found(course: Course) -> None:
    lost = event_at(course, 3)
    change(
        course,
        delete(AuditPayload).where(AuditPayload.audit_event_id == lost),
        delete(AuditSeal).where(AuditSeal.audit_event_id == lost),
        delete(AuditEvent).where(AuditEvent.id == lost),
    )
    assert findings(course) == {FindingCode.EVENT_MISSING}


def test_events_that_changed_places_are_found(course: Course) -> None:
    second, fourth = event_at(course, 2), event_at(course, 4)
    with course.database.write() as session:
        seals = {one.audit_event_id: one for one in session.scalars(select(AuditSeal))}
        rows = {one: (seals[one].chain, seals[one].number, seals[one].digest) for one in (second, fourth)}
        for one in rows:
            session.delete(seals[one])
        session.flush()
        for one, other in ((second, fourth), (fourth, second)):
            chain, number, digest = rows[other]
            session.add(AuditSeal(audit_event_id=one, chain=chain, number=number, digest=digest, sealed_at=NOW))
    assert findings(course) == {FindingCode.EVENT_MOVED}


def cut(course: Course, after: int, *, heads_too: bool) -> None:
    with course.database.read() as session:
        lost = list(
            session.scalars(
                select(AuditSeal.audit_event_id).where(AuditSeal.chain == own_chain(course), AuditSeal.number > after)
            )
        )
    change(
        course,
        delete(AuditPayload).where(AuditPayload.audit_event_id.in_(lost)),
        delete(AuditSeal).where(AuditSeal.audit_event_id.in_(lost)),
        delete(AuditEvent).where(AuditEvent.id.in_(lost)),
        *([delete(AuditHead).where(AuditHead.number > after)] if heads_too else []),
    )


def test_a_cut_tail_is_found(course: Course) -> None:
    cut(course, 3, heads_too=False)
    assert findings(course) == {FindingCode.TRUNCATED}


def test_a_tail_cut_together_with_its_heads_is_found_by_a_head_kept_elsewhere(course: Course) -> None:
    seal_all(course)
    kept = heads(course)
    cut(course, 3, heads_too=True)
    assert FindingCode.TRUNCATED in findings(course, kept)


def rewrite(course: Course) -> None:
    """Alter the past, then seal everything anew, as somebody who can write the database but has no key could."""
    change(
        course,
        delete(AuditSeal).where(AuditSeal.chain == own_chain(course)),
        update(AuditEvent).values(is_sealed=False),
        update(AuditEvent).where(AuditEvent.subject == "award:1").values(actor="user:1", commitment=None),
        delete(AuditPayload).where(
            AuditPayload.audit_event_id.in_(select(AuditEvent.id).where(AuditEvent.subject == "award:1"))
        ),
    )


def test_a_chain_written_anew_is_found_by_the_signed_heads(course: Course) -> None:
    signed = heads(course)
    rewrite(course)
    change(course, delete(AuditHead))
    with course.database.write() as session:
        audit_chain.seal(session, course.organization_id, course.vault, NOW)
        # The head that this wrote needs the key: somebody without it has only those that were signed before.
        session.execute(delete(AuditHead))
        session.add_all([AuditHead(**asdict(one)) for one in signed])
    assert findings(course) == {FindingCode.REWRITTEN}


def test_a_chain_written_anew_with_new_heads_is_found_by_a_head_kept_elsewhere(course: Course) -> None:
    kept = heads(course)
    rewrite(course)
    change(course, delete(AuditHead))
    with course.database.write() as session:
        audit_chain.seal(session, course.organization_id, course.vault, NOW)
    assert findings(course) == set()
    assert findings(course, kept) == {FindingCode.REWRITTEN}


def test_a_forged_head_is_found(course: Course) -> None:
    change(course, update(AuditHead).values(signature=base64.urlsafe_b64encode(bytes(64)).decode()))
    assert FindingCode.HEAD_INVALID in findings(course)


def test_a_head_of_a_strange_key_is_found(course: Course) -> None:
    (kept,) = heads(course)
    change(course, update(AuditHead).values(public_key_multibase="z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"))
    assert findings(course) == {FindingCode.HEAD_KEY_UNKNOWN}
    assert FindingCode.HEAD_KEY_UNKNOWN in findings(course, [kept])


def test_heads_removed_are_found(course: Course) -> None:
    change(course, delete(AuditHead))
    assert findings(course) == {FindingCode.HEAD_MISSING}


def test_a_chain_that_is_gone_is_found_by_a_head_kept_elsewhere(course: Course) -> None:
    (kept,) = heads(course)
    lost = Head("organization:999", kept.number, kept.digest, kept.signed_at, "x", kept.public_key_multibase, "AA")
    assert findings(course, [lost]) == {FindingCode.TRUNCATED}


def test_two_who_seal_at_once_leave_one_chain(course: Course) -> None:
    add(course, 4)
    with course.database.write() as session:
        audit_chain.seal(session, course.organization_id, course.vault, NOW)
        held = session.execute(select(AuditSeal.chain, AuditSeal.number).order_by(AuditSeal.number.desc())).first()
    assert held is not None
    add(course, 1)
    with course.database.read() as session:
        late = session.scalars(select(AuditEvent.id).order_by(AuditEvent.id.desc()).limit(1)).one()
    with pytest.raises(IntegrityError), course.database.write() as session:
        session.add(AuditSeal(audit_event_id=late, chain=held[0], number=held[1], digest="0" * 64, sealed_at=NOW))
    assert findings(course) == set()


# -- the verifier that needs nothing of ours --------------------------------------------------------------------------

VERIFIER = Path(__file__).parents[3] / "docs" / "verify_audit.py"


def exported(course: Course) -> list[dict[str, object]]:
    from lti_tool.cli.audit import _export

    with course.database.read() as session:
        return list(_export(session, with_payloads=True))


def run_verifier(tmp_path: Path, lines: list[dict[str, object]], *options: str) -> tuple[int, str]:
    trail = tmp_path / "trail.jsonl"
    trail.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    ran = subprocess.run([sys.executable, VERIFIER, trail, *options], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def test_the_standalone_verifier_agrees(course: Course, tmp_path: Path) -> None:
    key = heads(course)[0].public_key_multibase
    code, said = run_verifier(tmp_path, exported(course), "--key", key)
    assert (code, "intact" in said) == (0, True), said


FALSIFIED: dict[str, Callable[[list[dict[str, object]]], list[dict[str, object]]]] = {
    "altered": lambda lines: [one | ({"actor": "user:9"} if one.get("number") == 2 else {}) for one in lines],
    "payload": lambda lines: [one | ({"payload": {"x": 1}} if "payload" in one else {}) for one in lines],
    "missing": lambda lines: [one for one in lines if not (one["type"] == "event" and one["number"] == 2)],
    "tail": lambda lines: [one for one in lines if not (one["type"] == "event" and int(str(one["number"])) > 3)],
    "no heads": lambda lines: [one for one in lines if one["type"] == "event"],
    "signature": lambda lines: [one | ({"signature": "AAAA"} if one["type"] == "head" else {}) for one in lines],
}


@pytest.mark.parametrize("how", FALSIFIED)
def test_the_standalone_verifier_finds_it(course: Course, tmp_path: Path, how: str) -> None:
    code, said = run_verifier(tmp_path, FALSIFIED[how](exported(course)))
    assert (code, "WRONG" in said) == (1, True), said


def test_the_standalone_verifier_trusts_only_the_keys_it_was_given(course: Course, tmp_path: Path) -> None:
    code, _ = run_verifier(tmp_path, exported(course), "--key", "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")
    assert code == 1


def test_the_standalone_verifier_says_when_it_cannot_read(course: Course, tmp_path: Path) -> None:
    assert course.organization_id
    assert run_verifier(tmp_path, [{"type": "event"}])[0] == 2
