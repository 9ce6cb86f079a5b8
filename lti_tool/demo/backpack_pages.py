"""The demo backpack's pages: sign in, decide about a connection, look at one's badges, end a connection."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, cast
from urllib.parse import parse_qsl, unquote_to_bytes, urlsplit

from babel.dates import format_date
from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from lti_tool.demo.backpack_api import read_document
from lti_tool.demo.backpack_check import Check, State, Verdict
from lti_tool.demo.backpack_oauth import (
    OAuthRefusal,
    answer_address,
    dialect,
    read_authorization,
    read_client,
    store,
)
from lti_tool.demo.backpack_store import Account, StoredCredential
from lti_tool.demo.backpack_words import WORDS
from lti_tool.errors import OutboundError
from lti_tool.outbound import MEGABYTE, HttpClient, origin_of

blueprint = Blueprint("pages", __name__)
PICTURE_TYPES = {"image/png", "image/svg+xml", "image/jpeg", "image/webp"}
View = Callable[..., AnyResponse | str]


@dataclass(frozen=True, slots=True)
class Card:
    """A credential as the page shows it."""

    key: str
    name: str
    description: str
    issuer: str
    picture_alt: str
    awarded_at: datetime | None
    arrived_at: datetime
    verdict: Verdict


def language() -> str:
    """Return the language of the page."""
    return request.accept_languages.best_match(list(WORDS)) or "en"


def word(key: str, /, **values: object) -> str:
    """Return the words of the page in its language."""
    words = WORDS[language()]
    return words.get(f"{current_app.config['TITLE']}:{key}", words[key]).format(**values)


def day(moment: datetime) -> str:
    """Return a date as the page's language writes it."""
    return format_date(moment, "long", locale={"en": "en_GB"}.get(language(), language()))


def _account() -> Account | None:
    return store().accounts.get(session.get("email", ""))


def _http() -> HttpClient:
    return cast(HttpClient, current_app.extensions["backpack_http"])


def signed_in(view: View) -> View:
    """Let only signed-in people see a page; others sign in first and come back."""

    @wraps(view)
    def guarded(*args: Any, **values: Any) -> AnyResponse | str:
        if _account() is None:
            return redirect(url_for("pages.sign_in", next=request.full_path.rstrip("?")))
        return view(*args, **values)

    return guarded


# -- signing in ------------------------------------------------------------------------------------------------------


@blueprint.get("/sign-in")
def sign_in() -> str:
    """Show who one can be."""
    return _sign_in_page({})


@blueprint.post("/sign-in")
def enter() -> AnyResponse | tuple[str, int]:
    """Sign in, opening the account when it is new."""
    name, email = request.form.get("name", "").strip(), request.form.get("email", "").strip()
    errors = {}
    if not name or len(name) > 100:
        errors["name"] = word("name_missing")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email) or len(email) > 254:
        errors["email"] = word("email_missing")
    if errors:
        return _sign_in_page(errors), 422
    session.clear()
    session["email"] = store().ensure_account(name, email).email
    return redirect(_local_address(request.args.get("next", "")))


def _sign_in_page(errors: dict[str, str]) -> str:
    query = dict(parse_qsl(urlsplit(request.args.get("next", "")).query))
    client = store().clients.get(query.get("client_id", ""))
    people = list(store().accounts.values())
    return render_template("backpack/sign_in.html", errors=errors, people=people, client=client, form=request.form)


def _local_address(address: str) -> str:
    """The page to go back to: one of ours, never another site's."""
    return address if re.match(rf"{dialect().base}/oauth/authorize\?|/badges/", address) else url_for("pages.home")


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """Sign out."""
    session.clear()
    return redirect(url_for("pages.sign_in"))


# -- deciding about a connection -------------------------------------------------------------------------------------


def authorize() -> AnyResponse | str | tuple[str, int]:
    """Ask the learner whether a tool may connect (RFC 6749, section 4.1.1)."""
    query = request.args.to_dict()
    try:
        client, redirect_uri = read_client(query)
    except OAuthRefusal:
        return render_template("backpack/message.html", title="refused", lead="refused_lead"), 400
    try:
        asked = read_authorization(query, client, redirect_uri)
    except OAuthRefusal as refusal:
        answer = {"error": refusal.error, "error_description": refusal.description}
        return redirect(answer_address(redirect_uri, answer | ({"state": query["state"]} if "state" in query else {})))
    account = _account()
    if account is None:
        return redirect(url_for("pages.sign_in", next=request.full_path))
    if request.method == "GET":
        response = current_app.make_response(
            render_template(
                "backpack/consent.html",
                client=client,
                host=urlsplit(client.uri).netloc,
                account=account,
                scopes=[one.removeprefix(dialect().scope_prefix) for one in asked.scope],
            )
        )
        # Browsers hold form-action also against the redirect that follows the form.
        response.headers["Content-Security-Policy"] = content_policy(origin_of(redirect_uri))
        return response
    if request.form.get("decision") != "allow":
        return redirect(answer_address(redirect_uri, {"error": "access_denied", "state": asked.state}))
    code = store().give_code(account.email, client, redirect_uri, asked.scope, asked.challenge)
    return redirect(answer_address(redirect_uri, {"code": code, "scope": " ".join(asked.scope), "state": asked.state}))


