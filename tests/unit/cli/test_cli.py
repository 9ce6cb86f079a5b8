"""The command's manners: exit codes, one clear line, one JSON document; and each subcommand's work."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from badge_site import BadgeSite
from courses import Course, course_on
from platforms.reading import FixedKey, reading
from platforms.strict import rsa_key
from sqlalchemy import Engine, func, select, text, update

from lti_tool import __version__
from lti_tool.db import Database, downgrade, make_engine
from lti_tool.models import (
    Award,
    Context,
    Deployment,
    DeploymentState,
    IssuerKey,
    IssuerProfile,
    Item,
    SyncRun,
    SyncState,
    ToolKey,
    ToolKeyState,
)
from lti_tool.services import issuers, staff
from lti_tool.settings import load_settings
from lti_tool.vault import Vault
from lti_tool.wiring import utc_now

ADD = [
    "platforms", "add", "--name", "Lakeside Moodle", "--issuer", "https://moodle.example", "--client-id", "abc",
    "--auth-login-url", "https://moodle.example/auth", "--auth-token-url", "https://moodle.example/token",
    "--key-set-url", "https://moodle.example/jwks",
]  # fmt: skip


@pytest.fixture
def course(migrated_sqlite_url: str) -> Iterator[Course]:
    """A course in the command's database."""
    with course_on(migrated_sqlite_url) as course:
        yield course


@pytest.fixture
def database(engine: Engine) -> Database:
    """The command's database."""
    return Database(engine)


# -- manners ----------------------------------------------------------------------------------------------------------


def test_help_and_version(command: Any) -> None:
    assert "course work becomes badges" in command("--help")
    assert command("--version").strip() == f"lti-badges, version {__version__}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["sync"],
        ["sync", "--all", "--context", "1"],
        ["platforms", "add", "--name", "x"],
        ["platforms", "disable"],
        ["invite", "--role", "emperor", "a@example.org"],
        ["frameworks", "import", "--context", "1", "/no/such/file.csv"],
        ["keys", "rotate"],
        ["keys", "rotate", "--lti", "--compromised"],
        ["issuers", "set", "x"],
        ["verify"],
        ["serve", "--port", "many"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_code_2_with_the_usage(command: Any, arguments: list[str]) -> None:
    assert "Usage: lti-badges" in command.misused(*arguments)


def test_a_setting_that_is_missing_is_named(command: Any) -> None:
    command.environment |= {"LTI_BADGES_ENV": "production", "LTI_BADGES_SECRET_KEY": ""}
    line = command.refused("platforms", "list")
    assert "LTI_BADGES_" in line
    assert "settings_incomplete" in line


def test_an_environment_that_does_not_exist(command: Any) -> None:
    command.environment["LTI_BADGES_ENV"] = "holiday"
    assert "LTI_BADGES_ENV is 'holiday'" in command.refused("platforms", "list")


@pytest.mark.parametrize("arguments", [["platforms", "list"], ["db", "upgrade"], ["worker"]], ids=" ".join)
@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://ann:hunter2@127.0.0.1:1/x", "nonsense", "sqlite:////proc/none/x.db"],
    ids=["pg", "no", "fs"],
)
def test_a_database_that_cannot_be_used_is_one_line_without_its_password(
    command_on: Callable[[str], Any], url: str, arguments: list[str]
) -> None:
    line = command_on(url).refused(*arguments)
    assert "hunter2" not in line
    assert re.search(r"\[(database|system|schema_outdated)\]$", line)


def test_a_database_without_tables_says_what_to_run(command_on: Callable[[str], Any], sqlite_url: str) -> None:
    command = command_on(sqlite_url)
    assert "lti-badges db upgrade [schema_outdated]" in command.refused("platforms", "list")
    assert command("db", "upgrade") == "The database schema is up to date.\n"
    assert "No platform is registered" in command("platforms", "list")
    assert command("db", "upgrade") == "The database schema is up to date.\n"


# -- platforms --------------------------------------------------------------------------------------------------------


def test_platforms_are_added_listed_and_disabled(command: Any) -> None:
    said = command(*ADD, "--deployment-id", "1", "--deployment-id", "2", "--product", "moodle")
    assert said.startswith("Added Lakeside Moodle (registration 1).")
    assert "redirect https://badges.example/lti/launch" in said
    assert command.json("platforms", "list") == [
        {
            "name": "Lakeside Moodle",
            "issuer": "https://moodle.example",
            "client_id": "abc",
            "product": "moodle",
            "disabled": False,
            "deployments": {"1": "active", "2": "active"},
            "scopes": None,
            "health": {
                "launched_at": None,
                "token_at": None,
                "service_at": None,
                "failed_at": None,
                "token_scopes": [],
                "failed_code": None,
                "clock_skew_seconds": None,
            },
        }
    ]
    assert "disabled" in command("platforms", "disable", "Lakeside Moodle")
    assert command.json("platforms", "list")[0]["disabled"] is True
    assert command("platforms", "list") == (
        "Lakeside Moodle (disabled): https://moodle.example client abc deployments 1 active, 2 active\n"
    )


def test_no_platform_is_an_empty_list(command: Any) -> None:
    assert command.json("platforms", "list") == []


def test_platforms_that_are_refused(command: Any) -> None:
    command(*ADD)
    assert command.refused(*ADD).endswith("[registration_name_taken]")
    assert "auth_login_url" in command.refused(*ADD, "--name", "Other", "--auth-login-url", "http://moodle.example/a")
    assert command.refused("platforms", "disable", "Nobody") == "No platform is called Nobody. [platform_not_found]"


# -- staff and keys ---------------------------------------------------------------------------------------------------


def test_an_invite_is_a_link_that_works(command: Any, database: Database) -> None:
    link = command("invite", "--role", "registrar", "Rosa@Example.org").strip()
    token = link.removeprefix("https://badges.example/staff/join/")
    with database.write() as session:
        user = staff.spend_invite(session, token, datetime.now(UTC))
        assert (user.email, user.role.value) == ("rosa@example.org", "registrar")


def test_an_invite_needs_an_address(command: Any) -> None:
    assert command.refused("invite", "--role", "admin", "nobody").endswith("[email_invalid]")


def test_rotating_the_key_keeps_the_old_one_published(command: Any, database: Database) -> None:
    said = command("keys", "rotate", "--lti")
    with database.read() as session:
        states = {key.state: key.kid for key in session.scalars(select(ToolKey))}
    assert set(states) == set(ToolKeyState)
    assert said == f"The tool now signs with key {states[ToolKeyState.ACTIVE]}.\n"


def test_a_badge_that_is_not_there_cannot_be_revoked(command: Any, course: Course) -> None:
    assert course.context_id
    line = command.refused("credentials", "revoke", "https://badges.example/credentials/x", "--reason", "A mistake")
    assert line.endswith("[not_found]")
    assert "--reason" in command.misused("credentials", "revoke", "x")


def test_an_issuer_gets_a_new_key_and_keeps_the_old_one_listed(command: Any, course: Course) -> None:
    vault = Vault(load_settings(command.environment).key_encryption_key)
    with course.database.write() as session:
        organization_id = session.get_one(Context, course.context_id).organization_id
        profile = issuers.ensure_issuer(session, organization_id, "https://badges.example", vault, utc_now())
        public_id, profile_id = profile.public_id, profile.id
        (old,) = issuers.public_keys(session, profile_id)
    said = command("keys", "rotate", "--issuer", public_id)
    with course.database.read() as session:
        kept, added = issuers.public_keys(session, profile_id)
        active = issuers.active_key(session, profile_id).public_key_multibase
    assert kept == old
    assert active == added != old
    assert said.endswith(f"now signs with key {added}.\n")
    withdrawn = command("keys", "rotate", "--issuer", public_id, "--compromised")
    with course.database.read() as session:
        (only,) = issuers.public_keys(session, profile_id)
    assert only not in (old, added)
    assert withdrawn.endswith(
        f"now signs with key {only}.\n0 badges get new copies; the worker signs and delivers them.\n"
    )
    assert command.refused("keys", "rotate", "--issuer", "nobody").endswith("[not_found]")
    assert command.refused("keys", "rotate", "--lti", "Nowhere College").endswith("[platform_not_found]")


def test_who_issues_can_be_described(command: Any, course: Course) -> None:
    with course.database.write() as session:
        session.execute(update(IssuerProfile).values(public_id="lakeside"))
    said = command(
        "issuers", "set", "lakeside", "--url", "https://lakeside.example", "--email", "badges@lakeside.example"
    )
    assert said == "Lakeside College: https://lakeside.example, badges@lakeside.example\n"
    assert command("issuers", "set", "lakeside", "--name", " Lake ").startswith("Lake: https://lakeside.example")
    (listed,) = command.json("issuers", "list")
    assert (listed["id"], listed["name"], listed["email"]) == ("lakeside", "Lake", "badges@lakeside.example")
    for option, value, code in (
        ("--url", "lakeside", "issuer_url_invalid"),
        ("--url", "javascript:alert(1)", "issuer_url_invalid"),
        ("--email", "nobody", "issuer_email_invalid"),
        ("--email", "x" * 400 + "@lakeside.example", "issuer_email_invalid"),
        ("--name", " ", "issuer_name_invalid"),
    ):
        assert command.refused("issuers", "set", "lakeside", option, value).endswith(f"[{code}]")
    assert command.refused("issuers", "set", "nobody", "--name", "x").endswith("[not_found]")


# -- courses ----------------------------------------------------------------------------------------------------------


def test_frameworks_are_imported_once(command: Any, course: Course, tmp_path: Path) -> None:
    file = tmp_path / "skills.csv"
    file.write_text("code,statement\nW1,Test the water\nW2,Balance the water\n", encoding="utf-8")
    arguments = ["frameworks", "import", "--context", str(course.context_id), str(file)]
    assert command(*arguments) == "2 competencies added, 0 were there.\n"
    assert command(*arguments) == "0 competencies added, 2 were there.\n"
    with course.database.read() as session:
        assert list(session.scalars(select(Item.human_code).order_by(Item.position))) == ["W1", "W2"]


def test_frameworks_that_cannot_be_imported(command: Any, course: Course, tmp_path: Path) -> None:
    file = tmp_path / "skills.csv"
    file.write_text("statement\n", encoding="utf-8")
    assert command.refused("frameworks", "import", "--context", "1", str(file)).endswith("[csv_empty]")
    file.write_text("statement\nSwim\n", encoding="utf-8")
    assert command.refused("frameworks", "import", "--context", "99", str(file)).endswith("[not_found]")


def test_sync_needs_a_course(command: Any, course: Course) -> None:
    assert command.refused("sync", "--context", "99") == "There is no such course. [not_found]"


def test_sync_without_any_course(command: Any) -> None:
    assert command.refused("sync", "--all") == "There is no course yet. [not_found]"


def test_sync_reads_evaluates_and_reports(command: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    key = FixedKey("tool-key-1", rsa_key("tool-key-1"))
    monkeypatch.setattr("lti_tool.lti.keys.ToolKeys.active", lambda _: key)
    with reading(engine) as world:
        world.platform.clock = lambda: datetime.now(UTC).timestamp()
        world.platform.add_line_item("Essay", {"learner": 80})
        assert command("sync", "--all") == "1 courses read; 1 tasks done.\n"
        with world.database.read() as session:
            context = session.get_one(Context, world.context.id)
            assert (context.evaluation_done, context.evaluation_wanted) == (1, 1)
        world.platform.columns[1].raw["id"] = f"{world.platform.base_url}/services/course-1/lineitems/99"
        assert command("sync", "--context", str(world.context.id), code=1) == "0 courses read; 1 tasks done.\n"
        assert command.results[-1].stderr.endswith("Course 1 could not be read. [platform_not_found]\n")


def test_sync_of_many_courses_tells_each_as_it_ends_and_one_document(command: Any, course: Course) -> None:
    course.add_course("course-2")
    assert command("sync", "--all") == "2 courses read; 2 tasks done.\n"
    told = [one for one in command.results[-1].stderr.splitlines() if one.startswith("Course ")]
    assert sorted(told) == [
        "Course 1: 0 pieces of work, 0 new observations (1 of 2).",
        "Course 2: 0 pieces of work, 0 new observations (2 of 2).",
    ], command.results[-1].stderr
    document = command.json("sync", "--all")
    assert [(one["course"], one["state"], one["error_code"]) for one in document["courses"]] == [
        (1, "done", None),
        (2, "done", None),
    ]
    assert document["tasks"] == 2
    assert document["courses"][0]["counts"]["columns"] == 0


def test_sync_leaves_a_course_to_the_worker_that_reads_it(command: Any, course: Course) -> None:
    with course.database.write() as session:
        session.add(
            SyncRun(
                context_id=course.context_id, state=SyncState.RUNNING, reason="launch", due_at=course.now, counts={},
                lease_until=datetime(2100, 1, 1, tzinfo=UTC), started_at=course.now,
            )
        )  # fmt: skip
    assert command("sync", "--all") == "0 courses read; 0 tasks done.\nCourse 1 is being read by a worker.\n"


# -- verify -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def badge(live: Callable[[Any], str], tmp_path: Path) -> Path:
    """A good badge in a file."""
    file = tmp_path / "badge.json"
    file.write_bytes(BadgeSite.on(live).badge())
    return file


@pytest.fixture
def bare(command: Any) -> Any:
    """The command without an installation: no settings but the hosts that may be private."""
    command.environment = dict.fromkeys(command.environment) | {"LTI_BADGES_ALLOWED_PRIVATE_HOSTS": "127.0.0.1"}
    return command


def test_a_valid_badge(bare: Any, badge: Path) -> None:
    assert bare("verify", str(badge)).startswith("valid\n")
    document = bare.json("verify", str(badge), "--recipient", "ada@example.org")
    assert document["outcome"] == "valid"
    assert {check["outcome"] for check in document["checks"]} == {"passed"}


def test_a_tampered_badge(bare: Any, badge: Path) -> None:
    badge.write_text(badge.read_text().replace("Writes.", "Sings."))
    assert bare("verify", str(badge), code=1).startswith("tampered\n")
    assert bare.json("verify", str(badge), code=1)["outcome"] == "tampered"


def test_a_badge_of_somebody_else(bare: Any, badge: Path) -> None:
    assert bare.json("verify", str(badge), "--recipient", "eve@example.org", code=1)["outcome"] == "invalid"


def test_a_badge_at_an_address(bare: Any, badge: Path) -> None:
    url = json.loads(badge.read_text())["id"]
    assert bare.refused("verify", url).endswith("[badge_not_found]")
    assert bare.refused("verify", "http://10.0.0.1/badge").endswith("[address_refused]")


def test_a_file_that_cannot_be_read(bare: Any, tmp_path: Path) -> None:
    assert bare.refused("verify", str(tmp_path / "none.json")).endswith(
        "(No such file or directory). [file_unreadable]"
    )
    assert bare.refused("verify", str(tmp_path)).endswith("(Is a directory). [file_unreadable]")


# -- doctor -----------------------------------------------------------------------------------------------------------


def findings(command: Any, code: int = 1) -> dict[str, tuple[bool, str, str]]:
    """What the doctor found, by what was looked at."""
    return {one["what"]: (one["good"], one["fact"], one["remedy"]) for one in command.json("doctor", code=code)}


def test_a_doctor_at_an_empty_database(command_on: Callable[[str], Any], empty_database: str) -> None:
    found = findings(command_on(empty_database))
    assert found["database"] == (False, "has no tables yet", "lti-badges db upgrade")
    assert set(found) == {"settings", "database"}


def test_a_doctor_at_an_outdated_database(command_on: Callable[[str], Any], any_database: str) -> None:
    engine = make_engine(any_database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    engine.dispose()
    assert findings(command_on(any_database))["database"] == (False, "schema is old", "lti-badges db upgrade")


def test_a_doctor_at_a_database_taken_back(command_on: Callable[[str], Any], migrated_sqlite_url: str) -> None:
    downgrade(migrated_sqlite_url, "base")
    assert findings(command_on(migrated_sqlite_url))["database"][0] is False


def test_a_doctor_at_a_database_out_of_reach(command_on: Callable[[str], Any]) -> None:
    found = findings(command_on("postgresql+psycopg://ann:hunter2@127.0.0.1:1/x"))
    assert found["database"] == (False, "cannot be used (OperationalError)", "check LTI_BADGES_DATABASE_URL")


def test_a_doctor_at_a_new_installation(command: Any) -> None:
    found = findings(command)
    assert found["database"] == (True, "schema is up to date", "")
    assert found["platforms"] == (False, "0 registered", "lti-badges platforms add --help")


def test_a_doctor_at_a_healthy_installation(command: Any) -> None:
    command(*ADD, "--deployment-id", "1")
    assert all(good for good, _, _ in findings(command, code=0).values())
    assert command("doctor").startswith("ok  settings: complete (test, https://badges.example)\nok  database: ")


def test_a_doctor_finds_what_needs_a_person(command: Any, course: Course) -> None:
    with course.database.write() as session:
        session.execute(update(Deployment).values(state=DeploymentState.PENDING))
        session.execute(update(IssuerProfile).values(base_url="https://old.example", public_id="lakeside"))
        session.add(
            SyncRun(context_id=course.context_id, state=SyncState.FAILED, reason="launch", due_at=course.now, counts={},
                    error_code="missing_scope")
        )  # fmt: skip
        assert session.scalar(select(func.count(IssuerKey.id))) == 1
        assert session.scalar(select(func.count(Award.id))) == 0
    bad = {what: (fact, remedy) for what, (good, fact, remedy) in findings(command).items() if not good}
    assert bad == {
        "deployments": ("1 wait for an admin", "accept or refuse them under /admin"),
        "issuer": (
            "Lakeside College was made under another public URL",
            "keep its old address answering: its credentials name it for ever",
        ),
        "issuer contact": (
            "Lakeside College has no e-mail and no web address, which Open Badges 2.0 hosts demand",
            "lti-badges issuers set lakeside --url URL --email ADDRESS",
        ),
        # The course's fixture encrypts with a key of its own.
        "issuer keys": ("0 of 1 can be opened", "list the old key in LTI_BADGES_KEY_ENCRYPTION_KEY too"),
        "course": ("course 1 could not be read (missing_scope)", "lti-badges sync --context 1"),
    }
    assert "NOT course: course 1 could not be read (missing_scope) -> lti-badges sync --context 1" in command(
        "doctor", code=1
    )
