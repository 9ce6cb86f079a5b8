"""My badges everywhere: one's own badges of all courses, without a course, and everything in one archive."""

import io
import json
import re
import zipfile
from collections.abc import Iterator

import pytest
from claims import LEARNER, SAME_ORIGIN, Wallets, page_token, wallets_on
from flask.testing import FlaskClient
from learner_states import HOSTILE, States, every_state
from sqlalchemy import select

from lti_tool.backpacks.base import Tokens
from lti_tool.models import Award, Context, Credential, CredentialVersion, LaunchSession, Share, VersionState
from lti_tool.openbadges.baking import unbake_png
from lti_tool.services import backpacks, delivery
from lti_tool.services.secrets import new_secret, secret_hash
from lti_tool.services.sessions import IDLE
from lti_tool.web.session import LAUNCH_COOKIE

CLAIMED = ("claimed", "expired", "graced", "flagged", "suspended", "revoked")
"""Badges of ``every_state`` that were signed."""


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


def anywhere(wallets: Wallets, user_id: int | None, *, roles: tuple[str, ...] = ()) -> FlaskClient:
    """The browser of somebody who came from the platform's own menu: no course, and perhaps no role in one."""
    secret, now = new_secret(), wallets.course.now
    with wallets.services.database.write() as session:
        session.add(
            LaunchSession(
                secret_hash=secret_hash(secret),
                user_id=user_id,
                context_id=None,
                deployment_id=wallets.course.deployment_id,
                roles=list(roles),
                is_test_user=False,
                locale="en",
                frame_ancestors=[],
                data={},
                created_at=now,
                seen_at=now,
                expires_at=now + IDLE,
            )
        )
    client = wallets.app.test_client()
    client.set_cookie(LAUNCH_COOKIE, secret)
    return client


def files_of(client: FlaskClient) -> dict[str, bytes]:
    answer = client.get("/mine/badges.zip")
    assert answer.status_code == 200
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=badges-2026-")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


# -- the page ---------------------------------------------------------------------------------------------------------


def test_all_courses_are_on_one_page(wallets: Wallets) -> None:
    wallets.claim()
    course, first = wallets.course, wallets.course.context_id
    course.context_id = course.add_course("course-2")
    with course.database.write() as session:
        session.get_one(Context, first).title = "Aquaponics"
        session.get_one(Context, course.context_id).title = HOSTILE
    states = States(wallets)
    course.person("ada")
    states.add("there", "80")
    page = anywhere(wallets, wallets.ada).get("/mine").text
    assert page.count('<section aria-labelledby="course-') == 2
    assert ">Aquaponics</h2>" in page
    assert "<script>alert" not in page
    assert "From Lakeside College. Offered on Mar 2, 2026." in page
    assert "To claim it, open this tool from its course." in page
    assert "/courses/" not in page, "a session without a course leads to none"
    here = wallets.browser(wallets.ada, context_id=course.context_id).get("/mine").text
    assert f"/courses/{course.context_id}/mine/awards/{states.award('there').id}" in here
    assert f"/courses/{first}/" not in here
    assert ">My badges everywhere</a>" in here


def test_states_are_those_of_the_course_and_held_offers_are_not_there(wallets: Wallets) -> None:
    states = every_state(wallets)
    page = anywhere(wallets, wallets.ada).get("/mine").text
    found = re.findall(r'data-state="(\w+)"', page)
    others = ["ready", "lapsed", "declined", "held", "claimed"]
    expected = [*others, "claimed", "expired", "in_review", "in_review", "suspended", "revoked"]
    assert sorted(found) == sorted(expected)
    with wallets.course.database.write() as session:
        session.get_one(Award, states.award("ready").id).state = type(states.award("ready").state).HELD
    assert "Writer" not in anywhere(wallets, wallets.ada).get("/mine").text


def test_deliveries_are_shown_with_their_state(wallets: Wallets) -> None:
    credential_id, now = wallets.claim(), wallets.course.now
    with wallets.services.database.write() as session:
        host = backpacks.add_host(session, "https://backpack.example", "Pack", now)
        tokens = Tokens("access", None, now, "a")
        connection = backpacks.save_connection(session, wallets.ada, host.id, tokens, wallets.services.vault, now)
        delivery.queue_delivery(session, session.get_one(Credential, credential_id), connection, now)
    page = anywhere(wallets, wallets.ada).get("/mine").text
    assert 'data-state="queued"' in page
    assert "It is sent to Pack in a moment." in page


