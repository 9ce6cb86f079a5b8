"""A learner's pages in a course: looking changes nothing, a claim makes one badge, everything is one's own."""

from collections.abc import Iterator

import pytest
from claims import SAME_ORIGIN, Wallets, page_token, wallets_on
from sqlalchemy import select

from lti_tool.domain.lifecycle import AwardState
from lti_tool.errors import IssuingError
from lti_tool.jobs import schedule
from lti_tool.models import Award, Credential, CredentialVersion, Membership, Share, VersionState
from lti_tool.services import issuing
from lti_tool.services.wakeups import ISSUE_CREDENTIAL


@pytest.fixture
def wallets(migrated_sqlite_url: str) -> Iterator[Wallets]:
    """Ada's badge is offered."""
    with wallets_on(migrated_sqlite_url) as wallets:
        yield wallets


def test_home_shows_what_is_ready_and_links_to_its_claim(wallets: Wallets) -> None:
    page = wallets.browser(wallets.ada).get(wallets.mine()).text
    assert page.index("Ready to claim") < page.index("Writer")
    assert f'href="{wallets.mine(f"/awards/{wallets.award_id()}")}"' in page
    assert "checked" in page


def test_home_says_why_not_yet_and_what_cannot_be_told(wallets: Wallets) -> None:
    ben, cara = wallets.course.person("ben"), wallets.course.person("cara")
    wallets.course.grade(wallets.essay, ben, "64")
    ben_page = wallets.browser(ben).get(wallets.mine()).text
    assert 'data-state="not_yet"' in ben_page
    assert "70%" in ben_page
    assert "64%" in ben_page
    assert "90%" not in ben_page
    cara_page = wallets.browser(cara).get(wallets.mine()).text
    assert 'data-state="unknown"' in cara_page
    assert "Essay is not graded yet." in cara_page
    assert "/awards/" not in cara_page


def test_looking_changes_nothing(wallets: Wallets) -> None:
    client = wallets.browser(wallets.ada)
    wallets.course.grade(wallets.essay, wallets.ada, "10")
    for path in ("", f"/awards/{wallets.award_id()}"):
        assert client.get(wallets.mine(path)).status_code == 200
    assert wallets.course.award().state is AwardState.OFFERED
    assert wallets.count(Credential) == 0


def test_a_course_without_badges_says_so(wallets: Wallets) -> None:
    other = wallets.course.add_course("course-2")
    page = wallets.browser(wallets.ada, context_id=other).get(f"/courses/{other}/mine")
    assert page.status_code == 200
    assert "No badges here yet" in page.text
    assert "Writer" not in page.text


def test_an_anonymous_learner_sees_what_can_be_earned_and_nobody_elses_things(wallets: Wallets) -> None:
    client = wallets.browser(None)
    page = client.get(wallets.mine())
    assert page.status_code == 200
    assert "Writer" in page.text
    assert "/awards/" not in page.text
    assert client.get(wallets.mine(f"/awards/{wallets.award_id()}")).status_code == 403


def test_the_claim_page_says_what_the_badge_will_carry(wallets: Wallets) -> None:
    page = wallets.browser(wallets.ada).get(wallets.mine(f"/awards/{wallets.award_id()}")).text
    assert "Nobody can find it. Whoever you give it to can check it." in page
    assert "ada@lakeside.example" in page
    assert 'name="show_name" value="yes" id="show_name" aria-describedby' in page
    assert "checked" not in page.partition('name="show_name"')[2].partition(">")[0]
    assert "<em>70 %</em>" in page
    assert "<script>alert" not in page


def test_a_claim_is_signed_at_once_and_leads_to_the_badge(wallets: Wallets) -> None:
    client = wallets.browser(wallets.ada)
    answer = wallets.press(client, f"/awards/{wallets.award_id()}", "claim")
    assert answer.status_code == 303
    page = client.get(answer.location)
    assert "Keep it" in page.text
    assert "being signed" not in page.text
    names = wallets.document(1)["credentialSubject"]["identifier"]
    assert [one["identityType"] for one in names] == ["emailAddress"]
    assert wallets.queue.woken == []


def test_the_name_is_in_the_document_only_when_chosen(wallets: Wallets) -> None:
    client = wallets.browser(wallets.ada)
    wallets.press(client, f"/awards/{wallets.award_id()}", "claim", show_name="yes")
    names = {one["identityType"]: one["identityHash"] for one in wallets.document(1)["credentialSubject"]["identifier"]}
    assert names["name"] == "Ada Okafor"


def test_claiming_twice_gives_the_same_badge(wallets: Wallets) -> None:
    client = wallets.browser(wallets.ada)
    path = f"/awards/{wallets.award_id()}"
    token = page_token(client.get(wallets.mine(path)).text)
    form = {"csrf_token": token}
    answers = [client.post(wallets.mine(f"{path}/claim"), data=form, headers=SAME_ORIGIN) for _ in range(2)]
    assert {answer.location for answer in answers} == {wallets.mine("/badges/1")}
    assert client.get(wallets.mine(path)).location == wallets.mine("/badges/1")
    assert wallets.count(CredentialVersion) == 1


