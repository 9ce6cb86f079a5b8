"""Delivers badges to one host after another: look, push, read back, compare, record.

No transaction is open while a host is called, and what a host answered is written before the next learner's turn.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from lti_tool.backpacks.base import BadgeDocument, HostDescription, Outcome, Receipt, Tokens, shows
from lti_tool.errors import (
    BackpackAlteredError,
    BackpackAnswerError,
    BackpackConsentError,
    BackpackError,
    BackpackRefusedError,
    ToolError,
)
from lti_tool.jobs.conversation import Contact, Conversation, is_away
from lti_tool.models import DeliveryPurpose
from lti_tool.openbadges.v3_model import normalise_email
from lti_tool.services import backpacks, delivery_batches, host_pace
from lti_tool.services.delivery_batches import Batch, Bundle, Parcel
from lti_tool.wiring import Services

log = structlog.get_logger()

LAST_MOMENT: Final = timedelta(seconds=90)
"""Before the end of a lease no further badge is pushed: whoever has it next may begin meanwhile."""
RUN_SECONDS: Final = 60.0
"""How long one task goes on with what is due at its host; this and one learner's calls are shorter than the lease."""


def deliver(services: Services, delivery_id: int) -> None:
    """Take what is due at the host of a delivery, batch after batch, and bring each to its next state."""
    until = time.monotonic() + RUN_SECONDS
    with services.database.read() as session:
        host_id = delivery_batches.host_of(session, delivery_id)
    while host_id is not None and time.monotonic() < until:
        with services.database.write() as session:
            batch = delivery_batches.take_batch(session, host_id, services.backpacks, services.vault, services.clock())
        if batch is None:
            return
        _carry_out(services, batch, until)


def _carry_out(services: Services, batch: Batch, until: float) -> None:
    contact = Contact(batch.host_id, batch.host, batch.client)
    backpack = services.backpacks[batch.protocol]
    for number, bundle in enumerate(batch.bundles):
        visit = _Visit(services, Conversation(services, backpack, contact, bundle), batch, bundle)
        try:
            rests = visit.make()
        except Exception as error:  # a bug must not leave badges to be sent again for ever
            log.exception("delivery.broken", host_id=batch.host_id, error=type(error).__name__)
            rests = visit.give_up()
        if rests or time.monotonic() >= until:
            left = [parcel for other in batch.bundles[number + 1 :] for parcel in other.parcels]
            _release(services, batch, left)
            return


def _release(services: Services, batch: Batch, parcels: Sequence[Parcel]) -> None:
    if parcels:
        with services.database.write() as session:
            delivery_batches.release(session, [one.delivery_id for one in parcels], batch.lease_until)


