"""The demo LMS's course page and launches."""

from collections.abc import Callable
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, abort, make_response, render_template, request
from werkzeug.exceptions import Forbidden, HTTPException, NotFound

from lti_tool.demo.lms_launch import MessageLaunch, OidcLogin, post_refusal
from lti_tool.demo.lms_platform import PackagedRequest, PlatformConf
from lti_tool.demo.lms_site import AuthenticationRefused, LaunchHint, Site
from lti_tool.demo.lms_texts import LOCALES, grade_text, number, text
from lti_tool.demo.lms_visitor import card_of, chosen_locale, chosen_person
from lti_tool.demo.story import COLLEGE, COURSE, Person, Score
from lti_tool.demo.story_people import ADMIN, INSTRUCTOR, LEARNERS, TEST_USER, find_assignment, find_person
from lti_tool.errors import NotFoundError
from lti_tool.outbound import origin_of

BADGES_ITEM = "badges"


class CoursePages:
    """The course page, the launch and the OIDC authentication of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("lms_course", __name__)
        blueprint.add_url_rule("/", "page", self.course)
        blueprint.add_url_rule("/launch", "launch", self.launch)
        blueprint.add_url_rule("/oidc/auth", "authenticate", self.authenticate, methods=["GET", "POST"])
        blueprint.add_url_rule("/return", "returned", self.returned)
        return blueprint

    def course(self) -> str:
        """The course page with the tool in a frame."""
        person, locale = chosen_person(), chosen_locale()
        item = self._item(request.args.get("item", BADGES_ITEM))
        launch = {"as": person.key, "lang": locale, "item": item}
        groups = {"staff": [INSTRUCTOR, ADMIN], "learners": LEARNERS, "preview": [TEST_USER]}
        gradebook = self._site.gradebook
        return render_template(
            "lms/course.html",
            me=card_of(person, locale),
            groups={name: [card_of(one, locale) for one in people] for name, people in groups.items()},
            columns=gradebook.columns(),
            column=None if item == BADGES_ITEM else gradebook.column(item),
            assignment=find_assignment(item),
            own_grade=self._own_grade(person),
            item=item,
            launch_path=f"/launch?{urlencode(launch)}",
            window_path=f"/launch?{urlencode(launch | {'target': 'window'})}",
            tool_origin=origin_of(self._site.tool_url),
        )

    def launch(self) -> Response:
        """Start a launch: answer the form that posts the login initiation to the tool."""
        if request.args.get("course", COURSE.id).lower() not in {COURSE.id, COURSE.label.lower()}:
            abort(404)
        person = find_person(request.args.get("as", ""))
        item = self._item(request.args.get("item", BADGES_ITEM))
        if person is None or (item != BADGES_ITEM and not self._site.gradebook.column(item).is_tool_owned):
            abort(404)
        if person.kind == "former":
            raise Forbidden(text("left_course", chosen_locale()))
        target = "window" if request.args.get("target") == "window" else "iframe"
        login = OidcLogin(PackagedRequest(request), PlatformConf(site=self._site))
        login.set_lti_message_hint(hint=LaunchHint(person.sub, item, chosen_locale(), target))
        answer: Response = login.initiate_login(person.sub)
        return answer

    def authenticate(self) -> Response:
        """Answer the tool's OIDC request with a page that posts the id_token, or the error, to it."""
        preflight = request.args if request.method == "GET" else request.form
        packaged = PackagedRequest(request, preflight.to_dict())
        try:
            answer: Response = MessageLaunch(packaged, PlatformConf(site=self._site)).lti_launch()
        except AuthenticationRefused as refusal:
            if refusal.code is None:
                # Where to answer is not certain: nothing is sent anywhere (RFC 6749, section 4.1.2.1).
                message = f"{text('launch_refused', chosen_locale())} {refusal}"
                return make_response(render_template("lms/message.html", message=message), 400)
            return post_refusal(self._site, refusal, preflight.get("state", ""))
        return answer

    def returned(self) -> str:
        """Where the tool sends people back to (``launch_presentation.return_url``)."""
        message = request.args.get("lti_errormsg") or request.args.get("lti_msg") or text("returned", chosen_locale())
        return render_template("lms/message.html", message=message)

    def _item(self, key: str) -> str:
        if key != BADGES_ITEM:
            try:
                self._site.gradebook.column(key)
            except NotFoundError:
                abort(404)
        return key

    def _own_grade(self, person: Person) -> Callable[[str], Score] | None:
        if not person.has_grades:
            return None
        return lambda key: self._site.gradebook.grade(key, person.key).score


def register_words(app: Flask) -> None:
    """Give every page the language, the texts and the pages for what is refused."""

    @app.context_processor
    def words() -> dict[str, object]:
        locale = chosen_locale()
        return {
            "locale": locale,
            "t": lambda key, **values: text(key, locale, **values),
            "number": lambda value: number(value, locale),
            "grade": lambda score, maximum: grade_text(score, maximum, locale),
            "college": COLLEGE.of(locale),
            "course": COURSE,
            "locales": LOCALES,
            "here": _here,
        }

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        if request.path.startswith(("/api/", "/oidc/")):
            return make_response({"error": error.name}, error.code or 500)
        if not isinstance(error, Forbidden | NotFound):
            return make_response(error.get_response())
        message = text("not_found", chosen_locale()) if isinstance(error, NotFound) else error.description
        return make_response(render_template("lms/message.html", message=message), error.code or 500)


def _here(**changes: str) -> str:
    """Return this page's address with some of its query changed; what the page does not know is dropped."""
    kept = {name: request.args[name] for name in ("as", "item", "lang") if name in request.args}
    return f"{request.path}?{urlencode(kept | changes)}"
