"""From the first launch to a credential that verifiers of others accept, on every kind of platform there is.

Everything happens over HTTP: the platform is stricter than life, people use forms and links, the worker's jobs run in
between.
"""

import json
from decimal import Decimal
from typing import Any

import pytest
import requests
from itsdangerous import URLSafeTimedSerializer
from openbadgeslib.ob3.verifier import OB3VerificationError
from platforms.journeys import (
    Browser,
    School,
    add_skill,
    claim,
    let_count,
    look_at_offer,
    make_badge,
    publish,
    school_on,
)
from platforms.quirks import PROFILES, STANDARD
from platforms.strict import TEST_USER
from sqlalchemy import select
from witnesses import npm, openbadgeslib_check

from lti_tool.domain.lifecycle import AwardState
from lti_tool.models import (
    Credential,
    CredentialVersion,
    Membership,
    MembershipStatus,
    SyncRun,
    SyncState,
    Trace,
    TraceMoment,
    User,
)
from lti_tool.services import status, verifying
from lti_tool.web.session import LAUNCH_COOKIE, csrf_token_of

SKILL = "Balance the water chemistry"
BADGE = "Water Keeper"
WORK = "Water log"
SCORES = {
    "ada": "36",  # 90 %
    "ben": None,
    "cho": "0",
    "dee": "27.8",  # 69.5 %
    "eli": "28",  # exactly 70 %, and no e-mail address
    "fay": "40",
    "gus": "30",  # 75 %, until it falls
    "tess": "40",  # the platform's test user
}
EARNERS = {"ada", "eli", "fay", "gus"}
CASES = [
    *(pytest.param(quirks, "migrated_sqlite_url", id=name) for name, quirks in PROFILES.items()),
    pytest.param(STANDARD, "pg_url", id="standard-postgresql"),
]


@pytest.mark.parametrize(("quirks", "database"), CASES)
def test_from_the_first_launch_to_a_badge_others_accept(quirks, database, live, request) -> None:
    with school_on(live, request.getfixturevalue(database), quirks) as school:
        column = enrol(school)
        teacher = make_the_badge(school)
        assert states(school) == dict.fromkeys(EARNERS, AwardState.OFFERED), "a test user is never offered anything"
        learners_see_why(school)
        nobody_claims_as_test_user(school)

        credentials = {"ada": claim(school.launch("ada"), show_name="yes"), "eli": claim(school.launch("eli"))}
        credentials["fay"] = claim(school.launch("fay"))
        who_left_keeps_the_badge(school, teacher, column)
        credentials["gus"] = falls_and_rises(school, column)
        assert states(school) == dict.fromkeys(EARNERS, AwardState.CLAIMED)

        reading_again_adds_nothing(school, teacher)
        platform = school.platform
        assert platform.token_scopes, "services were read with tokens"
        assert set(platform.token_scopes.values()) == {1}, "one token for each set of scopes serves until it ends"
        # What must not be cached is fetched again after ten minutes, and this day has a quarter of an hour.
        assert platform.counts["jwks"] == (2 if quirks.key_set_cache_control == "no-cache" else 1)

        verified_by_all(school, credentials)


# -- the course -------------------------------------------------------------------------------------------------------


def enrol(school: School) -> Any:
    """Fill the roster and the gradebook; returns the column that matters."""
    for name in SCORES:
        roles = ["Learner", TEST_USER] if name == "tess" else ["Learner"]
        school.enrol(name.title(), None if name == "eli" else f"{name}@school.example", roles=roles)
    scores = {name: score if score is None else Decimal(score) for name, score in SCORES.items()}
    for number in range(8):  # so that results and members need more than one page
        school.enrol(f"Other{number}")
        scores[f"other{number}"] = Decimal(number)
    school.platform.add_line_item("Fish diary", {}, 10)
    personas = school.platform.personas
    column = school.platform.add_line_item(WORK, {personas[name]: score for name, score in scores.items()}, 40)
    school.platform.add_line_item("Pond plan", {}, 20)
    return column


