"""``python -m bench.deliver_world DATABASE PUBLIC_URL PASSPORT BADGR FILE NUMBER``: a school whose badges go out.

The course of the tests (so ``tests`` has to be on the path) with NUMBER learners who claimed a badge that was signed,
each connected to a backpack of both hosts, and an account with which the school issues on the Badgr host, too.
Everything is made through the services that pages and jobs use. FILE gets what contestants need to know (``World``).
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.deliver_hosts import Remote
from bench.frame import ROOT, BenchError

REGISTRAR = "registrar@lakeside.example"
OB3_API, BADGE_CONNECT, V2 = "ob3_api", "badge_connect", "v2"


@dataclass(frozen=True, slots=True)
class Learner:
    """One learner, one badge. ``tokens`` and ``deliveries`` by protocol; ``assertion_url`` is the 2.0 face."""

    email: str
    credential_id: int
    url_id: str
    document: str
    assertion_url: str
    tokens: dict[str, str]
    deliveries: dict[str, int]


@dataclass(frozen=True, slots=True)
class World:
    """``settings`` are those of the tool; ``api_urls`` and ``host_ids`` by protocol, ``badgr_token`` the school's.

    ``conversations``: how many threads of the tool talk to one host at a time.
    """

    settings: dict[str, Any]
    passport: str
    badgr: str
    api_urls: dict[str, str]
    host_ids: dict[str, int]
    platform_id: int
    badge_class_id: str
    badgr_token: str
    conversations: int
    learners: list[Learner]


def read(path: str) -> World:
    """Return what ``build`` wrote."""
    values = json.loads(Path(path).read_text(encoding="utf-8"))
    return World(**{**values, "learners": [Learner(**one) for one in values["learners"]]})


def build(database_url: str, public_url: str, passport: Remote, badgr: Remote, path: Path, learners: int) -> str:
    """Make the school in a process of its own; returns ``path``."""
    values = (database_url, public_url, passport.url, badgr.url, str(path), str(learners))
    command = (sys.executable, "-m", "bench.deliver_world", *values)
    tests = os.pathsep.join(filter(None, [str(ROOT / "tests"), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": tests}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"the school could not be made:\n{done.stderr[-2000:]}")
    return str(path)


def main(database_url: str, public_url: str, passport_url: str, badgr_url: str, path: str, number: str) -> None:
    """Make the school and write what contestants need."""
    from claims import wallets_on

    with wallets_on(database_url, public_url=public_url, allowed_private_hosts=["127.0.0.1", "localhost"]) as wallets:
        wallets.course.now = datetime.now(UTC).replace(microsecond=0)
        school = _School(wallets, Remote(passport_url), Remote(badgr_url))
        world = school.world({"database_url": database_url, "public_url": public_url}, int(number))
    Path(path).write_text(json.dumps(asdict(world)), encoding="utf-8")


class _School:
    def __init__(self, wallets: Any, passport: Remote, badgr: Remote) -> None:
        self._wallets, self._services, self._now = wallets, wallets.services, wallets.course.now
        self._passport, self._badgr = passport, badgr

    def world(self, settings: dict[str, Any], number: int) -> World:
        """Make everything."""
        from lti_tool.services.delivery import CONVERSATIONS

        platform_id, token = self._add_platform()
        credentials = self._award(number)
        host_ids, api_urls = {}, {}
        learners = self._learners(credentials)
        for protocol, host in ((OB3_API, self._passport), (BADGE_CONNECT, self._badgr)):
            host_ids[protocol], api_urls[protocol] = self._connect(protocol, host, learners)
        badge_class_id = self._issue_there(platform_id)
        return World(
            settings, self._passport.url, self._badgr.url, api_urls, host_ids, platform_id, badge_class_id, token,
            CONVERSATIONS, learners,
        )  # fmt: skip

    def _add_platform(self) -> tuple[int, str]:
        from lti_tool.models import IssuerProfile
        from lti_tool.services import issuing_platforms
        from lti_tool.services.issuing_platforms import Account

        self._badgr("add_user", email=REGISTRAR)
        tokens = self._services.badgr.sign_in(self._badgr.url, REGISTRAR, "secret")
        course, account = self._wallets.course, Account(REGISTRAR, tokens)
        with self._services.database.write() as session:
            profile = session.get_one(IssuerProfile, course.issuer_id)
            profile.email, profile.url = "badges@lakeside.example", "https://lakeside.example"
            platform_id = issuing_platforms.add_platform(
                session, course.organization_id, self._badgr.url, "Badgr", account, self._services.vault, "cli",
                self._now,
            ).id  # fmt: skip
        return platform_id, tokens.access_token

    def _award(self, number: int) -> list[tuple[int, int]]:
        """Give everybody the badge that Ada earned, and let them claim it; returns (user, credential)."""
        from sqlalchemy import insert, select

        from lti_tool.domain.lifecycle import AwardState
        from lti_tool.models import Award, User

        course = self._wallets.course
        users = [course.person(f"learner-{place}") for place in range(number)]
        with self._services.database.write() as session:
            earned = session.scalars(select(Award)).one()
            assert earned.state is AwardState.OFFERED
            columns = {one.name: getattr(earned, one.name) for one in Award.__table__.columns if one.name != "id"}
            for place, user_id in enumerate(users):
                session.get_one(User, user_id).email = f"learner{place}@lakeside.example"
            given = [columns | {"user_id": user_id, "is_by_hand": True} for user_id in users]
            session.execute(insert(Award), given)
        return [(user_id, self._wallets.claim(user_id)) for user_id in users]

    def _learners(self, credentials: list[tuple[int, int]]) -> list[Learner]:
        from lti_tool.models import Credential
        from lti_tool.services import second_face

        learners = []
        for place, (user_id, credential_id) in enumerate(credentials):
            email = f"learner{place}@lakeside.example"
            with self._services.database.write() as session:
                credential = session.get_one(Credential, credential_id)
                assert credential.award.user_id == user_id
                document = credential.versions[0].document or ""
                url = second_face.ensure_hosted(session, credential, email, self._now)
                learners.append(Learner(email, credential_id, credential.url_id, document, url, {}, {}))
        return learners

    def _connect(self, protocol: str, host: Remote, learners: list[Learner]) -> tuple[int, str]:
        """Open everybody's backpack at a host and let them consent; returns the host's number and its API."""
        from urllib.parse import parse_qsl

        from lti_tool.backpacks.base import authorization_code
        from lti_tool.models import Credential
        from lti_tool.services import backpacks, delivery
        from lti_tool.services.introductions import Introducer

        services = self._services
        backpack = services.backpacks[protocol]
        introducer = Introducer(services.database, services.vault, services.settings)
        with services.database.write() as session:
            host_id = backpacks.add_host(session, host.url, protocol, self._now, protocol=protocol).id
        description, client = introducer.introduce(backpack, host_id, self._now)
        for learner in learners:
            host("open_account", email=learner.email, text=learner.document)
            asked = backpack.authorization_request(description, client, introducer.redirect_uri)
            sent_to = host("approve", url=asked.url, email=learner.email)
            code = authorization_code(dict(parse_qsl(sent_to.partition("?")[2])), asked.state)
            tokens = backpack.exchange_code(description, client, code, introducer.redirect_uri, asked.code_verifier)
            profile = backpack.profile(description, tokens)
            with services.database.write() as session:
                credential = session.get_one(Credential, learner.credential_id)
                user_id = credential.award.user_id
                made = backpacks.save_connection(session, user_id, host_id, tokens, services.vault, self._now)
                backpacks.note_account(made, profile)
                queued = delivery.queue_delivery(session, credential, made, self._now + timedelta(days=1))
            learner.deliveries[protocol], learner.tokens[protocol] = queued, tokens.access_token
        return host_id, description.api_url

    def _issue_there(self, platform_id: int) -> str:
        """Let the platform have all awards once, so that issuer and badge class are there."""
        from sqlalchemy import select

        from lti_tool.jobs.mirroring import mirror_awards
        from lti_tool.models import MirroredAward, MirroredBadgeClass, MirrorState

        mirror_awards(self._services, platform_id)
        self._badgr("empty", emails=[])
        with self._services.database.read() as session:
            states = set(session.scalars(select(MirroredAward.state)))
            assert states == {MirrorState.ISSUED}, states
            return session.scalars(select(MirroredBadgeClass.remote_id)).one()


if __name__ == "__main__":
    main(*sys.argv[1:])
