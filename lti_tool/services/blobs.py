"""Files by their content."""

import hashlib
from datetime import datetime

from sqlalchemy.orm import Session

from lti_tool.errors import NotFoundError
from lti_tool.models import Blob
from lti_tool.services.upsert import insert_once


def keep(session: Session, content: bytes, media_type: str, now: datetime) -> str:
    """Store a file once; returns its SHA-256 in hex."""
    digest = hashlib.sha256(content).hexdigest()
    insert_once(session, Blob, ["sha256"], sha256=digest, media_type=media_type, content=content, created_at=now)
    return digest


def get_blob(session: Session, sha256: str) -> Blob:
    """Return the file; raises ``NotFoundError``."""
    blob = session.get(Blob, sha256)
    if blob is None:
        raise NotFoundError("There is no such file.")
    return blob