class _Visit:
    """What is to be done at one learner's backpack. ``rests``: the host does not answer, or asked for a rest."""

    def __init__(self, services: Services, talk: Conversation, batch: Batch, bundle: Bundle) -> None:
        self._services, self._talk, self._batch, self._bundle = services, talk, batch, bundle
        self.rests = False

    def make(self) -> bool:
        """Deliver the bundle; returns whether the host rests now."""
        parcels = self._bundle.parcels
        try:
            parcels = self._addressed(parcels)
            there = self._there(parcels)
        except ToolError as error:
            self._fail(parcels, error)
            return self.rests
        arrived: list[tuple[Parcel, Receipt]] = []
        pushed: list[tuple[Parcel, BadgeDocument, Receipt]] = []
        for number, parcel in enumerate(parcels):
            if self._services.clock() >= self._batch.lease_until - LAST_MOMENT:
                _release(self._services, self._batch, parcels[number:])
                break
            try:
                if parcel.purpose is DeliveryPurpose.WITHDRAW:
                    arrived.append((parcel, self._withdraw(parcel)))
                elif any(shows(one, there.get(one.id)) for one in (parcel.document, parcel.spare) if one):
                    now = self._services.clock()
                    arrived.append((parcel, Receipt(Outcome.UNCHANGED, 200, parcel.document.id, now, read_back=True)))
                else:
                    pushed.append((parcel, *self._push(parcel)))
            except ToolError as error:
                self._fail([parcel], error)
                if self.rests:
                    _release(self._services, self._batch, parcels[number + 1 :])
                    break
                if isinstance(error, BackpackConsentError):
                    self._fail(parcels[number + 1 :], error)
                    break
        self._settle([*arrived, *self._shown(pushed)])
        return self.rests

    def give_up(self) -> bool:
        """Something broke on the way: what did not arrive is tried a few times more."""
        self._fail(self._bundle.parcels, BackpackAnswerError("Something went wrong on the way."))
        return self.rests

    def _addressed(self, parcels: Sequence[Parcel]) -> tuple[Parcel, ...]:
        """Leave out, for good, what is made out to another address than the account's: never to the wrong person."""
        named = [one for one in parcels if one.recipient is not None and one.purpose is DeliveryPurpose.PUT]
        email = self._talk.account_email() if named else None
        if email is None:
            return tuple(parcels)
        own = normalise_email(email)
        others = [one for one in named if normalise_email(one.recipient or "") != own]
        if others:
            mismatch = "The badge is made out to another address than the backpack's."
            self._fail(others, BackpackRefusedError(mismatch, code="recipient_mismatch"))
        return tuple(one for one in parcels if one not in others)

    def _there(self, parcels: Sequence[Parcel]) -> dict[str, str]:
        """What the host shows already of what an earlier attempt may have brought."""
        repeats = [one.document.id for one in parcels if one.is_repeat and one.purpose is DeliveryPurpose.PUT]
        return self._find(repeats) if repeats and self._talk.can_read else {}

    def _find(self, ids: Sequence[str]) -> dict[str, str]:
        return self._talk.call(lambda host, tokens: self._talk.backpack.find(host, tokens, ids))

    def _push(self, parcel: Parcel) -> tuple[BadgeDocument, Receipt]:
        """Send the badge in the first form that the host takes."""
        push = partial(self._push_form, parcel.document)
        try:
            return parcel.document, self._talk.call(push)
        except BackpackRefusedError as error:
            if error.code != "backpack_form_refused" or parcel.spare is None:
                raise
        return parcel.spare, self._talk.call(partial(self._push_form, parcel.spare))

    def _push_form(self, document: BadgeDocument, host: HostDescription, tokens: Tokens) -> Receipt:
        return self._talk.backpack.push(host, tokens, document)

    def _withdraw(self, parcel: Parcel) -> Receipt:
        def withdraw(host: HostDescription, tokens: Tokens) -> bool:
            return self._talk.backpack.withdraw(host, tokens, parcel.document.id, "revoked")

        is_gone = self._talk.call(withdraw)
        outcome = Outcome.WITHDRAWN if is_gone else Outcome.STATUS_SAYS
        return Receipt(outcome, 200, parcel.document.id, self._services.clock())

    def _shown(self, pushed: Sequence[tuple[Parcel, BadgeDocument, Receipt]]) -> list[tuple[Parcel, Receipt]]:
        """Look at what was pushed: a 200 or 201 proves transport only; what the host shows is what the learner has."""
        parcels = [parcel for parcel, _, _ in pushed]
        if not self._talk.can_read:
            return [(parcel, receipt) for parcel, _, receipt in pushed]
        if not pushed:
            return []
        try:
            shown = self._find([document.id for _, document, _ in pushed])
        except ToolError as error:
            self._fail(parcels, error)
            return []
        arrived: list[tuple[Parcel, Receipt]] = []
        for parcel, document, receipt in pushed:
            text = shown.get(document.id)
            if shows(document, text):
                arrived.append((parcel, replace(receipt, read_back=True)))
            elif text is None and receipt.outcome is Outcome.UNCHANGED:
                arrived.append((parcel, receipt))  # the host says itself that it has the badge
            elif text is None:
                self._fail(
                    [parcel], BackpackError("It took the badge and does not show it.", code="backpack_not_shown")
                )
            else:
                self._fail([parcel], BackpackAlteredError("The backpack does not show the badge as it was sent."))
        return arrived

    def _settle(self, arrived: Sequence[tuple[Parcel, Receipt]]) -> None:
        if not arrived:
            return
        with self._services.database.write() as session:
            now = self._services.clock()
            if not self.rests:
                host_pace.note_success(session, self._batch.host_id, now)
            for parcel, receipt in arrived:
                delivery_batches.settle(session, parcel.delivery_id, receipt, now)

    def _fail(self, parcels: Sequence[Parcel], error: ToolError) -> None:
        if not parcels:
            return
        log.warning(
            "delivery.failed",
            host_id=self._batch.host_id,
            deliveries=[one.delivery_id for one in parcels],
            error_code=error.code,
            retryable=error.retryable,
        )
        with self._services.database.write() as session:
            now = self._services.clock()
            if is_away(error):
                self.rests = host_pace.note_failure(session, self._batch.host_id, error, now)
            elif error.code != "recipient_mismatch" and not self.rests:
                host_pace.note_answer(session, self._batch.host_id)
            if isinstance(error, BackpackConsentError):
                backpacks.need_consent(
                    session, self._bundle.connection_id, now, error_code=error.code, seen=self._talk.mark
                )
            for parcel in parcels:
                delivery_batches.record_failure(session, parcel.delivery_id, self._batch.lease_until, error, now)
