"""Who a learner is to a backpack that they let read it."""

import hashlib
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lti_tool.models import User


@dataclass(frozen=True, slots=True)
class Person:
    """A learner as the platform names them; ``id`` is ours and tells nobody who they are on the platform."""

    id: str
    name: str | None
    email: str | None


def person(session: Session, user_id: int, base_url: str) -> Person:
    """Return who the learner is; the id is the same each time, and another on every site."""
    user = session.get_one(User, user_id)
    digest = hashlib.sha256(f"{base_url}\0{user.registration_id}\0{user.platform_user_id}\0{user.id}".encode())
    return Person(f"{base_url}/people/{digest.hexdigest()[:32]}", user.name, user.email)