def test_a_signature_that_fails_is_left_to_the_sweep(wallets: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_unsigned: object) -> str:
        raise IssuingError("The key is away.")

    client = wallets.browser(wallets.ada)
    with monkeypatch.context() as patch:
        patch.setattr(issuing, "sign", fail)
        answer = wallets.press(client, f"/awards/{wallets.award_id()}", "claim")
    assert "being signed" in client.get(answer.location).text
    assert wallets.queue.woken == [(ISSUE_CREDENTIAL, 1)]
    schedule.run_due(wallets.services)
    assert "Keep it" in client.get(answer.location).text
    assert wallets.count(CredentialVersion, CredentialVersion.state == VersionState.ISSUED) == 1


def test_what_is_not_earned_any_more_lapses_with_the_reason(wallets: Wallets) -> None:
    client = wallets.browser(wallets.ada)
    wallets.course.grade(wallets.essay, wallets.ada, "64")
    answer = wallets.press(client, f"/awards/{wallets.award_id()}", "claim")
    page = client.get(answer.location).text
    assert "not offered any more" in page
    assert "64%" in page
    assert "70%" in page
    assert "Claim badge" not in page
    assert wallets.course.award().state is AwardState.LAPSED
    assert wallets.count(Credential) == 0


def test_what_cannot_be_told_stays_offered(wallets: Wallets) -> None:
    client = wallets.browser(wallets.ada)
    wallets.course.set_column(wallets.essay, failed_code="platform_unavailable")
    answer = wallets.press(client, f"/awards/{wallets.award_id()}", "claim")
    page = client.get(answer.location).text
    assert "stays offered" in page
    assert "Claim badge" in page
    assert wallets.course.award().state is AwardState.OFFERED


def test_a_test_user_looks_but_does_not_claim(wallets: Wallets) -> None:
    client = wallets.browser(wallets.ada, is_test_user=True)
    page = client.get(wallets.mine(f"/awards/{wallets.award_id()}")).text
    assert "Test users can look at this page" in page
    assert "Claim badge" not in page


def test_a_test_user_of_the_roster_is_refused_in_plain_words(wallets: Wallets) -> None:
    with wallets.services.database.write() as session:
        session.scalars(select(Membership)).one().is_test_user = True
    answer = wallets.press(wallets.browser(wallets.ada), f"/awards/{wallets.award_id()}", "claim")
    assert answer.status_code == 409
    assert "Preview users cannot keep badges" in answer.text
    assert wallets.count(Credential) == 0


def test_somebody_elses_award_and_badge_do_not_exist(wallets: Wallets) -> None:
    ben = wallets.course.person("ben")
    wallets.course.grade(wallets.essay, ben, "80")
    wallets.course.evaluate()
    credential_id = wallets.claim()
    client = wallets.browser(ben)
    own = f"/awards/{wallets.award_id(ben)}"
    token = page_token(client.get(wallets.mine(own)).text)
    for path in (f"/awards/{wallets.award_id()}", f"/badges/{credential_id}"):
        assert client.get(wallets.mine(path)).status_code == 404
    for path in (f"/awards/{wallets.award_id()}/claim", f"/badges/{credential_id}/share"):
        answer = client.post(wallets.mine(path), data={"csrf_token": token}, headers=SAME_ORIGIN)
        assert answer.status_code == 404
    assert wallets.count(Share) == 0


def test_a_form_without_its_token_is_refused(wallets: Wallets) -> None:
    answer = wallets.browser(wallets.ada).post(wallets.mine(f"/awards/{wallets.award_id()}/claim"), headers=SAME_ORIGIN)
    assert answer.status_code == 400
    assert wallets.count(Credential) == 0


def test_sharing_opens_the_page_and_withdrawing_closes_it(wallets: Wallets) -> None:
    credential_id = wallets.claim()
    client, anyone = wallets.browser(wallets.ada), wallets.app.test_client()
    address = f"/credentials/{wallets.public_id(credential_id)}"
    page = f"/badges/{credential_id}"

    def status() -> int:
        return anyone.get(address, headers={"Accept": "text/html"}).status_code

    assert status() == 404
    shared = client.get(wallets.press(client, page, "share").location).text
    assert f"{wallets.services.settings.public_url}{address}" in shared
    assert "linkedin.com" in shared
    assert "issueMonth=3" in shared
    assert status() == 200
    wallets.press(client, page, "withdraw")
    assert status() == 404
    assert anyone.get(f"{address}.json").status_code == 200
    actions = [event.action for event in wallets.course.events("credential.share")]
    assert actions == ["credential.shared", "credential.share_withdrawn"]


def test_a_badge_of_another_course_is_not_shown_in_this_one(wallets: Wallets) -> None:
    credential_id = wallets.claim()
    other = wallets.course.add_course("course-2")
    client = wallets.browser(wallets.ada, context_id=other)
    assert client.get(f"/courses/{other}/mine/badges/{credential_id}").status_code == 404
    assert client.get(wallets.mine(f"/badges/{credential_id}")).status_code == 403


def test_a_claimed_badge_moves_to_the_claimed_ones_and_stays_when_retired(wallets: Wallets) -> None:
    credential_id = wallets.claim()
    with wallets.services.database.write() as session:
        award = session.scalars(select(Award)).one()
        award.achievement.state = type(award.achievement.state).RETIRED
    page = wallets.browser(wallets.ada).get(wallets.mine()).text
    assert wallets.mine(f"/badges/{credential_id}") in page
    assert "Ready to claim" not in page
    assert "On the way" not in page
