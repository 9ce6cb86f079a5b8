"""The structured log: one event a line, with the request's id, and nothing that is secret or personal.

Events go to standard error (standard output belongs to ``--json`` answers): JSON lines, or readable ones for
development. What libraries log through ``logging`` takes the same way.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

HIDDEN = "***"
SECRET_NAMES = re.compile(
    r"password|passwd|secret|token|authorization|cookie|nonce|ticket|assertion|private|api_?key|csrf|^state$|^code$",
    re.IGNORECASE,
)
PERSONAL_NAMES = frozenset({"name", "given_name", "family_name", "email", "sub", "grade", "score", "login_hint"})
SAFE_NAMES = frozenset({"event", "level", "timestamp", "logger", "path", "error_code"})

_SECRETS_IN_TEXT = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),  # a JWT
    (re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL), HIDDEN),
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), HIDDEN),  # user and password in an address
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), HIDDEN),  # an e-mail address
    (re.compile(r"(/s/)[A-Za-z0-9_-]{43}"), rf"\1{HIDDEN}"),  # a session in the path
)
_SUSPICIOUS = re.compile("eyJ|[bB][eE][aA][rR][eE][rR] |[bB][aA][sS][iI][cC] |-----BEGIN|@|/s/")
"""Each of those contains one of these; nearly all texts contain none and are done after one look."""
_LONG_SEGMENT = re.compile(r"(?<=/)[A-Za-z0-9_-]{20,}(?=[./]|$)")


def configure_logging(level: str, *, as_json: bool) -> None:
    """Set the log up for this process; calling it again replaces the set-up."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    # Plain traces: the pretty ones print local variables, and those hold secrets.
    readable = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Processor = structlog.processors.JSONRenderer() if as_json else readable
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            # Arguments of a library's record are in its message by now, so redaction sees the whole line.
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What no line shows need not be found out for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.getLogger("urllib3").setLevel(logging.INFO)  # its debug lines hold whole addresses, queries included


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Hide secrets and personal data, by the name of a value and by its form."""
    for name, value in event.items():
        if not name.startswith("_"):
            event[name] = _redacted(name, value)
    return event


def _redacted(name: str, value: Any) -> Any:
    if name not in SAFE_NAMES and (name in PERSONAL_NAMES or SECRET_NAMES.search(name)):
        return HIDDEN
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", one) for one in value]
    return value


def mask_text(text: str) -> str:
    """Hide tokens, private keys, e-mail addresses and session paths inside ``text``."""
    if not _SUSPICIOUS.search(text):
        return text
    for pattern, instead in _SECRETS_IN_TEXT:
        text = pattern.sub(instead, text)
    return text


def mask_path(path: str) -> str:
    """Return a request path fit for the log: long random parts (sessions, invites, credential ids) are shortened."""
    return _LONG_SEGMENT.sub(lambda match: f"{match[0][:4]}{HIDDEN}", path.partition("?")[0])
