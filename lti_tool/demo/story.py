"""The demo's story, as plain data: Lakeside College, its course *Aquaponics Operator*, its people and their grades.

Nothing here speaks LTI or touches a database: the demo LMS (``lms``) and the seed of the tool both read it. It is the
same on every run. Texts a person sees are ``Text`` pairs, English and French, for the college is bilingual.

Six assignments: four *checkpoints* the tool made (``owner == "tool"``: AGS shows them to it) and two the course made
itself (``owner == "course"``: no tool can see them over LTI). Points are exact decimals.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID, uuid5

_NAMESPACE = UUID("5a0c1f3e-9d54-4b7e-8a43-1c8f0d6e2b71")
_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
_INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#"
LEARNER_ROLE = f"{_MEMBERSHIP}Learner"
INSTRUCTOR_ROLE = f"{_MEMBERSHIP}Instructor"
TEST_USER_ROLE = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"
INSTITUTION_URL = "https://lakeside.example"
INSTITUTION_EMAIL = "badges@lakeside.example"


@dataclass(frozen=True, slots=True)
class Text:
    """The same text in the two languages of the college."""

    en: str
    fr: str

    def of(self, locale: str) -> str:
        """Return the French text for ``fr`` and ``fr-…``, else the English one."""
        return self.fr if locale.lower().startswith("fr") else self.en


@dataclass(frozen=True, slots=True)
class Course:
    """The one course; ``id`` is LTI's ``context.id``, ``label`` the short code people say."""

    id: str
    label: str
    title: Text
    about: Text


@dataclass(frozen=True, slots=True)
class Assignment:
    """One gradebook column; ``maximum`` in points. ``resource_id`` and ``tag`` are AGS's, for the tool's own ones."""

    key: str
    title: Text
    about: Text
    maximum: Decimal
    owner: Literal["tool", "course"]

    @property
    def resource_id(self) -> str:
        """What the tool calls it (AGS ``resourceId``)."""
        return f"lakeside-{self.key}"

    @property
    def tag(self) -> str:
        """AGS ``tag`` of every checkpoint the tool made."""
        return "checkpoint"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the course. ``sub`` is opaque, as in life; ``note`` says what makes this person worth a look.

    ``kind`` "former" left the course: results remain, the roster does not list them. ``name``, ``given_name``,
    ``family_name`` and ``email`` are ``None`` when the platform does not share them.
    """

    key: str
    slug: str
    kind: Literal["instructor", "admin", "learner", "test", "former"]
    name: str | None
    given_name: str | None
    family_name: str | None
    email: str | None
    roles: tuple[str, ...]
    note: Text

    @property
    def sub(self) -> str:
        """The platform's user id (LTI ``sub``, NRPS and AGS ``user_id``)."""
        return str(uuid5(_NAMESPACE, self.key))

    @property
    def sourced_id(self) -> str:
        """The student system's id (LTI ``lis.person_sourcedid``), also in the gradebook file."""
        return f"LK{uuid5(_NAMESPACE, self.key).int % 900_000 + 100_000}"

    @property
    def has_grades(self) -> bool:
        """True for everybody who has a row in the gradebook."""
        return self.kind in {"learner", "test", "former"}


@dataclass(frozen=True, slots=True)
class Score:
    """The grade of one person in one assignment.

    ``graded``: ``points`` is a number (it may exceed the maximum). ``ungraded``: handed in, no grade yet; ``hidden``:
    graded, not released: both a null result over LTI. ``missing`` and ``excused``: no result at all over LTI.
    """

    points: Decimal | None
    state: Literal["graded", "ungraded", "hidden", "missing", "excused"]
    late: bool = False


@dataclass(frozen=True, slots=True)
class Competency:
    """A skill of the pathway; met when every one of ``assignments`` reaches ``threshold`` percent."""

    code: str
    title: Text
    description: Text
    assignments: tuple[str, ...]
    threshold: Decimal = Decimal(70)


@dataclass(frozen=True, slots=True)
class Badge:
    """An achievement; earned when all ``competencies`` are met."""

    key: str
    name: Text
    description: Text
    criteria: Text
    competencies: tuple[str, ...]


COLLEGE = Text("Lakeside College", "Collège Lakeside")
COURSE = Course(
    "f3c1a7d2-aq101-fall",
    "AQ-101",
    Text("Aquaponics Operator", "Exploitation en aquaponie"),
    Text(
        "Fish feed the plants, plants clean the water, and you keep the balance. A twelve-week course with a working "
        "system in the greenhouse.",
        "Les poissons nourrissent les plantes, les plantes épurent l’eau et vous tenez l’équilibre. Un cours de douze "
        "semaines, avec un système en marche dans la serre.",
    ),
)

