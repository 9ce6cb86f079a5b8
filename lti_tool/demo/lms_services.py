"""The demo LMS's LTI services over HTTP: keys, tokens, AGS 2.0 and NRPS 2.0.

Addresses, below the course's ``/api/lti/courses/<context id>``: ``/line_items``, ``/line_items/<key>`` with
``/results`` and ``/scores``, ``/memberships``; and ``/oidc/token``, ``/oidc/jwks``. A page holds ten rows. The package
``lti1p3platform`` puts ``next`` into the body; the ``Link`` header is made here, and so is the scope each call needs
(the package takes any scope of the service).
"""

from typing import Any

from flask import Blueprint, Response, abort, jsonify, make_response, request
from lti1p3platform.exceptions import MissingRequiredClaim, UnsupportedGrantType
from lti1p3platform.response import Response as PackageResponse

from lti_tool.demo.lms_advantage import PAGE_SIZE, Grades, Roster
from lti_tool.demo.lms_platform import PackagedRequest, PlatformConf
from lti_tool.demo.lms_site import AGS_SCOPE, OAuthError, Site
from lti_tool.demo.story import COURSE

_READ_ITEMS = (f"{AGS_SCOPE}lineitem", f"{AGS_SCOPE}lineitem.readonly")
_WRITE_ITEMS = (f"{AGS_SCOPE}lineitem",)
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def create_services(site: Site) -> Blueprint:
    """Return the routes of the services."""
    blueprint = Blueprint("lms_services", __name__)

    @blueprint.get("/oidc/jwks")
    def jwks() -> Response:
        return jsonify(PlatformConf(site=site).get_jwks())

    @blueprint.post("/oidc/token")
    def token() -> Response:
        try:
            answer = _grant_token(site)
        except OAuthError as error:
            status = 401 if error.code == "invalid_client" else 400
            return _no_store(jsonify(error=error.code, error_description=str(error)), status)
        return _no_store(jsonify(answer))

    @blueprint.get("/api/lti/courses/<course_id>/memberships")
    def memberships(course_id: str) -> Response:
        _check_course(course_id)
        packaged = PackagedRequest(request, _paged_query("role", "rlid"))
        roster = Roster(packaged, PlatformConf(site=site), site.memberships_url)
        return _answer(roster.handle_resp(roster.handle_get_members))

    @blueprint.route("/api/lti/courses/<course_id>/line_items", methods=["GET", "POST"])
    def line_items(course_id: str) -> Response:
        _check_course(course_id)
        if request.method == "POST":
            grades = _grades(site, _WRITE_ITEMS)
            return _answer(grades.handle_resp(grades.handle_create_lineitem))
        grades = _grades(site, _READ_ITEMS, "resource_link_id", "resource_id", "tag")
        return _answer(grades.handle_resp(grades.handle_get_lineitems))

    @blueprint.route("/api/lti/courses/<course_id>/line_items/<key>", methods=["GET", "PUT", "DELETE"])
    def line_item(course_id: str, key: str) -> Response:
        _check_course(course_id)
        grades = _grades(site, _READ_ITEMS if request.method == "GET" else _WRITE_ITEMS)
        handler = {"PUT": grades.handle_update_lineitem, "DELETE": grades.handle_delete_lineitem}.get(
            request.method, grades.handle_get_lineitem
        )
        return _answer(grades.handle_resp(handler, line_item_id=key))

    @blueprint.get("/api/lti/courses/<course_id>/line_items/<key>/results")
    def results(course_id: str, key: str) -> Response:
        _check_course(course_id)
        grades = _grades(site, (f"{AGS_SCOPE}result.readonly",), "user_id", key=key)
        return _answer(grades.handle_resp(grades.handle_get_results, line_item_id=key))

    @blueprint.post("/api/lti/courses/<course_id>/line_items/<key>/scores")
    def scores(course_id: str, key: str) -> Response:
        _check_course(course_id)
        grades = _grades(site, (f"{AGS_SCOPE}score",), key=key)
        return _answer(grades.handle_resp(grades.handle_update_score, line_item_id=key))

    return blueprint


def _check_course(course_id: str) -> None:
    if course_id != COURSE.id:
        abort(404)


def _paged_query(*names: str) -> dict[str, Any]:
    """Return the query in the package's types: only what its handlers know, ``page`` and ``limit`` as numbers."""
    query: dict[str, Any] = {name: request.args[name] for name in names if request.args.get(name)}
    try:
        query["page"] = int(request.args.get("page", "1"))
        query["limit"] = min(int(request.args.get("limit", PAGE_SIZE)), PAGE_SIZE)
    except ValueError:
        abort(400)
    if query["page"] < 1 or query["limit"] < 1:
        abort(400)
    return query


def _grades(site: Site, scopes: tuple[str, ...], *filters: str, key: str = "") -> Grades:
    if request.method in {"POST", "PUT"} and not isinstance(request.get_json(force=True, silent=True), dict):
        abort(400)
    packaged = PackagedRequest(request, _paged_query(*filters))
    return Grades(packaged, PlatformConf(site=site), scopes, f"{site.line_items_url}/{key}")


def _answer(answered: PackageResponse) -> Response:
    """Turn the package's response into HTTP: ``next`` becomes a ``Link`` header, a page's content the body."""
    if answered.code >= 400:
        response = _no_store(jsonify(error=answered.message), answered.code)
        if answered.code == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="lakeside"'
        return response
    body = answered.result
    next_url = body.pop("next", None) if isinstance(body, dict) else None
    if isinstance(body, dict) and "has_next" in body:
        body = body["content"]
    if body is None:
        return make_response("", 204)
    response = _no_store(jsonify(body), answered.code)
    response.headers["Content-Type"] = answered.media_type
    if next_url:
        response.headers["Link"] = f'<{next_url}>; rel="next"'
    return response


def _grant_token(site: Site) -> dict[str, Any]:
    if request.form.get("client_assertion_type", _JWT_BEARER) != _JWT_BEARER:
        raise OAuthError("invalid_client", "client_assertion_type must be jwt-bearer.")
    try:
        answer: dict[str, Any] = PlatformConf(site=site).get_access_token(request.form.to_dict())
    except MissingRequiredClaim as error:
        raise OAuthError("invalid_request", str(error)) from error
    except UnsupportedGrantType as error:
        raise OAuthError("unsupported_grant_type", "grant_type must be client_credentials.") from error
    if not answer["scope"]:
        raise OAuthError("invalid_scope", "None of these scopes is offered.")
    return answer


def _no_store(response: Response, status: int = 200) -> Response:
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
