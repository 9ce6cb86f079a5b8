"""A school whose badges are also issued on a Badgr host, and its learners."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from claims import Wallets, wallets_on
from hosts.badgr_host import BadgrHost
from sqlalchemy import select

from lti_tool.jobs import schedule
from lti_tool.models import Credential, IssuingPlatform, MirroredAward, User
from lti_tool.services import issuing_platforms, revoking
from lti_tool.services.issuing_platforms import Account
from lti_tool.services.wakeups import MIRROR_AWARDS

REGISTRAR = "registrar@lakeside.example"


@dataclass
class Mirror:
    """The tool, the host, and the platform's row."""

    wallets: Wallets
    host: BadgrHost
    platform_id: int = 0
    learners: list[int] = field(default_factory=list)

    def add_platform(self) -> None:
        """Let an admin give the institution's account."""
        services, now = self.wallets.services, self.wallets.course.now
        tokens = services.badgr.sign_in(self.host.base_url, REGISTRAR, "secret")
        with services.database.write() as session:
            self.platform_id = issuing_platforms.add_platform(
                session,
                self.wallets.course.organization_id,
                self.host.base_url,
                "Badgr",
                Account(REGISTRAR, tokens),
                services.vault,
                "staff:1",
                now,
            ).id

    def award(self, number: int) -> list[int]:
        """Let so many more learners earn and claim the badge; returns their credentials' numbers."""
        course, made = self.wallets.course, []
        for _ in range(number):
            place = len(self.learners) + 1
            user_id = course.person(f"learner-{place}")
            with course.database.write() as session:
                session.get_one(User, user_id).email = f"Learner{place}@Lakeside.example"
            course.grade(self.wallets.essay, user_id, "90")
            self.learners.append(user_id)
            made.append(user_id)
            if place % 10 == 0:  # many at once would be held for a person to look at
                course.evaluate()
        course.evaluate()
        return [self.wallets.claim(user_id) for user_id in made]

    def run(self, *, minutes: float = 0) -> None:
        """Let time pass, then do what is due for platforms."""
        self.wallets.course.later(minutes=minutes)
        for _ in range(10):
            due = [one for one in schedule.iter_due(self.wallets.services) if one[0] == MIRROR_AWARDS]
            if not due:
                return
            for task, row_id in due:
                schedule.TASKS[task](self.wallets.services, row_id)

    def revoke(self, credential_id: int) -> None:
        """Revoke a badge."""
        with self.wallets.services.database.write() as session:
            credential = session.get_one(Credential, credential_id)
            revoking.revoke(session, credential, "Copied.", "cli", self.wallets.course.now)

    def url(self, credential_id: int) -> str:
        """A credential's id."""
        with self.wallets.services.database.read() as session:
            return session.get_one(Credential, credential_id).url_id

    def rows(self) -> list[MirroredAward]:
        """Every row, oldest first."""
        with self.wallets.services.database.read() as session:
            return list(session.scalars(select(MirroredAward).order_by(MirroredAward.id)))

    def states(self) -> dict[str, int]:
        """How many rows are in which state."""
        counts: dict[str, int] = {}
        for row in self.rows():
            counts[row.state.value] = counts.get(row.state.value, 0) + 1
        return counts

    def platform(self) -> IssuingPlatform:
        """The platform's row."""
        with self.wallets.services.database.read() as session:
            return session.get_one(IssuingPlatform, self.platform_id)

    def evidence(self) -> list[str]:
        """Which credentials the host's valid awards are evidence of."""
        return sorted(one["evidence"][0] for one in self.host.issued() if not one["revoked"])


@contextmanager
def mirror_on(database_url: str, **options: Any) -> Iterator[Mirror]:
    """A school with a platform in use; nobody was awarded anything yet."""
    private = {"allowed_private_hosts": ("127.0.0.1", "localhost")}
    with wallets_on(database_url, **private) as wallets, BadgrHost(throttle_seconds=0.2, **options) as host:
        host.add_user(REGISTRAR)
        mirror = Mirror(wallets, host)
        mirror.add_platform()
        yield mirror
