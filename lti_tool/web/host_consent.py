"""Where another backpack is let in to collect: registration, the consent page, tokens; and the learner's own list."""

from typing import cast

from authlib.oauth2.rfc6749 import OAuth2Error
from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import lazy_gettext as _l

from lti_tool.errors import ForbiddenError, NotFoundError, RateLimitedError, ToolError
from lti_tool.services import hosting
from lti_tool.web import failures
from lti_tool.web.access import launch_required, machine, public
from lti_tool.web.current import services
from lti_tool.web.host_oauth import BADGE_CONNECT, HEADERS, OB3, CodeGrant, host_of, is_known_client, server
from lti_tool.web.host_registration import RegistrationRefusal, answer_document, read_metadata
from lti_tool.web.learner_everywhere import own_user
from lti_tool.web.messages import message_for
from lti_tool.web.rates import limiter
from lti_tool.web.translated import gettext as _
from lti_tool.web.wording import Message

blueprint = Blueprint("host", __name__)
OAUTH = "/ims/ob/oauth"
READS_BADGES = (OB3 + "credential.readonly", BADGE_CONNECT + "assertion.readonly")
READS_PROFILE = (OB3 + "profile.readonly", BADGE_CONNECT + "profile.readonly")
MESSAGES = {
    "collector_unknown": Message(
        _l("This backpack is not known here"),
        _l("It sent you here with an address that it did not register. Nothing was given to it."),
        (_l("Begin again in the backpack. If that does not help, tell whoever runs it."),),
    ),
}


@blueprint.errorhandler(ToolError)
def refuse(error: ToolError) -> Response:
    """Answer with words for somebody who came from another backpack."""
    return failures.answer(error.code, error.status, MESSAGES.get(error.code) or message_for(error), str(error))


@blueprint.post(f"{OAUTH}/register")
@machine
@limiter.limit("30 per hour")
def register() -> Response:
    """Register a backpack (RFC 7591), without an initial token."""
    try:
        allows_http = services().settings.public_url.startswith("http://")
        metadata = read_metadata(_body(), allows_http=allows_http, tool_name=services().settings.tool_name)
    except RegistrationRefusal as refusal:
        return _json({"error": refusal.error, "error_description": refusal.description}, 400)
    secret = hosting.new_client_secret()
    try:
        with services().database.write() as session:
            client = hosting.register_client(session, metadata, secret, services().clock())
            return _json(answer_document(client, secret), 201)
    except RateLimitedError as error:
        return _json({"error": "temporarily_unavailable", "error_description": str(error)}, 429)


def _body() -> object:
    try:
        return request.get_json(silent=True)
    except RecursionError:  # nested without end
        return None


@blueprint.get(f"{OAUTH}/authorize")
@public
def authorize() -> Response:
    """Ask a person whether this backpack may collect their badges."""
    with services().database.read() as session:
        g.host_session = session
        asked = _asked()
        return asked if isinstance(asked, Response) else _consent_page(asked, "", None)


@blueprint.post(f"{OAUTH}/authorize")
@public
@limiter.limit("20 per minute")
def decide() -> Response:
    """Send the person back with a code, or with their no; a wrong pairing code shows the page again."""
    with services().database.write() as session:
        g.host_session = session
        asked = _asked()
        if isinstance(asked, Response):
            return asked
        if request.form.get("do") != "allow":
            return cast("Response", server.create_authorization_response(grant_user=None, grant=asked))
        typed = request.form.get("pairing_code", "")
        try:
            user_id = hosting.spend_pairing_code(session, typed, services().clock())
        except ForbiddenError:
            error = _("This code is wrong, older than 15 minutes, or was used already. Make a new one in your course.")
            return _consent_page(asked, typed, error)
        return cast("Response", server.create_authorization_response(grant_user=user_id, grant=asked))


def _asked() -> CodeGrant | Response:
    """The request for consent, checked; a refusal goes back to the backpack once its address is known to be its own.

    Raises ``NotFoundError`` (``collector_unknown``) where it is not.
    """
    client_id, redirect_uri = request.args.get("client_id", ""), request.args.get("redirect_uri", "")
    if is_known_client(client_id, redirect_uri) is None:
        raise NotFoundError("The backpack or its address is unknown here.", code="collector_unknown")
    try:
        return cast("CodeGrant", server.get_consent_grant(end_user=None))
    except OAuth2Error as error:
        if error.redirect_uri is None:
            error.redirect_uri = redirect_uri
        return cast("Response", server.handle_error_response(None, error))


def _consent_page(asked: CodeGrant, typed: str, error: str | None) -> Response:
    client = asked.request.client.row
    # Browsers count every redirect that follows the form, and backpacks pass people on to pages of other origins.
    g.form_action = ("*",)
    granted = asked.request.scope.split()
    page = render_template(
        "host/consent.html",
        name=client.name,
        host=host_of(client.client_uri),
        terms_url=client.tos_uri,
        privacy_url=client.policy_uri,
        reads_badges=any(one in granted for one in READS_BADGES),
        reads_profile=any(one in granted for one in READS_PROFILE),
        typed=typed,
        error=error,
    )
    response = make_response(page, 422 if error else 200)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post(f"{OAUTH}/token")
@machine
@limiter.limit("120 per minute")
def token() -> Response:
    """Exchange a code or a refresh token (RFC 6749, sections 4.1.3 and 6)."""
    with services().database.write() as session:
        g.host_session = session
        return cast("Response", server.create_token_response())


@blueprint.post(f"{OAUTH}/revoke")
@machine
@limiter.limit("120 per minute")
def revoke() -> Response:
    """End a token (RFC 7009)."""
    with services().database.write() as session:
        g.host_session = session
        return cast("Response", server.create_endpoint_response("revocation"))


def _json(document: dict[str, object], status: int) -> Response:
    response = make_response(document, status)
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


# -- the learner's own list -------------------------------------------------------------------------------------------


@blueprint.get("/mine/collecting")
@launch_required(in_course=False)
def collecting() -> str:
    """Which backpacks may collect my badges, and how to let another one."""
    user_id = own_user()
    with services().database.read() as session:
        consents = hosting.consents_of(session, user_id)
        return render_template("host/collecting.html", consents=consents, host_of=host_of, code=None, address=_site())


@blueprint.post("/mine/collecting/code")
@launch_required(in_course=False)
def pairing_code() -> str:
    """A new code to type on the consent page; shown once, so the answer is the page itself."""
    user_id = own_user()
    with services().database.write() as session:
        code = hosting.make_pairing_code(session, user_id, services().clock())
        consents = hosting.consents_of(session, user_id)
        return render_template(
            "host/collecting.html", consents=consents, host_of=host_of, code=f"{code[:5]}-{code[5:]}", address=_site()
        )


@blueprint.post("/mine/collecting/<int:consent_id>/end")
@launch_required(in_course=False)
def end(consent_id: int) -> Response:
    """Stop a backpack from collecting; what it has, it has."""
    with services().database.write() as session:
        consent = hosting.end_consent(session, own_user(), consent_id, services().clock())
        name = consent.hosted_client.name
    flash(_("%(name)s cannot collect your badges any more. What it has collected stays there.", name=name), "success")
    return make_response(redirect(url_for("host.collecting"), 303))


def _site() -> str:
    return services().settings.public_url
