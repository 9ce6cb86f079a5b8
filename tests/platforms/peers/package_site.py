"""The package ``lti1p3platform`` as a running platform: the demo's, which is built on it, with deep linking added.

The package makes the deep linking request and judges the answer; here is only the way between the two.
"""

import html
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import jwt
from flask import Flask, Response, make_response, request
from lti1p3platform.exceptions import LtiDeepLinkingResponseException, LtiException
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.registration import Registration
from werkzeug.serving import WSGIRequestHandler, make_server

from lti_tool.demo.lms_launch import MessageLaunch, OidcLogin
from lti_tool.demo.lms_pages import register_words
from lti_tool.demo.lms_platform import PackagedRequest, PlatformConf
from lti_tool.demo.lms_services import create_services
from lti_tool.demo.lms_site import CLIENT_ID, DEPLOYMENT_ID, LaunchHint, Site
from lti_tool.demo.story_people import find_person

CHOOSING = "deep-linking"
DATA = "csrf=a+b/c=&\u00e9"
PERSONAS = {"teacher": "instructor", "learner": "learner-01"}


class ChoosingConf(PlatformConf):
    """The demo's configuration, with an address for deep linking."""

    def get_registration_by_params(self, **named: Any) -> Registration:
        """Return the tool's registration."""
        registration = super().get_registration_by_params(**named)
        return registration.set_deeplink_launch_url(self.site.launch_url)

    def tool_validate_and_decode(self, jwt_token_string: str) -> dict[str, Any]:
        """Judge an answer as the package does; the demo's checks are for assertions."""
        claims: dict[str, Any] = LTI1P3PlatformConfAbstract.tool_validate_and_decode(self, jwt_token_string)
        return claims


class ChoosingLaunch(MessageLaunch):
    """The demo's launch, or the package's deep linking request where the hint asks for one."""

    def prepare_launch(self, preflight_response: dict[str, Any]) -> None:
        """Set the claims."""
        super().prepare_launch(preflight_response)
        assert self._hint is not None
        if self._hint.item_key == CHOOSING:
            self.set_dl(f"{self._site.base_url}/choose", "Choose", "", {"ltiResourceLink"}, DATA)


class PackageSite:
    """``with PackageSite(tool_url) as platform:`` serves it on loopback until the block ends."""

    name = "lti1p3platform"

    def __init__(self, tool_url: str) -> None:
        self._tool_url = tool_url
        self.content: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self.site = Site.create(self.base_url, self._tool_url, lambda: datetime.now(UTC))
        self._app = self._application()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def registration(self) -> dict[str, Any]:
        """What an admin enters to register it."""
        return {
            "name": "lti1p3platform",
            "issuer": self.base_url,
            "client_id": CLIENT_ID,
            "auth_login_url": f"{self.base_url}/oidc/auth",
            "auth_token_url": self.site.token_url,
            "key_set_url": f"{self.base_url}/oidc/jwks",
            "deployment_id": DEPLOYMENT_ID,
            "product": None,
        }

    def start(self, persona: str, kind: str = "badges") -> str:
        """Where a launch of ``teacher`` or ``learner`` begins; ``kind`` ``deep-linking`` to choose content."""
        return f"{self.base_url}/start/{persona}/{kind}"

    def kept(self) -> dict[str, Any]:
        """What it stored: ``line_items``, ``scores`` and ``content``."""
        gradebook = self.site.gradebook
        columns = gradebook.columns(tool_owned_only=True)
        return {
            "line_items": [{"label": one.title.en, "tag": one.tag, "resource_id": one.resource_id} for one in columns],
            "scores": [
                {"user_id": find_person(PERSONAS["learner"]).sub, "score_given": grade.score.points}
                for one in columns
                if (grade := gradebook.grade(one.key, PERSONAS["learner"])).score.points is not None
            ],
            "content": [{"content_type": one["type"], "attributes": one} for one in self.content],
        }

    def _answer(self, environ: Any, start_response: Any) -> Any:
        return self._app(environ, start_response)

    def _application(self) -> Flask:
        app = Flask("package_site", template_folder=self._templates())
        app.config["SECRET_KEY"] = self.site.secret_key
        app.register_blueprint(create_services(self.site))
        register_words(app)
        app.add_url_rule("/start/<persona>/<kind>", "start", self._start)
        app.add_url_rule("/oidc/auth", "authenticate", self._authenticate, methods=["GET", "POST"])
        app.add_url_rule("/choose", "choose", self._choose, methods=["POST"])
        return app

    @staticmethod
    def _templates() -> str:
        from lti_tool.demo import lms

        return lms.__file__.replace("lms.py", "templates")

    def _start(self, persona: str, kind: str) -> Response:
        person = find_person(PERSONAS[persona])
        login = OidcLogin(PackagedRequest(request), ChoosingConf(site=self.site))
        login.set_lti_message_hint(hint=LaunchHint(person.sub, kind, "en", "iframe"))
        found: Response = login.initiate_login(person.sub)
        return found

    def _authenticate(self) -> Response:
        preflight = request.args if request.method == "GET" else request.form
        packaged = PackagedRequest(request, preflight.to_dict())
        found: Response = ChoosingLaunch(packaged, ChoosingConf(site=self.site)).lti_launch()
        return found

    def _choose(self) -> Response:
        """Let the package judge what the tool answers."""
        try:
            self.content = ChoosingConf(site=self.site).validate_deeplinking_resp(request.form.to_dict())
        except (LtiException, LtiDeepLinkingResponseException, jwt.PyJWTError) as error:
            return make_response(f"<title>Refused</title>{html.escape(repr(error))}", 403)
        return make_response("<title>Saved</title>")


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass
