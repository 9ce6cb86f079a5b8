"""An institution's issuing platform (Badgr's v2 API): everything arrives there, once, whatever goes wrong."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mirror_world import REGISTRAR, Mirror, mirror_on

from lti_tool.backpacks.badgr_issuing import IssuedAward
from lti_tool.jobs import signing
from lti_tool.models import Credential, CredentialVersion, IssuingState, MirroredBadgeClass, MirroredIssuer, User
from lti_tool.services import achievements, issuing_platforms, mirror_batches, mirrored_awards, reissuing
from lti_tool.services.issuing_platforms import Account
from lti_tool.services.reissuing import SubjectChoice

ROOT = Path(__file__).resolve().parents[2]
ISSUE = "POST /v2/badgeclasses/.*/issue"
READ_BACK = "GET /v2/badgeclasses/.*/assertions"


@pytest.fixture
def mirror(migrated_sqlite_url: str) -> Iterator[Mirror]:
    with mirror_on(migrated_sqlite_url) as mirror:
        yield mirror


def test_awards_are_issued_in_batches_and_read_back(any_database: str) -> None:
    with mirror_on(any_database) as mirror:
        credentials = mirror.award(120)
        mirror.run()
        assert mirror.states() == {"issued": 120}
        assert mirror.evidence() == sorted(map(mirror.url, credentials))
        assert mirror.host.duplicates() == []
        assert mirror.host.count(ISSUE) == 3
        assert (len(mirror.host.all_issuers), len(mirror.host.all_badge_classes)) == (1, 1)
        row = mirror.rows()[0]
        assert row.receipt is not None
        assert (row.receipt["outcome"], row.receipt["read_back"]) == ("created", True)
        recipients = {one["recipient"] for one in mirror.host.issued()}
        assert recipients == {f"learner{n}@lakeside.example" for n in range(1, 121)}
        assert mirror.platform().last_success_at == mirror.wallets.course.now
        calls = len(mirror.host.calls)
        mirror.run(minutes=60)
        assert len(mirror.host.calls) == calls


def test_the_issuer_and_the_badge_class_say_what_the_badge_says(mirror: Mirror) -> None:
    mirror.award(1)
    mirror.run()
    (issuer,), (badge_class,) = mirror.host.all_issuers.values(), mirror.host.all_badge_classes.values()
    assert issuer["email"] == REGISTRAR
    assert (badge_class["name"], badge_class["description"]) == ("Writer", "About Writer")
    assert badge_class["criteriaNarrative"].startswith("At least")
    assert badge_class["criteriaUrl"].endswith(mirror.wallets.course.public_id(mirror.wallets.achievement_id))
    assert badge_class["alignments"][0]["targetName"] == "Skill of Writer"
    assert mirror.host.pictures[badge_class["entityId"]].startswith(b"\x89PNG")


def test_a_new_version_changes_the_badge_class_and_makes_no_other(mirror: Mirror) -> None:
    mirror.award(1)
    mirror.run()
    course = mirror.wallets.course
    with course.database.write() as session:
        achievement = session.get_one(achievements.Achievement, mirror.wallets.achievement_id)
        version = achievement.current_version
        assert version is not None
        content = achievements.Content(
            name="Writer, second edition",
            description=version.description,
            criteria_narrative=version.criteria_narrative,
            picture_sha256=version.picture_sha256,
            language="en",
        )
        achievements.write_content(session, achievement, content, course.now)
    mirror.run()
    (badge_class,) = mirror.host.all_badge_classes.values()
    assert (badge_class["name"], badge_class["versions"]) == ("Writer, second edition", 2)
    mirror.award(1)
    mirror.run()
    assert mirror.host.count("PUT /v2/badgeclasses") == 1
    assert mirror.states() == {"issued": 2}


def test_what_is_there_of_an_earlier_life_is_found_again(mirror: Mirror) -> None:
    mirror.award(1)
    mirror.run()
    with mirror.wallets.course.database.write() as session:
        session.delete(session.get_one(MirroredBadgeClass, 1))
        session.delete(session.get_one(MirroredIssuer, 1))
    mirror.award(1)
    mirror.run()
    assert (len(mirror.host.all_issuers), len(mirror.host.all_badge_classes)) == (1, 1)
    assert mirror.states() == {"issued": 2}


# -- the host dies ----------------------------------------------------------------------------------------------------


WRONG = ("die_before", "die_during", "die_after", "status 503", "html", "not_json", "wrong_shape")
STEPS = (READ_BACK, "POST /v2/badgeclasses$", "POST /v2/issuers$", "GET /v2/issuers$")


@pytest.mark.parametrize(("where", "how"), [(ISSUE, how) for how in WRONG] + [(step, "die_after") for step in STEPS])
def test_a_host_that_fails_gets_every_badge_once_in_the_end(mirror: Mirror, where: str, how: str) -> None:
    mirror.host.fail(where, how)
    credentials = mirror.award(5)
    mirror.run()
    assert mirror.states() == {"queued": 5}
    assert mirror.platform().error_code
    assert mirror.platform().paused_until is not None
    mirror.run()
    assert mirror.states() == {"queued": 5}, "it rests"
    mirror.run(minutes=1)
    assert mirror.states() == {"issued": 5}
    assert mirror.evidence() == sorted(map(mirror.url, credentials))
    assert mirror.host.duplicates() == []
    assert (len(mirror.host.all_issuers), len(mirror.host.all_badge_classes)) == (1, 1)
    assert mirror.platform().error_code is None


def test_a_host_that_never_gets_well_ends_in_a_reason_and_can_be_tried_again(mirror: Mirror) -> None:
    mirror.host.fail(ISSUE, "die_before", count=mirrored_awards.ATTEMPTS)
    mirror.award(2)
    for _ in range(mirrored_awards.ATTEMPTS):
        mirror.run(minutes=8 * 60)
    assert mirror.states() == {"failed": 2}
    assert {row.error_code for row in mirror.rows()} == {"host_unavailable"}
    with mirror.wallets.course.database.write() as session:
        assert mirrored_awards.retry_failed(session, mirror.platform_id, mirror.wallets.course.now) == 2
    mirror.run(minutes=60)
    assert mirror.states() == {"issued": 2}


def test_a_throttled_host_is_left_alone_for_as_long_as_it_says(mirror: Mirror) -> None:
    mirror.host.fail(ISSUE, "throttle")
    mirror.award(3)
    mirror.run()
    assert mirror.states() == {"queued": 3}
    assert {row.attempts for row in mirror.rows()} == {0}
    mirror.run(minutes=0.02)
    assert mirror.states() == {"issued": 3}


def test_a_recipient_the_host_refuses_holds_up_nobody_else(mirror: Mirror) -> None:
    mirror.award(3)
    with mirror.wallets.course.database.write() as session:
        session.get_one(CredentialVersion, 2).subject = "nobody"
    mirror.run()
    assert mirror.states() == {"issued": 2, "failed": 1}
    assert mirror.rows()[1].error_code == "issuing_recipient_refused"


def test_two_badges_for_one_address_are_two_badges(mirror: Mirror) -> None:
    mirror.award(1)
    mirror.run()
    mirror.award(1)
    with mirror.wallets.course.database.write() as session:
        session.get_one(CredentialVersion, 2).subject = "learner1@lakeside.example"
    mirror.run()
    assert mirror.states() == {"issued": 2}
    assert len(set(mirror.evidence())) == 2


# -- the account ------------------------------------------------------------------------------------------------------


def test_a_token_that_is_too_old_is_renewed_and_kept(mirror: Mirror) -> None:
    mirror.host.expire_tokens()
    mirror.award(1)
    mirror.run()
    assert mirror.states() == {"issued": 1}
    mirror.host.expire_tokens()
    mirror.award(1)
    mirror.run()
    assert mirror.states() == {"issued": 2}
    assert mirror.host.count("POST /o/token") == 3


def test_an_account_that_is_refused_loses_nothing(mirror: Mirror) -> None:
    mirror.host.end_consents()
    mirror.award(2)
    mirror.run()
    assert mirror.states() == {"queued": 2}
    assert mirror.platform().state is IssuingState.REFUSED
    mirror.award(1)
    mirror.run(minutes=24 * 60)
    assert mirror.states() == {"queued": 3}
    services = mirror.wallets.services
    time.sleep(0.25)  # the host throttles whoever comes after a failure
    tokens = services.badgr.sign_in(mirror.host.base_url, REGISTRAR, "secret")
    with services.database.write() as session:
        account, now = Account(REGISTRAR, tokens), mirror.wallets.course.now
        issuing_platforms.save_account(session, mirror.platform_id, account, services.vault, now, actor="staff:1")
    mirror.run()
    assert mirror.states() == {"issued": 3}


def test_what_was_awarded_while_it_was_off_is_sent_when_asked(mirror: Mirror) -> None:
    services = mirror.wallets.services
    with services.database.write() as session:
        issuing_platforms.switch(session, mirror.platform_id, on=False, actor="staff:1", now=services.clock())
    mirror.award(2)
    assert mirror.states() == {}
    with services.database.write() as session:
        issuing_platforms.switch(session, mirror.platform_id, on=True, actor="staff:1", now=services.clock())
        assert mirrored_awards.queue_missing(session, mirror.platform_id, services.clock()) == 2
        assert mirrored_awards.queue_missing(session, mirror.platform_id, services.clock()) == 0
    mirror.run()
    assert mirror.states() == {"issued": 2}


def test_a_badge_issued_again_to_another_address_is_made_out_to_it_there(mirror: Mirror) -> None:
    (first,) = mirror.award(1)
    mirror.run()
    services = mirror.wallets.services
    with services.database.write() as session:
        session.get_one(CredentialVersion, 1).subject = "Ada.New@lakeside.example"
        credential = session.get_one(Credential, first)
        for _ in range(2):
            mirrored_awards.queue_award(session, credential, services.clock())
    assert mirror.states() == {"queued": 1}
    mirror.host.fail("PUT /v2/assertions", "die_after")
    mirror.run()
    mirror.run(minutes=1)
    assert mirror.states() == {"issued": 1}
    (there,) = mirror.host.issued()
    assert (there["recipient"], there["evidence"]) == ("ada.new@lakeside.example", [mirror.url(first)])


def sign_copy(mirror: Mirror, credential_id: int, choice: SubjectChoice, *, replaces: bool = False) -> None:
    """Let the learner have a new copy, signed at once."""
    services = mirror.wallets.services
    mirror.wallets.course.later(minutes=1)
    with services.database.write() as session:
        credential = session.get_one(Credential, credential_id)
        copy = reissuing.reissue(
            session, credential, choice, show_name=False, replaces=replaces, actor="user:1", now=services.clock()
        )
    signing.issue(services, copy.id)


def test_an_address_that_is_taken_back_does_not_stay_there(mirror: Mirror) -> None:
    (first,) = mirror.award(1)
    mirror.run()
    sign_copy(mirror, first, SubjectChoice.NONE, replaces=True)
    mirror.run()
    assert (mirror.states(), mirror.evidence()) == ({"revoked": 1}, [])
    sign_copy(mirror, first, SubjectChoice.EMAIL)
    mirror.run()
    assert (mirror.states(), mirror.evidence()) == ({"issued": 1}, [mirror.url(first)])


def test_a_copy_signed_while_the_award_is_being_sent_is_followed(mirror: Mirror) -> None:
    (first,) = mirror.award(1)
    services = mirror.wallets.services
    with services.database.write() as session:
        batch = mirror_batches.take(session, mirror.platform_id, services.clock())
    assert isinstance(batch, mirror_batches.Batch)
    with services.database.write() as session:
        user = session.get_one(User, mirror.learners[0])
        user.email = "ada.new@lakeside.example"
    sign_copy(mirror, first, SubjectChoice.EMAIL)
    with services.database.write() as session:
        sent = IssuedAward("a1", "o1", "learner1@lakeside.example", frozenset({mirror.url(first)}), is_revoked=False)
        mirrored_awards.settle(session, batch.entries[0].row_id, sent, "created", services.clock())
    assert mirror.states() == {"queued": 1}


# -- revocation -------------------------------------------------------------------------------------------------------


def test_a_revocation_follows(mirror: Mirror) -> None:
    first, second = mirror.award(2)
    mirror.run()
    mirror.revoke(first)
    mirror.run()
    assert mirror.states() == {"issued": 1, "revoked": 1}
    assert mirror.evidence() == [mirror.url(second)]
    (revoked,) = [one for one in mirror.host.issued() if one["revoked"]]
    assert revoked["revocationReason"] == "Revoked by the issuer."


def test_a_badge_revoked_before_it_was_sent_is_not_issued(mirror: Mirror) -> None:
    (first,) = mirror.award(1)
    mirror.revoke(first)
    mirror.run()
    assert mirror.states() == {"revoked": 1}
    assert mirror.host.issued() == []


@pytest.mark.parametrize("how", ["die_before", "die_after"])
def test_a_badge_revoked_while_nobody_knows_whether_it_arrived_does_not_hold(mirror: Mirror, how: str) -> None:
    mirror.host.fail(ISSUE, how)
    (first,) = mirror.award(1)
    mirror.run()
    mirror.revoke(first)
    mirror.run(minutes=1)
    assert mirror.states() == {"revoked": 1}
    assert mirror.evidence() == []


@pytest.mark.parametrize("how", ["die_before", "die_after", "status 500"])
def test_a_revocation_that_fails_is_tried_again(mirror: Mirror, how: str) -> None:
    (first,) = mirror.award(1)
    mirror.run()
    mirror.revoke(first)
    mirror.host.fail("DELETE /v2/assertions", how)
    mirror.run()
    assert mirror.states() == {"revoking": 1}
    mirror.run(minutes=1)
    assert mirror.states() == {"revoked": 1}
    assert mirror.evidence() == []


# -- a worker dies ----------------------------------------------------------------------------------------------------

CHILD = """
import os, signal, sys
from datetime import datetime
from lti_tool.backpacks.badgr_issuing import BadgrIssuing
from lti_tool.jobs import mirroring
from lti_tool.services import mirror_batches, mirrored_awards
from lti_tool.settings import load_settings
from lti_tool.wiring import build_services


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def after(name):
    real = getattr(BadgrIssuing, name)
    setattr(BadgrIssuing, name, lambda *given: (real(*given), die()))


url, now, platform_id, where = sys.argv[1:]
if where == "before the read back":
    BadgrIssuing.find_issued = die
elif where == "before the result is stored":
    mirrored_awards.settle = die
elif where == "before the badge class is stored":
    mirror_batches.remember_badge_class = die
elif where == "before the issuer is stored":
    mirror_batches.remember_issuer = die
elif where != "nowhere":
    after(where)
settings = load_settings(
    {"LTI_BADGES_ENV": "test"}, database_url=url, allowed_private_hosts=("127.0.0.1", "localhost")
)
services = build_services(settings, clock=lambda: datetime.fromisoformat(now))
mirroring.mirror_awards(services, int(platform_id))
print("nobody died")
"""
WINDOWS = (
    "issue",
    "before the read back",
    "before the result is stored",
    "before the badge class is stored",
    "before the issuer is stored",
    "ensure_badge_class",
)


@pytest.mark.parametrize("where", WINDOWS)
def test_a_worker_that_dies_leaves_no_duplicate(any_database: str, where: str) -> None:
    with mirror_on(any_database) as mirror:
        credentials = mirror.award(3)
        command = [sys.executable, "-c", textwrap.dedent(CHILD), any_database, mirror.wallets.course.now.isoformat()]
        done = subprocess.run(
            [*command, str(mirror.platform_id), where],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
        mirror.run()
        assert mirror.states() == {"sending": 3}, "somebody may still be at it"
        mirror.run(minutes=6)
        assert mirror.states() == {"issued": 3}
        assert mirror.evidence() == sorted(map(mirror.url, credentials))
        assert mirror.host.duplicates() == []
        assert (len(mirror.host.all_issuers), len(mirror.host.all_badge_classes)) == (1, 1)


def test_workers_killed_at_random_moments_leave_no_duplicate(migrated_sqlite_url: str) -> None:
    with mirror_on(migrated_sqlite_url) as mirror:
        credentials = mirror.award(110)
        mirror.host.set_latency(0.1)
        for _ in range(5):
            calls = len(mirror.host.calls)
            command = [sys.executable, "-c", textwrap.dedent(CHILD), migrated_sqlite_url]
            worker = subprocess.Popen(
                [*command, mirror.wallets.course.now.isoformat(), str(mirror.platform_id), "nowhere"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while len(mirror.host.calls) == calls and worker.poll() is None:
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.5))
            worker.kill()
            worker.wait(timeout=20)
            mirror.wallets.course.later(minutes=6)
        mirror.host.set_latency(0)
        mirror.run(minutes=6)
        assert mirror.states() == {"issued": 110}
        assert mirror.evidence() == sorted(map(mirror.url, credentials))
        assert mirror.host.duplicates() == []
