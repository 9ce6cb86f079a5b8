"""What a learner has: read models that show one's own things and change nothing."""

from collections.abc import Iterator

import pytest
from claims import Wallets, wallets_on
from sqlalchemy import select

from lti_tool.backpacks.base import Tokens
from lti_tool.domain.lifecycle import AwardState
from lti_tool.domain.verdict import Verdict
from lti_tool.errors import NotFoundError
from lti_tool.models import Achievement, AchievementState, Award, ConnectionState, Credential, Share
from lti_tool.services import backpacks, course_wallet, delivery, wallet
from lti_tool.services.course_wallet import CourseWallet
from lti_tool.services.wallet import Badge


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


def read(wallets: Wallets, user_id: int | None = None) -> CourseWallet:
    with wallets.services.database.read() as session:
        who = user_id or wallets.ada
        return course_wallet.course_wallet(session, wallets.course.context_id, who, wallets.course.now)


def badge(wallets: Wallets, credential_id: int = 1) -> Badge:
    with wallets.services.database.read() as session:
        return wallet.get_badge(session, wallets.course.context_id, wallets.ada, credential_id)


def test_offers_claimed_badges_and_progress_are_apart(wallets: Wallets) -> None:
    wallets.course.badge_for(wallets.course.column("Exam"), name="Examinee")
    mine = read(wallets)
    assert [one.name for one in mine.ready] == ["Writer"]
    assert [(one.name, one.state) for one in mine.coming] == [("Examinee", "unknown")]
    wallets.claim()
    mine = read(wallets)
    assert (mine.ready, [one.name for one in mine.kept]) == ((), ["Writer"])
    assert mine.kept[0].credential_id == 1
    assert [one.name for one in mine.coming] == ["Examinee"]


@pytest.mark.parametrize(("score", "state"), [("64", "not_yet"), ("69.5", "not_yet"), (None, "unknown"), ("70", "met")])
def test_progress_is_todays_judgement(wallets: Wallets, score: str | None, state: str) -> None:
    ben = wallets.course.person("ben")
    wallets.course.grade(wallets.essay, ben, score)
    (coming,) = read(wallets, ben).coming
    assert coming.state == state


@pytest.mark.parametrize(
    ("state", "score", "shown"),
    [
        (AwardState.LAPSED, "64", "lapsed"),
        (AwardState.LAPSED, "90", "met"),
        (AwardState.LAPSED, None, "unknown"),
        (AwardState.DECLINED, "90", "declined"),
        (AwardState.REVOKED, "90", "revoked"),
        (AwardState.HELD, "90", "met"),
    ],
)
def test_an_award_that_is_not_offered_shows_how_it_stands(
    wallets: Wallets, state: AwardState, score: str | None, shown: str
) -> None:
    """An offer that is held before its learner saw it does not show at all."""
    wallets.course.later(hours=1)
    wallets.course.grade(wallets.essay, wallets.ada, score)
    with wallets.services.database.write() as session:
        session.scalars(select(Award)).one().state = state
    mine = read(wallets)
    assert (mine.ready, [one.state for one in mine.coming]) == ((), [shown])
    assert (mine.coming[0].award is None) is (state is AwardState.HELD)


def test_a_retired_badge_stays_with_whoever_claimed_it(wallets: Wallets) -> None:
    wallets.claim()
    with wallets.services.database.write() as session:
        session.get_one(Achievement, wallets.achievement_id).state = AchievementState.RETIRED
    mine = read(wallets)
    assert [one.name for one in mine.kept] == ["Writer"]
    assert mine.coming == ()
    with wallets.services.database.read() as session:
        assert wallet.open_achievements(session, wallets.course.context_id) == []


def test_titles_name_what_rules_name(wallets: Wallets) -> None:
    titles = read(wallets).titles
    assert titles[wallets.course.public_id(wallets.achievement_id)] == "Writer"
    assert "Skill of Writer" in titles.values()


def test_an_offer_says_what_the_badge_would_carry(wallets: Wallets) -> None:
    with wallets.services.database.read() as session:
        offer = wallet.get_offer(session, wallets.course.context_id, wallets.ada, 1, wallets.course.now)
    assert (offer.name, offer.email, offer.issuer_name) == ("Ada Okafor", "ada@lakeside.example", "Lakeside College")
    assert [skill.full_statement for skill in offer.skills] == ["Skill of Writer"]
    assert offer.judgement is not None
    assert offer.judgement.verdict is Verdict.MET
    assert offer.credential_id is None


def test_nobody_reads_somebody_elses_things(wallets: Wallets) -> None:
    wallets.claim()
    ben, other = wallets.course.person("ben"), wallets.course.add_course("course-2")
    now, course_id = wallets.course.now, wallets.course.context_id
    with wallets.services.database.read() as session:
        for context_id, user_id in ((course_id, ben), (course_id, None), (other, wallets.ada)):
            with pytest.raises(NotFoundError):
                wallet.get_offer(session, context_id, user_id, 1, now)
            with pytest.raises(NotFoundError):
                wallet.get_badge(session, context_id, user_id, 1)
        assert course_wallet.course_wallet(session, course_id, ben, now).kept == ()


def test_a_badge_is_signed_once_a_copy_is(wallets: Wallets) -> None:
    wallets.claim(sign=False)
    assert not badge(wallets).is_signed
    wallets.claim()
    assert badge(wallets).is_signed


def test_places_show_connection_and_newest_delivery_by_name(wallets: Wallets) -> None:
    wallets.claim()
    now = wallets.course.now
    with wallets.services.database.write() as session:
        zebra = backpacks.add_host(session, "https://z.example", "Zebra", now)
        apple = backpacks.add_host(session, "https://a.example", "apple", now)
        gone = backpacks.add_host(session, "https://g.example", "Gone", now)
        tokens = Tokens("access", None, now, "a")
        for host in (zebra, gone):
            connection = backpacks.save_connection(session, wallets.ada, host.id, tokens, wallets.services.vault, now)
            delivery.queue_delivery(session, session.get_one(Credential, 1), connection, now)
        gone.is_offered = False
        ids = [apple.id, gone.id, zebra.id]
    places = badge(wallets).places
    assert [place.host_id for place in places] == ids
    assert [place.is_connected for place in places] == [False, True, True]
    assert [place.delivery is not None for place in places] == [False, True, True]
    with wallets.services.database.write() as session:
        backpacks.need_consent(session, 1, now)
    assert badge(wallets).places[2].connection is ConnectionState.CONSENT_NEEDED


def test_sharing_is_idempotent_and_can_be_repeated_after_withdrawing(wallets: Wallets) -> None:
    wallets.claim()
    seen = []
    for act in (wallet.share, wallet.share, wallet.withdraw, wallet.withdraw, wallet.share):
        with wallets.services.database.write() as session:
            act(session, session.get_one(Credential, 1), "user:1", wallets.course.now)
        seen.append(badge(wallets).is_shared)
    assert seen == [True, True, False, False, True]
    assert wallets.count(Share) == 2
    assert len(wallets.course.events("credential.share")) == 3