def make_the_badge(school: School) -> Browser:
    """Launch as the instructor, read the course, make and publish a badge."""
    teacher = school.launch("teacher")
    assert school.work(), "the launch asked for a reading"
    home = teacher.url
    add_skill(teacher, SKILL)
    let_count(teacher, school.column_id(WORK), "70")
    make_badge(teacher, BADGE, "Keeps ammonia, nitrite and pH in balance.", "A water log, good to 70 percent.")
    for seen in ("Ada Example", "Eli Example", "69.5%", "0%"):
        assert seen in teacher.text, "the preview says who and why"
    assert states(school) == {}, "nothing is awarded by looking"
    publish(teacher)
    assert teacher.url == home
    school.work()
    return teacher


def states(school: School) -> dict[str, AwardState]:
    """The awards there are, by persona."""
    found = {persona: school.award(persona) for persona in school.platform.personas}
    return {persona: award.state for persona, award in found.items() if award is not None}


def read_again(school: School, teacher: Browser) -> SyncRun:
    """Have the instructor ask for a new reading, and do it."""
    school.watch.forward(minutes=3)
    teacher = school.launch("teacher", teacher)
    if any("/check" in form.action for form in teacher.forms):  # else the launch asked for it
        teacher.send(teacher.form("/check"))
    school.work()
    with school.services.database.read() as session:
        run = session.scalars(select(SyncRun).order_by(SyncRun.id.desc()).limit(1)).one()
    assert (run.state, run.error_code) == (SyncState.DONE, None)
    return run


# -- learners ---------------------------------------------------------------------------------------------------------


def learners_see_why(school: School) -> None:
    for persona, state, figure in (("ben", "unknown", WORK), ("cho", "not_yet", "0%"), ("dee", "not_yet", "69.5%")):
        learner = school.launch(persona)
        assert f'data-state="{state}"' in learner.text
        assert figure in learner.text
        assert not [link for link in learner.links if "/mine/awards/" in link]
    learner = school.launch("learner")
    assert 'data-state="unknown"' in learner.text, "who has no result at all is not judged"


def nobody_claims_as_test_user(school: School) -> None:
    """Neither with a button, for there is none, nor by posting to the claim of somebody else."""
    tess, form = school.launch("tess"), look_at_offer(school.launch("ada"))
    assert not [link for link in tess.links if "/mine/awards/" in link]
    form.fields["csrf_token"] = form_token(school, tess)
    tess.post(form)
    assert (tess.status, "test_user" in tess.text) == (409, True)
    assert school.count(Credential) == [0]


def form_token(school: School, browser: Browser) -> str:
    """A token that this browser's session accepts, made as Flask-WTF does: its own pages have no form to take it from.

    Without it the refusal would only be about the form.
    """
    key = school.settings.secret_key
    token = csrf_token_of(str(browser.cookies[LAUNCH_COOKIE]), key)
    return str(URLSafeTimedSerializer(key, salt="wtf-csrf-token").dumps(token))


def who_left_keeps_the_badge(school: School, teacher: Browser, column: Any) -> None:
    fay = school.platform.personas["fay"]
    school.platform.members[fay].status = "Inactive"
    school.platform.changes.append((fay, "Inactive"))
    del column.scores[fay]
    read_again(school, teacher)
    with school.services.database.read() as session:
        left = select(Membership.status).join(User, User.id == Membership.user_id).where(User.platform_user_id == fay)
        assert session.scalars(left).one() is MembershipStatus.INACTIVE
    award = school.award("fay")
    assert award is not None
    assert (award.state, award.reason_code) == (AwardState.CLAIMED, None)
    school.launch("teacher", teacher)
    teacher.open(teacher.link("/learners"))
    assert "Fay Example" in teacher.text
    assert "(left the course)" in teacher.text


def falls_and_rises(school: School, column: Any) -> str:
    """The grade falls while the claim is open on the screen; when it is good again, so is the offer."""
    gus, teacher = school.launch("gus"), Browser()
    form = look_at_offer(gus)
    personas = school.platform.personas
    column.scores[personas["gus"]] = Decimal("20")
    read_again(school, teacher)
    award = school.award("gus")
    assert award is not None
    assert award.state is AwardState.LAPSED
    with school.services.database.read() as session:
        kept = select(Trace.document).where(Trace.award_id == award.id, Trace.moment == TraceMoment.LAPSED)
        why = json.dumps(session.scalars(kept).one())
    assert "below_threshold" in why, "the reason is kept with the decision"

    before = school.count(Credential)
    gus.send(form)
    assert school.count(Credential) == before
    assert 'data-state="lapsed"' in gus.text
    for figure in ("50%", "70%"):
        assert figure in gus.text, "the reason is on the page"

    column.scores[personas["gus"]] = Decimal("28")
    read_again(school, teacher)
    return claim(school.launch("gus", gus))