def test_sharing_needs_no_course(wallets: Wallets) -> None:
    credential_id = wallets.claim()
    address = f"/credentials/{wallets.public_id(credential_id)}"
    client = anywhere(wallets, wallets.ada, roles=("http://purl.imsglobal.org/vocab/lis/v2/system/person#User",))
    anyone = wallets.app.test_client()

    def press(action: str) -> str:
        page = client.get("/mine").text
        assert f'action="/mine/badges/{credential_id}/{action}"' in page
        path = f"/mine/badges/{credential_id}/{action}"
        answer = client.post(path, data={"csrf_token": page_token(page)}, headers=SAME_ORIGIN)
        assert (answer.status_code, answer.location) == (303, "/mine")
        return client.get("/mine").text

    assert f'href="{wallets.services.settings.public_url}{address}"' in press("share")
    assert anyone.get(address, headers={"Accept": "text/html"}).status_code == 200
    assert f'href="{wallets.services.settings.public_url}{address}"' not in press("withdraw")
    assert anyone.get(address, headers={"Accept": "text/html"}).status_code == 404


def test_nobody_reaches_somebody_elses(wallets: Wallets) -> None:
    credential_id = wallets.claim()
    ben = anywhere(wallets, wallets.course.person("ben"), roles=(LEARNER,))
    assert "Writer" not in ben.get("/mine").text
    assert ben.get("/mine/badges.zip").status_code == 404
    token = page_token(wallets.browser(wallets.ada).get("/mine").text)
    for action in ("share", "withdraw"):
        path = f"/mine/badges/{credential_id}/{action}"
        assert ben.post(path, data={"csrf_token": token}, headers=SAME_ORIGIN).status_code in {400, 404}
    assert wallets.count(Share) == 0


def test_who_is_not_named_looks_and_changes_nothing(wallets: Wallets) -> None:
    credential_id = wallets.claim()
    client = anywhere(wallets, None)
    page = client.get("/mine")
    assert page.status_code == 200
    assert "did not say who you are" in page.text
    assert "Writer" not in page.text
    assert client.get("/mine/badges.zip").status_code == 403
    assert client.post(f"/mine/badges/{credential_id}/share", headers=SAME_ORIGIN).status_code == 403


# -- the archive ------------------------------------------------------------------------------------------------------


def test_everything_signed_is_in_the_archive_byte_for_byte(wallets: Wallets) -> None:
    every_state(wallets)
    files = files_of(anywhere(wallets, wallets.ada))
    with wallets.course.database.read() as session:
        stored = {
            json.loads(one)["id"]: one.encode()
            for one in session.scalars(select(CredentialVersion.document))
            if one is not None
        }
    documents = [name for name in files if name.endswith(".json") and name != "index.json"]
    assert {json.loads(files[name])["id"]: files[name] for name in documents} == stored
    assert len(documents) == len(CLAIMED)
    for name in documents:
        assert unbake_png(files[name.replace(".json", ".png")]) == files[name].decode()
        assert re.fullmatch(r"badges/\d\d-[a-z0-9-]+\.json", name)
        assert f'href="{name}"' in files["index.html"].decode()
        assert name in files["README.txt"].decode()
    assert "Badge revoked (Revoked)" in files["README.txt"].decode()
    assert set(files) == {
        *documents,
        *(name.replace(".json", ".png") for name in documents),
        "index.html",
        "index.json",
        "README.txt",
    }
    index = json.loads(files["index.json"])
    assert sorted(path for badge in index["badges"] for path in badge["files"]) == sorted(
        {name for name in files if name.startswith("badges/")}
    )
    assert {badge["id"] for badge in index["badges"]} == set(stored)


def test_hostile_names_stay_inside_the_archive(wallets: Wallets) -> None:
    states = States(wallets)
    for number, title in enumerate(("../../etc/passwd", HOSTILE, "水の番人", "CON")):
        states.add(str(number), "80", title=title)
        states.claim(str(number))
    files = files_of(anywhere(wallets, wallets.ada))
    assert sorted(name for name in files if name.startswith("badges/") and name.endswith(".json")) == [
        "badges/01-etc-passwd.json",
        "badges/02-uvre-script-alert-1-script-title-s-100-e.json",
        "badges/03-badge.json",
        "badges/04-con.json",
    ]
    page = files["index.html"].decode()
    assert "<script>alert" not in page
    assert "水の番人" in page


def test_earlier_copies_are_taken_along(wallets: Wallets) -> None:
    wallets.claim()
    with wallets.course.database.write() as session:
        first = session.scalars(select(CredentialVersion)).one()
        values = {column.name: getattr(first, column.name) for column in CredentialVersion.__table__.columns}
        again = CredentialVersion(**values | {"id": None, "number": 2, "status_index": first.status_index + 1})
        again.document = (first.document or "").replace("Writer", "Author")
        first.state = VersionState.SUPERSEDED
        session.add(again)
    files = files_of(anywhere(wallets, wallets.ada))
    assert b"Author" in files["badges/01-writer.json"]
    assert b"Author" not in files["badges/earlier/01-writer-copy-1.json"]


def test_nothing_signed_is_nothing_to_take_along(wallets: Wallets) -> None:
    client = anywhere(wallets, wallets.ada)
    assert "Take everything with me" not in client.get("/mine").text
    assert client.get("/mine/badges.zip").status_code == 404
