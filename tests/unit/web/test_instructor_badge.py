"""Making a badge: what it says, its picture, previews, mistakes, and who may change what is live."""

import html
import io
import re
from typing import Any

import pytest
from forms import fields_of
from instructor_world import CourseWorld, lakeside, make_course
from PIL import Image
from web_world import World, make_world

from lti_tool.models import Achievement, AchievementState, AchievementVersion, Blob

TEXTS = {
    "name": "Water keeper",
    "description": "Balances ammonia and pH.",
    "criteria": "A quiz and four logs.",
    "language": "en",
}
DESIGN = TEXTS | {"picture": "design", "symbol": "H₂", "colour": "#0b6e6e", "do": "save"}


@pytest.fixture
def course(world: World) -> CourseWorld:
    return lakeside(world)


def picture(format: str = "PNG", size: tuple[int, int] = (60, 40)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "#336699").save(out, format)
    return out.getvalue()


def stored(course: CourseWorld) -> list[AchievementVersion]:
    """Every version there is, oldest first."""
    with course.world.services.database.read() as session:
        return session.query(AchievementVersion).order_by(AchievementVersion.id).all()


def blob_of(course: CourseWorld, version: AchievementVersion) -> bytes:
    with course.world.services.database.read() as session:
        return session.get_one(Blob, version.picture_sha256).content


def test_a_badge_with_a_designed_picture_is_kept_as_a_draft_and_goes_on_to_its_rule(course: CourseWorld) -> None:
    answer = course.post("/badges/new", **DESIGN)
    assert answer.status_code == 303
    assert re.fullmatch(rf"{course.base}/badges/\d+/rule", answer.headers["Location"])
    (version,) = stored(course)
    assert (version.name, version.description, version.criteria_narrative, version.language) == tuple(TEXTS.values())
    image = Image.open(io.BytesIO(blob_of(course, version)))
    assert (image.format, image.size) == ("PNG", (512, 512))


def test_a_draft_can_be_left_and_resumed(course: CourseWorld) -> None:
    page = course.post_on("/badges/new", **DESIGN)
    badge = re.search(r"/badges/(\d+)/content", page)
    assert badge
    resumed = course.get(f"/badges/{badge[1]}/content")
    assert 'value="Water keeper"' in resumed
    assert "Balances ammonia and pH.</textarea>" in resumed
    assert 'value="keep" id="picture-keep" checked' in resumed


def test_changing_a_text_keeps_the_picture_and_makes_a_version(course: CourseWorld) -> None:
    badge = course.add_badge("water", "Water keeper")
    course.post_on(f"/badges/{badge}/content", **DESIGN | {"picture": "keep", "name": "Water master"})
    first, second = stored(course)
    assert (second.name, second.number) == ("Water master", 2)
    assert second.picture_sha256 == first.picture_sha256


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_uploaded_picture_is_encoded_anew(course: CourseWorld, format: str) -> None:
    sent = picture(format)
    course.post_on("/badges/new", **DESIGN | {"picture": "upload"}, upload=(io.BytesIO(sent), f"my.{format}"))
    (version,) = stored(course)
    kept = blob_of(course, version)
    assert kept != sent
    assert Image.open(io.BytesIO(kept)).size == (512, 512)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": " "}, "name", "Give the badge a name."),
        ({"name": "x" * 256}, "name", "at most 255 characters"),
        ({"description": ""}, "description", "Say what somebody with this badge can do."),
        ({"description": "x" * 4001}, "description", "at most 4,000 characters"),
        ({"criteria": ""}, "criteria", "Say how the badge is earned."),
        ({"criteria": "x" * 4001}, "criteria", "at most 4,000 characters"),
        ({"language": "tlh"}, "language", "Choose one of the languages."),
        ({"colour": "#zzzzzz"}, "colour", "Choose one of the colours."),
        ({"picture": "upload"}, "upload", "Choose a picture file"),
        ({"picture": "keep"}, "upload", "Choose a picture file"),
    ],
)
def test_what_is_wrong_stands_next_to_its_field_and_the_rest_stays(
    course: CourseWorld, changes: dict[str, str], field: str, words: str
) -> None:
    form = DESIGN | changes
    answer = course.post("/badges/new", **form)
    assert answer.status_code == 200
    assert f'<a href="#{field}">' in answer.text
    assert f'id="{field}-error"' in answer.text
    assert words in answer.text
    text = html.unescape(answer.text)
    for name in ("name", "description", "criteria"):
        assert form[name].strip() in text
    assert stored(course) == []


def test_every_mistake_is_said_at_once(course: CourseWorld) -> None:
    page = course.post("/badges/new", do="save").text
    assert [
        name for name in ("name", "description", "criteria", "language", "colour") if f'href="#{name}"' in page
    ] == [
        "name",
        "description",
        "criteria",
        "language",
        "colour",
    ]