def reading_again_adds_nothing(school: School, teacher: Browser) -> None:
    before = school.observations()
    run = read_again(school, teacher)
    assert school.observations() == before > 0
    assert run.counts["observations"] == 0
    assert run.counts["columns"] == 3
    assert not run.counts.get("malformed")


# -- credentials ------------------------------------------------------------------------------------------------------


def fetch(url: str, accept: str = "application/ld+json") -> str:
    answer = requests.get(url, headers={"Accept": accept}, timeout=20)
    assert answer.status_code == 200, url
    return answer.text


def verified_by_all(school: School, url: dict[str, str]) -> None:
    """Our own verifier, openbadgeslib and two npm libraries say yes, and no to what was changed or revoked."""
    http = school.services.http
    texts = {name: fetch(address) for name, address in url.items()}
    documents = {name: json.loads(text) for name, text in texts.items()}
    for name, document in documents.items():
        assert document["id"] == url[name].removesuffix(".json")
        assert document["credentialSubject"]["achievement"]["name"] == BADGE
        email = school.platform.members[school.platform.personas[name]].email
        report = verifying.verify(url[name], http, school.watch(), recipient_email=email)
        assert report.outcome.value == "valid", report
        assert accepted_by_openbadgeslib(document)
    names_and_addresses(documents)
    claimed_by_another = verifying.verify(url["ada"], http, school.watch(), recipient_email="ben@school.example")
    assert claimed_by_another.check("recipient").reason == "recipient_other"

    revoke(school, documents["fay"]["id"])
    assert fetch(url["fay"]) == texts["fay"], "the signed document stays as it is"
    changed = texts["ada"].replace(BADGE, "Water Keepes")
    assert len(changed) == len(texts["ada"])
    for text, outcome, words in ((changed, "tampered", "proof"), (texts["fay"], "revoked", "revocation")):
        report = verifying.verify(text.encode(), http, school.watch())
        assert report.outcome.value == outcome
        with pytest.raises(OB3VerificationError, match=words):
            accepted_by_openbadgeslib(json.loads(text))

    good = [texts[name] for name in ("ada", "eli", "gus")]
    *accepted, tampered, revoked = npm.verify([*good, changed, texts["fay"]])
    for library in npm.LIBRARIES:
        for verdict in accepted:
            assert verdict[library] == {"verified": True, "errors": [], "status": {"revocation": False}}
        assert tampered[library]["verified"] is False
        assert tampered[library]["errors"]
        assert revoked[library] == {"verified": False, "errors": [], "status": {"revocation": True}}


def names_and_addresses(documents: dict[str, Any]) -> None:
    """A name is in a badge when its learner said so, an e-mail address never, not even without one."""
    ada, eli, gus = (documents[name]["credentialSubject"] for name in ("ada", "eli", "gus"))
    assert ada["identifier"][0]["hashed"] is True
    assert "Ada Example" in json.dumps(ada)
    assert "identifier" not in eli
    assert eli["id"].startswith("urn:uuid:")
    assert "Gus Example" not in json.dumps(gus)
    assert "@school.example" not in json.dumps(documents)


def accepted_by_openbadgeslib(document: dict[str, Any]) -> bool:
    """Judge with the issuer's document and the status list as they are served now."""
    issuer = json.loads(fetch(document["issuer"]["id"]))
    listed = document["credentialStatus"]["statusListCredential"]
    lists = {listed: fetch(listed, "application/vc+jwt").encode()}
    return openbadgeslib_check.check(document, issuer, lists)


def revoke(school: School, url_id: str) -> None:
    with school.services.database.write() as session:
        found = select(CredentialVersion).join(Credential).where(Credential.url_id == url_id)
        status.revoke(session, session.scalars(found).one(), school.watch())
