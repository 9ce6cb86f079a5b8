"""The words of the demo LMS's pages in English and French."""

from decimal import Decimal

from lti_tool.demo.story import Score, Text

LOCALES = ("en", "fr")

TEXTS: dict[str, Text] = {
    "skip": Text("Skip to the course", "Aller au cours"),
    "demo": Text("Demonstration: no passwords, choose who you are", "Démonstration : sans mot de passe, choisissez"),
    "course": Text("Course", "Cours"),
    "gradebook": Text("Gradebook", "Carnet de notes"),
    "language": Text("Language", "Langue"),
    "signed_in": Text("You are", "Vous êtes"),
    "change_person": Text("Choose another person", "Choisir une autre personne"),
    "staff": Text("Staff", "Personnel"),
    "learners": Text("Learners", "Étudiants et étudiantes"),
    "preview": Text("Preview", "Aperçu"),
    "instructor": Text("Instructor", "Enseignante"),
    "admin": Text("Institution admin", "Administration"),
    "learner": Text("Learner", "Étudiant(e)"),
    "test": Text("Test user", "Compte d’essai"),
    "former": Text("Left the course", "A quitté le cours"),
    "no_name": Text("Name not shared", "Nom non communiqué"),
    "contents": Text("Course contents", "Contenu du cours"),
    "badges": Text("Badges", "Badges"),
    "badges_about": Text("Earn, claim and share badges", "Obtenir, réclamer et partager des badges"),
    "checkpoints": Text("Checkpoints of the badge tool", "Étapes de l’outil de badges"),
    "own_work": Text("Assignments of the course", "Travaux du cours"),
    "open_window": Text("Open in a new window", "Ouvrir dans une nouvelle fenêtre"),
    "frame_title": Text("Badge tool: {title}", "Outil de badges : {title}"),
    "your_grade": Text("Your grade", "Votre note"),
    "own_about": Text(
        "This assignment belongs to the course itself. Lakeside does not show it to tools over LTI.",
        "Ce travail appartient au cours lui-même. Lakeside ne le montre pas aux outils par LTI.",
    ),
    "lti_title": Text("What the badge tool can read here", "Ce que l’outil de badges peut lire ici"),
    "lti_about": Text(
        "Over LTI, Lakeside shows a tool only the gradebook columns that tool made. Large LMSs do the same.",
        "Par LTI, Lakeside ne montre à un outil que les colonnes qu’il a créées. Les grands LMS font de même.",
    ),
    "lti_reads": Text("The tool can read", "L’outil peut lire"),
    "lti_hidden": Text("The tool cannot see", "L’outil ne voit pas"),
    "lti_upload": Text(
        "An uploaded gradebook file can bring them in. Until then, a badge that needs them says can't tell yet.",
        "Un carnet de notes téléversé peut les apporter. D’ici là, un badge qui en dépend reste indéterminé.",
    ),
    "gradebook_about": Text(
        "Change a grade and watch the badge tool react at its next check.",
        "Modifiez une note et voyez l’outil de badges réagir à sa prochaine vérification.",
    ),
    "download": Text("Download the gradebook (CSV)", "Télécharger le carnet de notes (CSV)"),
    "change_grade": Text("Change a grade", "Modifier une note"),
    "person": Text("Person", "Personne"),
    "assignment": Text("Assignment", "Travail"),
    "points": Text("Points (empty: not graded)", "Points (vide : pas de note)"),
    "save": Text("Save the grade", "Enregistrer la note"),
    "saved": Text("Saved: {person}, {item}: {grade}.", "Enregistré : {person}, {item} : {grade}."),
    "edit_cell": Text("Change: {person}, {item}", "Modifier : {person}, {item}"),
    "score_invalid": Text("Points are a number from 0 up.", "Les points sont un nombre à partir de 0."),
    "out_of": Text("of {maximum} points", "sur {maximum} points"),
    "ungraded": Text("Not graded yet", "Pas encore noté"),
    "hidden": Text("Not released", "Non publiée"),
    "missing": Text("Nothing handed in", "Rien de remis"),
    "excused": Text("Excused", "Dispense"),
    "late": Text("late", "en retard"),
    "not_instructor": Text("The gradebook is for the instructor.", "Le carnet de notes est réservé à l’enseignante."),
    "not_found": Text("There is no such page here.", "Cette page n’existe pas ici."),
    "left_course": Text("This person has left the course.", "Cette personne a quitté le cours."),
    "launch_refused": Text("The launch was refused.", "Le lancement a été refusé."),
    "back_course": Text("Back to the course", "Retour au cours"),
    "returned": Text("You are back from the badge tool.", "Vous revenez de l’outil de badges."),
    "opening": Text("Opening the badge tool …", "Ouverture de l’outil de badges…"),
    "continue": Text("Continue", "Continuer"),
}


def text(key: str, locale: str, **values: str) -> str:
    """Return one text with its values filled in."""
    return TEXTS[key].of(locale).format(**values)


def number(value: Decimal, locale: str) -> str:
    """Return a number as people write it: no trailing zeros, a comma in French."""
    plain = f"{value:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain.replace(".", ",") if locale == "fr" else plain


def grade_text(score: Score, maximum: Decimal, locale: str) -> str:
    """Return a grade in words: ``13.9 / 20``, ``Excused``, ``15 / 20 (late)``."""
    if score.points is None:
        return text(score.state, locale)
    points = f"{number(score.points, locale)} / {number(maximum, locale)}"
    return f"{points} ({text('late', locale)})" if score.late else points
