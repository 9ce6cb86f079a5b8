"""Delivers one credential: look, push, read back, compare, record. No transaction is open while a host is called."""

from dataclasses import replace
from datetime import timedelta

import structlog

from lti_tool.backpacks.base import Backpack, Outcome, Receipt, Tokens, same_credential
from lti_tool.errors import BackpackAlteredError, BackpackConsentError, ToolError
from lti_tool.services import backpacks, delivery
from lti_tool.services.delivery import Parcel
from lti_tool.wiring import Services

log = structlog.get_logger()

REFRESH_BEFORE = timedelta(seconds=60)


def deliver(services: Services, delivery_id: int) -> None:
    """Take the delivery if it is due and bring it to its next state."""
    with services.database.write() as session:
        parcel = delivery.take_delivery(session, delivery_id, services.vault, services.clock())
    if parcel is None:
        return
    try:
        receipt = _bring(services, services.backpacks[parcel.protocol], parcel)
    except ToolError as error:
        log.warning("delivery.failed", delivery_id=delivery_id, error_code=error.code, retryable=error.retryable)
        with services.database.write() as session:
            now = services.clock()
            if isinstance(error, BackpackConsentError):
                backpacks.need_consent(session, parcel.connection_id, now)
            delivery.record_failure(session, delivery_id, error.code, now, retryable=error.retryable)
        return
    with services.database.write() as session:
        delivery.settle(session, delivery_id, receipt, services.clock())


def _bring(services: Services, backpack: Backpack, parcel: Parcel) -> Receipt:
    """Return a receipt of a credential that the host has and shows as it was sent."""
    tokens = _fresh_tokens(services, backpack, parcel)
    if parcel.is_repeat:
        there = backpack.find(parcel.host, tokens, parcel.credential_url)
        if same_credential(parcel.document, there):
            return Receipt(Outcome.UNCHANGED, 200, parcel.credential_url, services.clock(), read_back=True)
    receipt = backpack.push(parcel.host, tokens, parcel.document)
    # A 200 or 201 proves transport only; what the host shows is what the learner has.
    shown = backpack.find(parcel.host, tokens, parcel.credential_url)
    if not same_credential(parcel.document, shown):
        raise BackpackAlteredError("The backpack does not show the badge as it was sent.")
    return replace(receipt, read_back=True)


def _fresh_tokens(services: Services, backpack: Backpack, parcel: Parcel) -> Tokens:
    """Return tokens that last; refreshed ones are stored before they are used, since the old ones are spent."""
    if parcel.tokens.expires_at > services.clock() + REFRESH_BEFORE:
        return parcel.tokens
    if parcel.tokens.refresh_token is None:
        raise BackpackConsentError("The consent has ended. Connect the backpack again.")
    tokens = backpack.refresh(parcel.host, parcel.client, parcel.tokens)
    with services.database.write() as session:
        backpacks.save_tokens(session, parcel.connection_id, tokens, services.vault, services.clock())
    return tokens
