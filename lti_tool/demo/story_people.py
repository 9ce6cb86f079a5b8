"""The people of the demo's story and their grades: 24 learners, staff, one who left and the preview user.

Between them they are every case a gradebook can hold: at the threshold, half a point under it, over the maximum,
zero, late, excused, hidden, ungraded, nothing handed in; and names as a bilingual college has them.
"""

from decimal import Decimal

from lti_tool.demo.story import (
    ASSIGNMENTS,
    INSTRUCTOR_ROLE,
    LEARNER_ROLE,
    TEST_USER_ROLE,
    Assignment,
    Person,
    Score,
    Text,
)

_STUDENT = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Student"
_FACULTY = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Faculty"
_ADMINISTRATOR = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"
_NO_NOTE = Text("", "")

INSTRUCTOR = Person(
    "instructor", "instructor", "instructor", "Maya Lindqvist", "Maya", "Lindqvist", "maya.lindqvist@lakeside.example",
    (INSTRUCTOR_ROLE, _FACULTY), Text("Teaches the course", "Donne le cours"),
)  # fmt: skip
ADMIN = Person(
    "admin", "admin", "admin", "Étienne Roy", "Étienne", "Roy", "etienne.roy@lakeside.example",
    (_ADMINISTRATOR,), Text("Runs the college’s systems", "Administre les systèmes du collège"),
)  # fmt: skip
TEST_USER = Person(
    "test-user", "test-user", "test", "Test Student", "Test", "Student", None,
    (LEARNER_ROLE, TEST_USER_ROLE), Text("Preview user: never gets a badge", "Compte d’essai : jamais de badge"),
)  # fmt: skip

# slug | given name | family name | e-mail local part or "-" | note, English | note, French, then the points in
# | Water log (of 20) | Nitrogen (40) | Fish health (50) | Bed design (100) | System plan (100) | Final project (200)
# A grade is a number, L behind it means late; u: ungraded, h: hidden, x: excused, -: nothing handed in.
# A line that is too long goes on behind a backslash.
_LEARNERS = """
ada-okafor|Ada|Okafor|ada.okafor|Everything at 85 % or more|Tout à 85 % ou plus|19|38|47|96|92|184
noor-haddad|نور|حداد|-|Meets everything, has no e-mail|Tout est atteint, sans courriel|17|33|41|84|78|160
jules-tremblay|Jules|Tremblay|jules.tremblay|Everything at 69.5 %|Tout à 69,5 %|13.9|27.8|34.75|69.5|69.5|139
name-withheld|||learner.0417|No name shared|Nom non communiqué|15|30|36|71|u|-
chloe-lefevre|Chloé|Lefèvre|chloe.lefevre|Excused from the fish health check|Dispensée de l’examen des poissons|\
18|35|x|88|81|150
olena-shevchenko|Олена|Шевченко|olena.shevchenko|A grade not released yet|Une note pas encore publiée|16|h|40|75|74|148
li-siyuan|思源|李|li.siyuan|Full marks everywhere|Le maximum partout|20|40|50|100|100|200
ananya-sharma|अनन्या|शर्मा|ananya.sharma|Exactly 70 % everywhere|Exactement 70 % partout|14|28|35|70|70|140
zoe-ni-bhriain|Zoë|Ní Bhriain|zoe.nibhriain|Zero in everything|Zéro partout|0|0|0|0|0|0
mateus-goncalves|Mateus|Gonçalves|mateus.goncalves|Everything late, all accepted|Tout en retard, tout accepté|\
15L|31L|38L|77L|72L|151L
soren-angstrom|Søren|Ångström|soren.angstrom|Over the maximum|Au-dessus du maximum|22|42|50|104|95|190
dang-thi-huong|Thị Hương|Đặng|dang.thi.huong|Handed in, not graded|Remis, pas encore noté|u|u|u|u|-|-
sato-hanako|花子|佐藤|sato.hanako|Only the fish are missing|Seuls les poissons manquent|18|36|30|90|u|-
kim-minjun|민준|김|kim.minjun|||12|34|42|80|-|-
alexandros-p|Αλέξανδρος|Παπαδόπουλος|alexandros.p|||16|29|37|64|60|-
david-levi|דוד|לוי|david.levi|||17|32|45|82|75|145
somchai-jaidee|สมชาย|ใจดี|somchai.jaidee|Has it all before him|Tout reste à faire|11|22|26|58|40|-
elodie-saint-pierre|Marie-Élodie Joséphine|Saint-Pierre-Beaumont de La Rochejaquelein|elodie.saintpierre|\
A very long name|Un très long nom|14.5|28.5|36|73|70.5|141
siobhan-obrien|Siobhán|O’Brien-McAllister|siobhan.obrien|||19|37|44|55|88|170
teguh||Teguh|teguh|One name only|Un seul nom|16|30|35.5|-|-|-
fatou-ndiaye|Fatou|N'Diaye|fatou.ndiaye|||15|18|39|79|-|-
lukasz-wisniewski|Łukasz|Wiśniewski|lukasz.wisniewski|||13|33|48|91|66|120
kateri-deer|Kateri|Deer|kateri.deer|||18|39|46|u|u|-
thomas-nguyen|Thomas|Nguyen|thomas.nguyen|Nothing handed in|Rien de remis|-|-|-|-|-|-
"""

