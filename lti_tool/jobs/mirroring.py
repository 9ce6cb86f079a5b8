"""Issues awards on an institution's issuing platform: one run at a time for each, batch after batch.

No transaction is open while the platform is called. A process that dies leaves rows whose lease passes; who takes them
next looks at the platform first, so an award is never issued there twice.
"""

import secrets
from datetime import timedelta

import structlog

from lti_tool.backpacks import badgr_issuing
from lti_tool.backpacks.badgr_documents import NewAward
from lti_tool.backpacks.badgr_issuing import IssuedAward
from lti_tool.backpacks.base import Outcome
from lti_tool.errors import (
    BackpackAlteredError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
    BackpackThrottledError,
    ToolError,
)
from lti_tool.jobs.mirror_session import MirrorSession
from lti_tool.services import issuing_platforms, mirror_batches, mirrored_awards
from lti_tool.services.leases import take_lease
from lti_tool.services.mirror_batches import Batch, Entry, Withdrawal
from lti_tool.wiring import Services

log = structlog.get_logger()

RUN_BATCHES = 20
"""Batches of one run; what is left is found by the next sweep, so that others get their turn."""
OVER = timedelta(seconds=-1)
"""Life of a lease that is let go of."""
ROUNDS = 3
"""Times a batch is sent again without what the platform refused."""


def mirror_awards(services: Services, platform_id: int) -> None:
    """Do what is due for a platform, if nobody else does."""
    name, holder = f"mirror:{platform_id}", secrets.token_hex(8)
    for _ in range(RUN_BATCHES):
        with services.database.write() as session:
            now = services.clock()
            if not take_lease(session, name, holder, now, mirrored_awards.LEASE):
                return
            is_due = platform_id in mirrored_awards.due(session, now)
            work = mirror_batches.take(session, platform_id, now) if is_due else None
        if work is None or not _do(services, platform_id, work):
            break
    with services.database.write() as session:
        take_lease(session, name, holder, services.clock(), OVER)


def _do(services: Services, platform_id: int, work: Batch | Withdrawal) -> bool:
    """Bring taken work to its next state; ``False`` when the platform should be left alone for now."""
    rows = [work.row_id] if isinstance(work, Withdrawal) else [one.row_id for one in work.entries]
    try:
        mirror = MirrorSession(services, platform_id)
        if isinstance(work, Withdrawal):
            _withdraw(services, mirror, work)
        else:
            _issue(services, mirror, work)
    except ToolError as error:
        log.warning("mirroring.failed", platform_id=platform_id, error_code=error.code, rows=len(rows))
        _note_failure(services, platform_id, rows, error)
        return False
    except Exception as error:  # a bug must not leave awards to be sent again for ever
        log.exception("mirroring.broken", platform_id=platform_id, error=type(error).__name__)
        _note_failure(services, platform_id, rows, ToolError("Something went wrong."))
        return False
    return True


def _note_failure(services: Services, platform_id: int, rows: list[int], error: ToolError) -> None:
    wait = error.retry_after if isinstance(error, BackpackError) else None
    is_account = isinstance(error, BackpackConsentError)
    is_wait = is_account or isinstance(error, BackpackThrottledError)
    with services.database.write() as session:
        now = services.clock()
        mirrored_awards.put_back(session, rows, error.code, now, counts=not is_wait, retry_after=wait)
        if is_account:
            issuing_platforms.refuse_account(session, platform_id, now)
        elif not rows:
            mirrored_awards.rest(session, platform_id, error.code, now, wait)


# -- issuing ----------------------------------------------------------------------------------------------------------


def _issue(services: Services, mirror: MirrorSession, batch: Batch) -> None:
    try:
        _issue_in(services, mirror, batch, _badge_class(services, mirror, batch))
    except BackpackRefusedError as error:
        if error.http_status == 404:
            # Gone there: the next attempt finds it, or makes it anew.
            with services.database.write() as session:
                mirror_batches.forget_badge_class(session, batch.badge_class)
        raise


def _issue_in(services: Services, mirror: MirrorSession, batch: Batch, badge_class_id: str) -> None:
    if not batch.entries:
        return
    moved = {one.award.evidence_url for one in batch.entries if one.remote_id and _moves(mirror, one)}
    repeats = {one.award.email for one in batch.entries if one.is_repeat and one.award.evidence_url not in moved}
    there = _by_award(mirror.find_issued(badge_class_id, repeats)) if repeats else {}
    there = {url: issued for url, issued in there.items() if issued.email in repeats}
    refused = {url: "issuing_revoked_there" for url, issued in there.items() if issued.is_revoked}
    left = [one.award for one in batch.entries if one.award.evidence_url not in moved | there.keys()]
    for _ in range(ROUNDS):
        if not left:
            break
        left = _send(mirror, badge_class_id, left, refused)
    _read_back(services, mirror, badge_class_id, batch, refused, moved | there.keys())