ASSIGNMENTS: tuple[Assignment, ...] = (
    Assignment(
        "water-log",
        Text("Water log", "Journal de l’eau"),
        Text("Fourteen days of pH, ammonia, nitrite and nitrate.", "Quatorze jours de pH, d’ammoniac et de nitrites."),
        Decimal(20),
        "tool",
    ),
    Assignment(
        "nitrogen-cycle-quiz",
        Text("Nitrogen cycle quiz", "Questionnaire sur le cycle de l’azote"),
        Text("From fish food to leaf, step by step.", "De la nourriture des poissons à la feuille, étape par étape."),
        Decimal(40),
        "tool",
    ),
    Assignment(
        "fish-health-check",
        Text("Fish health check", "Examen de santé des poissons"),
        Text("Observe a tank, name what you see, say what to do.", "Observer un bassin, nommer, décider."),
        Decimal(50),
        "tool",
    ),
    Assignment(
        "bed-design",
        Text("Bed design", "Conception du lit de culture"),
        Text("Choose crops, medium and flow for one bed.", "Choisir cultures, substrat et débit pour un lit."),
        Decimal(100),
        "tool",
    ),
    Assignment(
        "system-plan",
        Text("System plan", "Plan du système"),
        Text("A plan for a small system: tanks, pumps, costs.", "Le plan d’un petit système : bassins, pompes, coûts."),
        Decimal(100),
        "course",
    ),
    Assignment(
        "final-project",
        Text("Final project", "Projet final"),
        Text(
            "Run your system for four weeks and report.", "Exploiter son système quatre semaines et en rendre compte."
        ),
        Decimal(200),
        "course",
    ),
)

COMPETENCIES: tuple[Competency, ...] = (
    Competency(
        "aq.water-chemistry",
        Text("Balance the water chemistry", "Équilibrer la chimie de l’eau"),
        Text(
            "Measures the water, reads the nitrogen cycle in the figures and corrects it before fish or plants suffer.",
            "Mesure l’eau, lit le cycle de l’azote dans les chiffres et corrige avant que la vie en souffre.",
        ),
        ("water-log", "nitrogen-cycle-quiz"),
    ),
    Competency(
        "aq.fish-health",
        Text("Keep the fish healthy", "Garder les poissons en santé"),
        Text(
            "Recognises stress and disease early and chooses the least harmful treatment.",
            "Reconnaît tôt le stress et la maladie et choisit le traitement le moins nocif.",
        ),
        ("fish-health-check",),
    ),
    Competency(
        "aq.plants",
        Text("Run the plant beds", "Conduire les lits de culture"),
        Text(
            "Matches crops, medium and flow to the water the fish provide.",
            "Accorde les cultures, le substrat et le débit à l’eau que fournissent les poissons.",
        ),
        ("bed-design",),
    ),
    Competency(
        "aq.system-design",
        Text("Plan a small system", "Concevoir un petit système"),
        Text(
            "Plans, costs and runs a small aquaponic system from tank to harvest.",
            "Conçoit, chiffre et exploite un petit système aquaponique, du bassin à la récolte.",
        ),
        ("system-plan", "final-project"),
    ),
)

BADGES: tuple[Badge, ...] = (
    Badge(
        "water-keeper",
        Text("Water Keeper", "Garde de l’eau"),
        Text(
            "Keeps the water of an aquaponic system in balance.",
            "Maintient l’équilibre de l’eau d’un système aquaponique.",
        ),
        Text(
            "At least 70 % in the *Water log* and in the *Nitrogen cycle quiz*.",
            "Au moins 70 % au *Journal de l’eau* et au *Questionnaire sur le cycle de l’azote*.",
        ),
        ("aq.water-chemistry",),
    ),
    Badge(
        "fish-keeper",
        Text("Fish Keeper", "Garde des poissons"),
        Text("Keeps the fish of an aquaponic system healthy.", "Garde en santé les poissons d’un système aquaponique."),
        Text("At least 70 % in the *Fish health check*.", "Au moins 70 % à l'*Examen de santé des poissons*."),
        ("aq.fish-health",),
    ),
    Badge(
        "plant-bed-grower",
        Text("Plant Bed Grower", "Spécialiste des lits de culture"),
        Text("Designs and runs productive plant beds.", "Conçoit et conduit des lits de culture productifs."),
        Text("At least 70 % in the *Bed design*.", "Au moins 70 % à la *Conception du lit de culture*."),
        ("aq.plants",),
    ),
    Badge(
        "aquaponics-operator",
        Text("Aquaponics Operator", "Exploitation en aquaponie"),
        Text(
            "Plans and runs a small aquaponic system: water, fish, plants and the whole.",
            "Conçoit et exploite un petit système aquaponique : l’eau, les poissons, les plantes et l’ensemble.",
        ),
        Text(
            "All four skills of the pathway, each at 70 % or more.",
            "Les quatre compétences du parcours, chacune à 70 % ou plus.",
        ),
        ("aq.water-chemistry", "aq.fish-health", "aq.plants", "aq.system-design"),
    ),
)
