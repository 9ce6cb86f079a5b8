"""The demo's story has every case it promises."""

from decimal import Decimal

from lti_tool.demo.story import ASSIGNMENTS, BADGES, COMPETENCIES, COURSE
from lti_tool.demo.story_people import LEARNERS, PEOPLE, SCORES, find_assignment, find_person


def percents(slug):
    person = find_person(slug)
    scores = [(SCORES[one.key, person.key], one.maximum) for one in ASSIGNMENTS]
    return [None if score.points is None else score.points * 100 / maximum for score, maximum in scores]


def test_people_are_told_apart():
    assert len(LEARNERS) == 24
    for attribute in ("key", "slug", "sub", "sourced_id"):
        assert len({getattr(person, attribute) for person in PEOPLE}) == len(PEOPLE), attribute
    emails = [person.email for person in PEOPLE if person.email]
    assert len(set(emails)) == len(emails)
    assert all(email.endswith(".example") for email in emails)


def test_ids_never_change():
    # Other programs' data hangs on them from one demo to the next.
    assert find_person("ada-okafor").sub == "e03700f6-48b0-5a10-8a6e-610f0a5e5bf7"
    assert find_person("learner-01").sourced_id == "LK341591"


def test_everybody_with_a_row_has_a_grade_in_everything():
    rows = {person.key for person in PEOPLE if person.has_grades}
    assert set(SCORES) == {(one.key, key) for one in ASSIGNMENTS for key in rows}


def test_the_star_and_the_one_half_a_point_under():
    assert min(percents("ada-okafor")) >= 85
    assert find_person("ada-okafor").email
    assert percents("jules-tremblay") == [Decimal("69.5")] * 6
    assert percents("ananya-sharma") == [Decimal(70)] * 6


def test_without_email_without_name():
    assert min(percents("noor-haddad")) >= 70
    assert find_person("noor-haddad").email is None
    assert find_person("name-withheld").name is None


def test_every_state_of_a_grade_occurs():
    assert {score.state for score in SCORES.values()} == {"graded", "ungraded", "hidden", "missing", "excused"}
    assert any(score.late for score in SCORES.values())
    assert percents("zoe-ni-bhriain") == [0] * 6
    assert percents("soren-angstrom")[0] == 110
    assert percents("thomas-nguyen") == [None] * 6


def test_names_come_in_several_scripts():
    names = "".join(person.name or "" for person in LEARNERS)
    first_letters = {
        "Arabic": "ن",
        "Cyrillic": "О",
        "Han": "李",
        "Devanagari": "अ",
        "Greek": "Α",
        "Hebrew": "ד",
        "Thai": "ส",
        "Hangul": "김",
    }
    assert [script for script, letter in first_letters.items() if letter not in names] == []
    assert find_person("li-siyuan").name == "李思源"
    assert find_person("dang-thi-huong").name == "Đặng Thị Hương"


def test_competencies_use_known_assignments_and_badges_known_competencies():
    used = [key for competency in COMPETENCIES for key in competency.assignments]
    assert sorted(used) == sorted(one.key for one in ASSIGNMENTS)
    codes = [competency.code for competency in COMPETENCIES]
    assert codes == ["aq.water-chemistry", "aq.fish-health", "aq.plants", "aq.system-design"]
    assert {competency.threshold for competency in COMPETENCIES} == {Decimal(70)}
    assert BADGES[-1].competencies == tuple(codes)
    assert all(set(badge.competencies) <= set(codes) for badge in BADGES)


def test_only_the_plan_is_not_visible_over_lti():
    plan = next(competency for competency in COMPETENCIES if competency.code == "aq.system-design")
    assert {one.key for one in ASSIGNMENTS if one.owner == "course"} == set(plan.assignments)


def test_texts_are_in_both_languages():
    texts = [COURSE.title, COURSE.about]
    texts += [text for one in ASSIGNMENTS for text in (one.title, one.about)]
    texts += [text for one in COMPETENCIES for text in (one.title, one.description)]
    texts += [text for one in BADGES for text in (one.name, one.description, one.criteria)]
    assert all(text.en and text.fr and text.en != text.fr for text in texts)
    assert COURSE.title.of("fr-CA") == COURSE.title.fr
    assert COURSE.title.of("de") == COURSE.title.en


def test_unknown_names_are_not_found():
    assert find_person("nobody") is None
    assert find_assignment("nothing") is None