def _moves(mirror: MirrorSession, entry: Entry) -> bool:
    return entry.remote_id is not None and mirror.readdress(entry.remote_id, entry.award)


def _send(
    mirror: MirrorSession, badge_class_id: str, awards: list[NewAward], refused: dict[str, str]
) -> list[NewAward]:
    """Send awards; returns those to be sent again because others of the batch were refused."""
    try:
        outcome = mirror.issue(badge_class_id, awards)
    except BackpackRefusedError as error:
        if error.http_status != 400:
            raise
        if len(awards) == 1:
            refused[awards[0].evidence_url] = badgr_issuing.AWARD_REFUSED
            return []
        for award in awards:  # the platform does not say which one it means
            _send(mirror, badge_class_id, [award], refused)
        return []
    if outcome.issued:
        return []
    reasons = dict(outcome.refused)
    held = {one.email for one in awards if reasons.get(one.evidence_url) == badgr_issuing.HELD_ALREADY}
    holdings = mirror.find_issued(badge_class_id, held) if held else ()
    left = []
    for award in awards:
        reason = reasons.get(award.evidence_url)
        if reason is None:
            left.append(award)
        elif reason != badgr_issuing.HELD_ALREADY:
            refused[award.evidence_url] = reason
        elif not _is_there(award, holdings):
            # They hold it for another occasion, or somebody issued it by hand: this one is another award.
            left.append(mirror.repeatable(award))
    return left


def _is_there(award: NewAward, holdings: tuple[IssuedAward, ...]) -> bool:
    return any(award.evidence_url in one.evidence_urls and one.email == award.email for one in holdings)


def _read_back(
    services: Services,
    mirror: MirrorSession,
    badge_class_id: str,
    batch: Batch,
    refused: dict[str, str],
    known: set[str],
) -> None:
    """Look at what stands there now, and record it. What is not shown is put back, and looked for next time."""
    sent = [one for one in batch.entries if one.award.evidence_url not in refused]
    shown = _by_award(mirror.find_issued(badge_class_id, {one.award.email for one in sent})) if sent else {}
    missing: list[int] = []
    with services.database.write() as session:
        now = services.clock()
        for entry in batch.entries:
            url = entry.award.evidence_url
            if url in refused:
                mirrored_awards.refuse(session, entry.row_id, refused[url], now)
            elif not _is_shown(entry, shown.get(url)):
                missing.append(entry.row_id)
            else:
                outcome = Outcome.UNCHANGED if url in known else Outcome.CREATED
                mirrored_awards.settle(session, entry.row_id, shown[url], outcome.value, now)
        if missing:
            mirrored_awards.put_back(session, missing, BackpackAlteredError.code, now)


def _is_shown(entry: Entry, issued: IssuedAward | None) -> bool:
    return issued is not None and issued.email == entry.award.email and not issued.is_revoked


def _by_award(found: tuple[IssuedAward, ...]) -> dict[str, IssuedAward]:
    """Awards by the credential they are evidence of; one that holds before one that was revoked."""
    by_url: dict[str, IssuedAward] = {}
    for one in sorted(found, key=lambda issued: not issued.is_revoked):
        by_url |= dict.fromkeys(one.evidence_urls, one)
    return by_url


def _badge_class(services: Services, mirror: MirrorSession, batch: Batch) -> str:
    """Return what the platform calls the badge class, made or changed where needed."""
    work = batch.badge_class
    if work.remote_id is not None and work.is_current:
        return work.remote_id
    remote_id = work.remote_id
    if remote_id is None:
        issuer_id = work.issuer_remote_id
        if issuer_id is None:
            issuer_id = mirror.ensure_issuer(work.issuer)
            with services.database.write() as session:
                mirror_batches.remember_issuer(session, work, issuer_id, services.clock())
        remote_id = mirror.ensure_badge_class(issuer_id, work.card)
    else:
        mirror.update_badge_class(remote_id, work.card)
    with services.database.write() as session:
        mirror_batches.remember_badge_class(session, work, remote_id, services.clock())
    return remote_id


# -- revoking ---------------------------------------------------------------------------------------------------------


def _withdraw(services: Services, mirror: MirrorSession, work: Withdrawal) -> None:
    remote_id = work.remote_id
    if remote_id is None and work.badge_class_remote_id is not None and work.email is not None:
        issued = _by_award(mirror.find_issued(work.badge_class_remote_id, {work.email})).get(work.evidence_url)
        remote_id = issued.id if issued is not None and not issued.is_revoked else None
    if remote_id is not None:
        mirror.revoke(remote_id)
    with services.database.write() as session:
        mirrored_awards.settle_revocation(session, work.row_id, services.clock())