def content_policy(form_target: str = "") -> str:
    """Return the Content-Security-Policy of a page: everything from here only."""
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {form_target}".rstrip()
    )


# -- my backpack -----------------------------------------------------------------------------------------------------


@blueprint.get("/")
@signed_in
def home() -> str:
    """Show the account's badges, each checked now, and its connections."""
    account = cast(Account, _account())
    check = current_app.extensions["backpack_check"](_http())
    cards = [_card(one, check) for one in store().credentials_of(account.email)]
    connections = store().connections(account.email)
    return render_template("backpack/home.html", account=account, cards=cards, connections=connections, state=State)


def _card(credential: StoredCredential, check: Check) -> Card:
    document = _shown(credential)
    achievement = _achievement(document)
    issuer = document.get("issuer")
    name = _text(achievement.get("name")) or _text(document.get("name")) or word("unnamed")
    caption = _text(_image(document).get("caption"))
    return Card(
        key=credential.key,
        name=name,
        description=_text(achievement.get("description")),
        issuer=(_text(issuer.get("name")) if isinstance(issuer, dict) else "") or credential.issuer_id,
        picture_alt=caption or word("picture_of", name=name),
        awarded_at=_moment(document.get("awardedDate") or document.get("validFrom")),
        arrived_at=credential.changed_at,
        verdict=check.verdict(credential.text),
    )


def _shown(credential: StoredCredential) -> dict[str, Any]:
    return credential.shown or read_document(credential)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _achievement(document: dict[str, Any]) -> dict[str, Any]:
    subject = document.get("credentialSubject")
    subject = subject[0] if isinstance(subject, list) and subject else subject
    achievement = subject.get("achievement") if isinstance(subject, dict) else None
    return achievement if isinstance(achievement, dict) else {}


def _image(document: dict[str, Any]) -> dict[str, Any]:
    for image in (_achievement(document).get("image"), document.get("image")):
        if isinstance(image, dict) and _text(image.get("id")):
            return image
        if _text(image):
            return {"id": image}
    return {}


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _own_credential(key: str) -> StoredCredential:
    account = cast(Account, _account())
    for credential in store().credentials_of(account.email):
        if credential.key == key:
            return credential
    abort(404)


@blueprint.get("/badges/<key>/file")
@signed_in
def download(key: str) -> AnyResponse:
    """Hand out a credential exactly as it was received."""
    credential = _own_credential(key)
    ending = "jwt" if credential.content_type == "text/plain" else "json"
    response = Response(credential.text, content_type=f"{credential.content_type}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="badge.{ending}"'
    return response


@blueprint.get("/badges/<key>/picture")
@signed_in
def picture(key: str) -> AnyResponse:
    """Show a badge's picture from here, so that no other host learns who looks at it; a medal if there is none."""
    try:
        body, kind = _picture_at(_text(_image(_shown(_own_credential(key))).get("id")))
    except (OutboundError, ValueError):
        body, kind = b"", ""
    if kind not in PICTURE_TYPES:
        return redirect(url_for("static", filename="medal.svg"))
    response = Response(body, content_type=kind)
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    response.headers["Cache-Control"] = "private, max-age=600"
    return response


def _picture_at(address: str) -> tuple[bytes, str]:
    """The bytes and media type of a picture, from a ``data:`` address or fetched; raises when it cannot be had."""
    if address.startswith("data:"):
        head, _, coded = address.removeprefix("data:").partition(",")
        kind = head.partition(";")[0].lower()
        return (base64.b64decode(coded, validate=True) if head.endswith(";base64") else unquote_to_bytes(coded)), kind
    answer = _http().get(address, headers={"Accept": "image/png, image/svg+xml"}, max_bytes=MEGABYTE, max_redirects=2)
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return answer.body, kind if answer.status == 200 else ""


@blueprint.post("/connections/<consent_id>/end")
@signed_in
def end_connection(consent_id: str) -> AnyResponse:
    """End one of one's own connections."""
    store().end_consent(cast(Account, _account()).email, consent_id)
    return redirect(url_for("pages.home"))


@blueprint.get("/about")
def about() -> str:
    """Say what this backpack is; the page for terms and privacy."""
    return render_template("backpack/message.html", title="about", lead="about_lead")
