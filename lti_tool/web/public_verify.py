"""Checking anybody's badge in front of the viewer: a page with a form, and JSON for programs.

What is asked for: a file (``file``), an address (``url``), or the document itself (``document``, or a JSON body).
Documents of this tool's own issuers are read from the database: a server cannot always reach itself from inside.
"""

from dataclasses import dataclass
from typing import Final, cast

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, make_response, render_template, request
from werkzeug.test import EnvironBuilder, run_wsgi_app

from lti_tool.errors import CredentialInvalidError, InvalidInputError, OutboundError, ToolError
from lti_tool.openbadges.issuer_keys import Fetched
from lti_tool.openbadges.report import VerificationReport
from lti_tool.openbadges.verify import HttpFetch, verify_credential
from lti_tool.outbound import Answer
from lti_tool.services import status, verifying
from lti_tool.web.access import public
from lti_tool.web.current import services, wants_json
from lti_tool.web.public_answers import CREDENTIAL
from lti_tool.web.rates import limiter, set_up
from lti_tool.web.verify_words import LIMITS, check_lines, refusal, verdict_words
from lti_tool.wiring import Services

blueprint = Blueprint("verify", __name__)
blueprint.record_once(lambda state: set_up(cast("Flask", state.app)))

OWN_DOCUMENTS: Final = ("credentials", "achievements", "issuers", "status")
RATE: Final = "60 per minute"
"""Checks one address may ask for: each may make this server call the hosts that a badge names."""


@blueprint.get("/verify")
@public
def form() -> str:
    """The form; ``?url=`` fills the address in."""
    return render_template("public/verify.html", report=None, limits=LIMITS, given={"url": request.args.get("url", "")})


@blueprint.post("/verify")
@public
@limiter.limit(RATE)
def check() -> Response:
    """Check what was sent, and say line by line what was found."""
    email = request.values.get("email", "").strip() or None
    is_program = wants_json() or request.mimetype in CREDENTIAL
    try:
        report = verify(services(), _source(), email)
    except (OutboundError, InvalidInputError, CredentialInvalidError) as error:
        if is_program:
            raise
        return _form_again(error)
    if is_program:
        return jsonify(report.to_document())
    html = render_template(
        "public/verify.html",
        report=report,
        verdict=verdict_words(report),
        lines=check_lines(report),
        named=named_in(report),
        limits=LIMITS,
        given={"url": request.form.get("url", ""), "email": email or ""},
    )
    return _kept_private(make_response(html))


def _form_again(error: ToolError) -> Response:
    given = {name: request.form.get(name, "") for name in ("url", "document", "email")}
    html = render_template(
        "public/verify.html", report=None, limits=LIMITS, given=given, message=refusal(error), code=error.code
    )
    return _kept_private(make_response(html, 422 if isinstance(error, OutboundError) else error.status))


def _kept_private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _source() -> bytes | str:
    """Return what to check: bytes, or an address; raises ``InvalidInputError`` (``nothing_to_verify``)."""
    if request.mimetype in CREDENTIAL:
        return _bounded(request.get_data())
    upload = request.files.get("file")
    if upload is not None and upload.filename:
        return _bounded(upload.stream.read(verifying.MAX_FILE_BYTES + 1))
    if document := request.form.get("document", "").strip():
        return document.encode()
    if url := request.form.get("url", "").strip():
        return url
    raise InvalidInputError("There is nothing to check.", code="nothing_to_verify", field="file")


def _bounded(content: bytes) -> bytes:
    if len(content) > verifying.MAX_FILE_BYTES:
        abort(413)
    return content


def verify(parts: Services, source: bytes | str, email: str | None) -> VerificationReport:
    """Check a document, or the badge at an address; raises ``OutboundError`` when the address cannot be read."""
    fetch = OwnFirst(parts)
    content = source if isinstance(source, bytes) else _read(fetch, source)
    report = verify_credential(content, fetch=fetch, now=parts.clock(), recipient_email=email)
    with parts.database.read() as session:
        return status.tell_suspended(session, report)


def _read(fetch: "OwnFirst", url: str) -> bytes:
    answer = fetch.own(url)
    if answer is None:
        answer = fetch.parts.http.get(
            url, headers={"Accept": verifying.ACCEPT}, max_bytes=verifying.MAX_FILE_BYTES, max_redirects=3
        )
    return verifying.badge_at(url, answer.status, answer.body)


@dataclass(frozen=True, slots=True)
class OwnFirst:
    """A ``Fetch`` that asks this tool's own pages without the network, and calls other hosts."""

    parts: Services

    def __call__(self, url: str, accept: str) -> Fetched:
        """Return the document at ``url``; raises ``OutboundError``."""
        return self.own(url, accept) or HttpFetch(self.parts.http)(url, accept)

    def own(self, url: str, accept: str = verifying.ACCEPT) -> Answer | None:
        """Return what this tool itself answers a stranger at ``url``; ``None`` when the address is somebody else's."""
        base = self.parts.settings.public_url
        if not url.startswith(tuple(f"{base}/{name}/" for name in OWN_DOCUMENTS)):
            return None
        # The same code as for anybody who asks from outside, without the way there and back.
        path = url.removeprefix(base).partition("?")[0]
        builder = EnvironBuilder(path=path, base_url=base, headers=[("Accept", accept)])
        body, status, headers = run_wsgi_app(current_app.wsgi_app, builder.get_environ(), buffered=True)
        return Answer(url, int(status.split()[0]), dict(headers), b"".join(body))


@dataclass(frozen=True, slots=True)
class Named:
    """What a badge that was checked says about itself; texts of a stranger, shown as such."""

    name: str
    issuer: str
    issuer_id: str


def named_in(report: VerificationReport) -> Named | None:
    """Return the names in the document, or ``None`` when it could not be read."""
    credential = report.credential
    if credential is None:
        return None
    subject, issuer = credential.get("credentialSubject"), credential.get("issuer")
    achievement = subject.get("achievement") if isinstance(subject, dict) else None
    if isinstance(credential.get("badge"), dict):  # Open Badges 2.0
        achievement, issuer = credential["badge"], credential["badge"].get("issuer")
    name = achievement.get("name") if isinstance(achievement, dict) else credential.get("name")
    issuer_id = issuer.get("id") if isinstance(issuer, dict) else issuer
    issuer_name = issuer.get("name") if isinstance(issuer, dict) else None
    return Named(_text(name), _text(issuer_name), _text(issuer_id))


def _text(value: object) -> str:
    return value[:300] if isinstance(value, str) else ""