_FORMER = "marc-bouchard|Marc|Bouchard|marc.bouchard|Left the course|A quitté le cours|17|34|43|86|80|-"
_TEST_SCORES = "20|40|50|100|-|-"
_FAMILY_NAME_FIRST = {"li-siyuan", "dang-thi-huong", "sato-hanako", "kim-minjun"}
_WITHOUT_SPACE = {"li-siyuan", "sato-hanako", "kim-minjun"}


def _full_name(slug: str, given: str, family: str) -> str | None:
    parts = (family, given) if slug in _FAMILY_NAME_FIRST else (given, family)
    return ("" if slug in _WITHOUT_SPACE else " ").join(part for part in parts if part) or None


def _learner(key: str, line: str, *, former: bool = False) -> Person:
    slug, given, family, mail, note_en, note_fr = line.split("|")[:6]
    return Person(
        key,
        slug,
        "former" if former else "learner",
        _full_name(slug, given, family),
        given or None,
        family or None,
        None if mail == "-" else f"{mail}@lakeside.example",
        (LEARNER_ROLE, _STUDENT),
        Text(note_en, note_fr) if note_en else _NO_NOTE,
    )


def _score(cell: str) -> Score:
    match cell:
        case "-":
            return Score(None, "missing")
        case "u":
            return Score(None, "ungraded")
        case "h":
            return Score(None, "hidden")
        case "x":
            return Score(None, "excused")
        case _:
            return Score(Decimal(cell.removesuffix("L")), "graded", late=cell.endswith("L"))


_LINES = _LEARNERS.strip().splitlines()
LEARNERS: tuple[Person, ...] = tuple(
    _learner(f"learner-{number:02}", line) for number, line in enumerate(_LINES, start=1)
)
FORMER_LEARNER = _learner("former-01", _FORMER, former=True)
PEOPLE: tuple[Person, ...] = (INSTRUCTOR, ADMIN, *LEARNERS, TEST_USER, FORMER_LEARNER)

SCORES: dict[tuple[str, str], Score] = {
    (assignment.key, person.key): _score(cell)
    for person, cells in (
        *((person, line.split("|")[6:]) for person, line in zip(LEARNERS, _LINES, strict=True)),
        (FORMER_LEARNER, _FORMER.split("|")[6:]),
        (TEST_USER, _TEST_SCORES.split("|")),
    )
    for assignment, cell in zip(ASSIGNMENTS, cells, strict=True)
}
"""The grade of everybody in everything, by (assignment key, person key)."""


def find_person(name: str) -> Person | None:
    """Return the person with this key, slug or ``sub``."""
    return next((person for person in PEOPLE if name in {person.key, person.slug, person.sub}), None)


def find_assignment(key: str) -> Assignment | None:
    """Return the assignment of the story with this key."""
    return next((assignment for assignment in ASSIGNMENTS if assignment.key == key), None)
