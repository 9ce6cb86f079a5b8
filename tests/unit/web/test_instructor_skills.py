"""Skills: written one by one, imported after a look, and what is wrong with a file."""

import re
from io import BytesIO

import pytest
from instructor_world import CourseWorld, make_course
from web_world import World

from lti_tool.frameworks import csv
from lti_tool.services import frameworks


@pytest.fixture
def course(world: World) -> CourseWorld:
    return make_course(world)


def statements(course: CourseWorld) -> list[tuple[str, str | None]]:
    with course.world.services.database.read() as session:
        return [(one.full_statement, one.human_code) for one in frameworks.course_items(session, course.context_id)]


def look_at(course: CourseWorld, content: str | bytes, name: str = "skills.csv") -> str:
    """Send a file and return the page."""
    data = content.encode() if isinstance(content, str) else content
    answer = course.post("/skills/import", file=(BytesIO(data), name))
    assert answer.status_code == 200
    return answer.text


def test_a_skill_is_added_with_its_code(course: CourseWorld) -> None:
    page = course.post_on("/skills", statement="  Keep the\nfish  healthy ", code=" AQ-2 ")
    assert "“Keep the fish healthy” is in the list." in page
    assert statements(course) == [("Keep the fish healthy", "AQ-2")]
    assert "Nothing yet. Choose some" in page


def test_the_same_skill_again_stays_one(course: CourseWorld) -> None:
    course.post_on("/skills", statement="Keep the fish healthy")
    course.post_on("/skills", statement="Keep the fish healthy")
    assert len(statements(course)) == 1


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"statement": "  ", "code": "AQ-1"}, "statement", "Write what the learner can do"),
        ({"statement": "x" * 1001, "code": "AQ-1"}, "statement", "at most 1,000 characters"),
        ({"statement": "Keep fish", "code": "y" * 256}, "code", "at most 255 characters"),
        ({}, "statement", "Write what the learner can do"),
    ],
)
def test_what_is_wrong_stands_next_to_the_field_and_the_rest_stays(
    course: CourseWorld, form: dict[str, str], field: str, words: str
) -> None:
    answer = course.post("/skills", **form)
    assert answer.status_code == 200
    assert f'<a href="#{field}">' in answer.text
    assert f'id="{field}-error"' in answer.text
    assert words in answer.text
    for value in form.values():
        assert f'value="{value}"' in answer.text
    assert statements(course) == []


# -- import -----------------------------------------------------------------------------------------------------------

FILE = "code,statement,identifier\nAQ-1,Balance the water,\nAQ-2,Keep the fish healthy,guid-2\n"


def confirm(course: CourseWorld, page: str) -> str:
    """Import what a page shows."""
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen
    return course.post_on("/skills/import/confirm", seen=seen[1])


def test_a_file_is_shown_before_anything_is_stored(course: CourseWorld) -> None:
    course.post_on("/skills", statement="Balance the water")
    page = look_at(course, FILE)
    assert "2 skills are in the file" in page
    assert "in the list already" in page
    assert "Keep the fish healthy" in page
    assert len(statements(course)) == 1
    done = confirm(course, page)
    assert "1 new skill is in the list." in done
    assert statements(course) == [("Balance the water", None), ("Keep the fish healthy", "AQ-2")]


def test_an_imported_skill_is_brought_up_to_date_by_its_identifier(course: CourseWorld) -> None:
    confirm(course, look_at(course, FILE))
    page = look_at(course, FILE.replace("Keep the fish healthy", "Keep all fish healthy"))
    assert "brought up to date" in page
    done = confirm(course, page)
    assert "The file held nothing new." in done
    assert ("Keep all fish healthy", "AQ-2") in statements(course)


def test_confirming_without_a_preview_or_another_one_stores_nothing(course: CourseWorld) -> None:
    assert "The preview is not there any more" in course.post_on("/skills/import/confirm", seen="")
    page = look_at(course, FILE)
    look_at(course, FILE.replace("Keep the fish healthy", "Feed the cat"))  # in another tab: as many lines
    assert "The preview is not there any more" in confirm(course, page)
    assert "The preview is not there any more" in confirm(course, page)
    assert statements(course) == []


def test_a_long_file_is_shown_in_part_and_imported_whole(course: CourseWorld) -> None:
    page = look_at(course, "statement\n" + "".join(f"Skill {number}\n" for number in range(205)))
    assert "Skill 199<" in page
    assert "Skill 200<" not in page
    assert "And 5 more rows." in page
    confirm(course, page)
    assert len(statements(course)) == 205


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "must name the columns"),
        ("color,size\nred,2\n", "must name the columns"),
        ("statement\n", "There is no skill below the first row"),
        ("statement,code\nFish,1\n,2\n", "Row 3: This row has no statement"),
        (f"statement\nFish\n{'x' * 1001}\n", "Row 3: A cell in this row is too long"),
        (b"statement\n\x81\x8d\n", "Save it as “CSV UTF-8”"),
        ("statement\n" + "Fish\n" * 300, "larger than 2 MB"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_row(
    course: CourseWorld, monkeypatch: pytest.MonkeyPatch, content: str | bytes, words: str
) -> None:
    monkeypatch.setattr(csv, "MAX_BYTES", 1100)  # 2 MB in every request would only be slow
    page = look_at(course, content)
    assert words in page
    assert 'href="#file"' in page
    assert statements(course) == []


def test_no_file_is_said_at_the_field(course: CourseWorld) -> None:
    assert "Choose a file first." in look_at(course, b"", name="")


def test_what_a_file_says_is_text(course: CourseWorld) -> None:
    assert "<script>alert(1)" not in look_at(course, "statement\n<script>alert(1)</script>\n")