DAMAGED = picture("JPEG", (400, 300))[:-400]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Only PNG, JPEG, WebP and GIF"),
        (b"not a picture", "Only PNG, JPEG, WebP and GIF"),
        (DAMAGED, "The picture is damaged"),
    ],
)
def test_a_file_that_is_no_picture_is_refused_at_the_field(course: CourseWorld, content: bytes, words: str) -> None:
    page = course.post("/badges/new", **DESIGN | {"picture": "upload"}, upload=(io.BytesIO(content), "my.png")).text
    assert words in page
    assert 'href="#upload"' in page
    assert stored(course) == []


def test_a_good_picture_need_not_be_chosen_again_after_another_mistake(course: CourseWorld) -> None:
    form = DESIGN | {"picture": "upload"}
    page = course.post("/badges/new", **form | {"name": ""}, upload=(io.BytesIO(picture()), "my.png")).text
    assert "you need not choose it again" in page
    assert 'src="data:image/png;base64,' in page
    course.post_on("/badges/new", **form)
    (version,) = stored(course)
    assert Image.open(io.BytesIO(blob_of(course, version))).size == (512, 512)
    assert "you need not choose it again" not in course.get("/badges/new")


def test_a_preview_shows_the_design_and_stores_nothing(course: CourseWorld) -> None:
    answer = course.post("/badges/new", **DESIGN | {"do": "preview", "criteria": ""})
    assert answer.status_code == 200
    assert "error-summary" not in answer.text
    assert 'value="Water keeper"' in answer.text
    address = re.search(r'id="designed" src="([^"]+)"', answer.text)
    assert address
    drawn = course.client.get(html.unescape(address[1]))
    assert (drawn.status_code, drawn.mimetype) == (200, "image/png")
    assert stored(course) == []


def test_the_design_follows_symbol_and_colour(course: CourseWorld) -> None:
    def draw(**query: str) -> bytes:
        return course.client.get(f"{course.base}/badges/picture", query_string=query).data

    plain = draw(symbol="A", colour="#1d4f91", name="Water")
    assert draw(symbol="A", colour="#1d4f91", name="Water") == plain
    assert draw(symbol="B", colour="#1d4f91", name="Water") != plain
    assert draw(symbol="A", colour="#a63a1e", name="Water") != plain
    assert draw(symbol="W", colour="#1d4f91", name="Water") == draw(colour="#1d4f91", name="Water")


# -- what is live -----------------------------------------------------------------------------------------------------


@pytest.fixture
def publishing(migrated_sqlite_url: str) -> Any:
    """A course of an installation where instructors publish."""
    world = make_world(migrated_sqlite_url, instructors_publish=True)
    yield lakeside(world)
    world.services.database.engine.dispose()


@pytest.mark.parametrize("state", [AchievementState.LIVE, AchievementState.REVIEW])
@pytest.mark.parametrize("form", ["content", "rule"])
def test_what_others_approve_is_not_changed_behind_their_back(
    course: CourseWorld, state: AchievementState, form: str
) -> None:
    badge = course.add_badge("water", "Water keeper", {"competency": course.identifier("water")})
    with course.world.services.database.write() as session:
        session.get_one(Achievement, badge).state = state
    page = course.get(f"/badges/{badge}/{form}")
    assert f'action="{course.base}/badges/{badge}/{form}"' not in page
    sent = DESIGN | {"picture": "keep", "mode": "any", "skill": str(course.items["fish"])}
    answer = course.post(f"/badges/{badge}/{form}", **sent)
    assert (answer.status_code, "badge_locked" in answer.text) == (409, True)
    assert len(stored(course)) == 1


def test_who_may_publish_may_change_what_is_live(publishing: CourseWorld) -> None:
    badge = publishing.add_badge("water", "Water keeper", {"competency": publishing.identifier("water")}, live=True)
    assert "This badge is live." in publishing.get(f"/badges/{badge}/content")
    changed = DESIGN | {"picture": "keep", "name": "Water master"}
    preview = publishing.post(f"/badges/{badge}/content", **changed)
    assert "Nobody gains or loses the badge" in preview.text
    assert stored(publishing)[-1].name == "Water keeper"
    publishing.post_on(f"/badges/{badge}/content", **fields_of(preview.text), do="confirm")
    assert stored(publishing)[-1].name == "Water master"


def test_a_badge_without_a_rule_cannot_be_tried_yet(course: CourseWorld) -> None:
    badge = course.add_badge("half", "Half a badge")
    assert "badge_incomplete" in course.get(f"/badges/{badge}/try", 409)
    assert f'href="{course.base}/badges/{badge}/try"' not in course.get(f"/badges/{badge}/content")


def test_the_issuer_is_made_with_the_first_badge_only(world: World, course: CourseWorld) -> None:
    course.post_on("/badges/new", **DESIGN)
    make_course(world, "course-2").post_on("/badges/new", **DESIGN)
    with world.services.database.read() as session:
        assert len({one.issuer_profile_id for one in session.query(Achievement)}) == 1
