"""Headers of every answer, and where a POST may come from."""

import re

import pytest
from flask.testing import FlaskClient
from web_world import SAME_ORIGIN, World

from lti_tool.services.launching import OpenedLaunch


def policy(headers: object) -> dict[str, str]:
    """A Content-Security-Policy as a mapping."""
    text = headers["Content-Security-Policy"]  # type: ignore[index]
    return {part.split()[0]: " ".join(part.split()[1:]) for part in text.split(";")}


def test_a_course_page_may_be_framed_by_its_platform_alone(client: FlaskClient, opened: OpenedLaunch) -> None:
    answer = client.get(f"/courses/{opened.context_id}/probe/page")
    found = policy(answer.headers)
    assert found.pop("script-src") == f"'nonce-{nonce(answer.text)}'"
    assert found == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'self' https://lms.example",
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "X-Frame-Options" not in answer.headers


def nonce(page: str) -> str:
    """The one nonce that all scripts of a page carry."""
    scripts = re.findall(r"<script[^>]*>", page)
    nonces = {match[1] if (match := re.search(r'nonce="([^"]+)"', script)) else None for script in scripts}
    assert len(nonces) == 1
    (one,) = nonces
    assert one
    return one


def test_a_nonce_is_used_once(client: FlaskClient, opened: OpenedLaunch) -> None:
    pages = [client.get(f"/courses/{opened.context_id}/probe/page").text for _ in range(2)]
    assert nonce(pages[0]) != nonce(pages[1])


def test_a_platform_cannot_write_into_the_policy(world: World, client: FlaskClient) -> None:
    opened = world.open(
        frame_ancestors=("https://ok.example; script-src *", "javascript:1", "*.x", "https://b.example/p")
    )
    found = policy(client.get(f"/s/{opened.secret}/courses/{opened.context_id}/probe/page").headers)
    assert found["frame-ancestors"] == "'self' https://b.example"
    assert found["script-src"].startswith("'nonce-")


def test_a_path_session_sends_no_referrer(world: World, client: FlaskClient) -> None:
    opened = world.open()
    answer = client.get(f"/s/{opened.secret}/courses/{opened.context_id}/probe/page")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_public_pages_are_never_framed(client: FlaskClient) -> None:
    assert policy(client.get("/probe/anyone").headers)["frame-ancestors"] == "'none'"


def test_a_wrong_address_inside_the_frame_is_a_page_inside_the_frame(client: FlaskClient, opened: OpenedLaunch) -> None:
    answer = client.get(f"/courses/{opened.context_id}/no/such/page")
    assert answer.status_code == 404
    assert policy(answer.headers)["frame-ancestors"] == "'self' https://lms.example"
    assert policy(client.get("/admin/no/such/page").headers)["frame-ancestors"] == "'none'"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 400),  # the next lock: no token
        ({"Origin": "http://localhost:8000"}, 400),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8000"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_post_must_come_from_an_own_page(
    client: FlaskClient, opened: OpenedLaunch, headers: dict[str, str], status: int
) -> None:
    answer = client.post(f"/courses/{opened.context_id}/probe", headers=headers)
    assert answer.status_code == status
    assert ("foreign_origin" in answer.text) == (status == 403)


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 200), ({"Origin": "https://evil.example"}, 403), (SAME_ORIGIN, 200)]
)
def test_public_posts_serve_programs_but_no_foreign_page(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    assert client.post("/probe/anyone", headers=headers).status_code == status


def test_files_may_be_kept(client: FlaskClient) -> None:
    for path in ("/static/tool.css", "/bootstrap/static/css/bootstrap.min.css"):
        with client.get(path) as answer:
            assert answer.status_code == 200
            assert "max-age=86400" in answer.headers["Cache-Control"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
