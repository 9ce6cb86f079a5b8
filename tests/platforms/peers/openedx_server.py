"""Open edX's LTI consumer (lti-consumer-xblock) as a platform, without Open edX around it.

Run by the Python of its own virtual environment (``requirements-openedx.lock``), never imported by the tests:
``python openedx_server.py TOOL_URL FOLDER`` serves on a free port of loopback, prints one line of JSON about itself
and ends when its input does. Launches, tokens, AGS, NRPS and deep linking are the package's own code over HTTP.

What edx-platform would do for it is stood in for here, as little as possible: the block a configuration belongs to,
who is in the course, the ids that tools see, who may edit, and where published grades go (``grades``).
``/start/<persona>[/deep-linking]`` begins a launch; ``/kept`` shows what the package stored, as JSON.
"""

import json
import os
import sys
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from types import SimpleNamespace
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

COURSE = "course-v1:Lakeside+AQUA101+2026"
BLOCK = "block-v1:Lakeside+AQUA101+2026+type@lti_consumer+block@badges"
PEOPLE = {
    # id, name to log in with, full name, role in Open edX's words, the id that tools see
    "teacher": (1, "tara", "Tara Tench", "instructor", "8a6f3c52-0000-4000-8000-000000000001"),
    "learner": (2, "lea", "Lea Loach", "student", "8a6f3c52-0000-4000-8000-000000000002"),
}
grades: dict[str, float] = {}
"""Name of a person → the grade from 0 to 1 that was published to the course."""


class Server(ThreadingMixIn, WSGIServer):
    """Answers several requests at once: while it waits for the tool's keys, the tool may ask for its own."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Writes no log of requests."""

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


def configure(base_url: str, folder: str) -> None:
    """Settings of an LMS, as far as the package reads them."""
    # How a block is named in an address: edx-platform's setting, not checked against a release.
    usage_id = r"(?P<usage_id>(?:i4x://?[^/]+/[^/]+/[^/]+/[^@]+(?:@[^/]+)?)|(?:[^/]+))"
    settings.configure(
        SECRET_KEY="of-this-run-only",
        DEBUG=False,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        LMS_ROOT_URL=base_url,
        LTI_API_BASE=base_url,
        PLATFORM_NAME="Open edX",
        LEARNING_MICROFRONTEND_URL=base_url,
        USAGE_ID_PATTERN=usage_id,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "lti_consumer"],
        MIDDLEWARE=[f"{__name__}.signed_in"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(folder, "openedx.db"))}},
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        MIGRATION_MODULES=dict.fromkeys(("contenttypes", "auth", "lti_consumer")),  # tables at once, not step by step
        LOGGING_CONFIG=None,
        OPENEDX_TELEMETRY=[],
    )
    django.setup()


def signed_in(get_response: object) -> object:
    """Middleware: every browser is an author's, as far as the package asks (``user_has_studio_write_access``)."""

    def answer(request: object) -> object:
        request.user = SimpleNamespace(id=1, username="tara", is_authenticated=True)
        return get_response(request)

    return answer


def stand_in() -> None:
    """Do what edx-platform would do."""
    from lti_consumer.plugin import compat, views

    block = SimpleNamespace(
        display_name="Badges", weight=1, has_score=True, context_id=COURSE, lti_1p3_passport_id="",
        accept_grades_past_due=True, scope_ids=SimpleNamespace(usage_id=BLOCK), is_past_due=lambda: False,
        max_score=lambda: 1.0, set_user_module_score=lambda user, score, *_: grades.__setitem__(user, score),
    )  # fmt: skip
    names = {external: name for _, name, _, _, external in PEOPLE.values()}
    members = {
        number: {"id": number, "username": name, "email": f"{name}@school.example", "name": full, "roles": [role]}
        for number, name, full, role, _ in PEOPLE.values()
    }

    def attach(_self: object, data: dict) -> None:
        for number, _, _, _, external in PEOPLE.values():
            data[number]["external_id"] = external

    compat.load_enough_xblock = compat.load_block_as_user = lambda location: block
    compat.get_course_members = lambda key: {number: dict(one) for number, one in members.items()}
    compat.merge_course_forum_roles = lambda key, data: data
    compat.get_user_from_external_user_id = names.__getitem__
    compat.user_has_studio_write_access = lambda user, key: True
    views.LtiNrpsContextMembershipViewSet.attach_external_user_ids = attach


def make_configuration(tool_url: str) -> object:
    """Make the tables, and configure the tool as an author does in Studio."""
    from django.core.management import call_command
    from lti_consumer.models import CourseAllowPIISharingInLTIFlag, Lti1p3Passport, LtiConfiguration
    from opaque_keys.edx.keys import CourseKey, UsageKey

    call_command("migrate", "--run-syncdb", verbosity=0)
    CourseAllowPIISharingInLTIFlag.objects.create(course_id=CourseKey.from_string(COURSE), enabled=True)
    passport = Lti1p3Passport.objects.create(name="Badges", lti_1p3_tool_keyset_url=f"{tool_url}/lti/jwks")
    return LtiConfiguration.objects.create(
        version=LtiConfiguration.LTI_1P3,
        config_store=LtiConfiguration.CONFIG_ON_DB,
        location=UsageKey.from_string(BLOCK),
        lti_1p3_passport=passport,
        lti_1p3_oidc_url=f"{tool_url}/lti/login",
        lti_1p3_launch_url=f"{tool_url}/lti/launch",
        lti_1p3_redirect_uris=[f"{tool_url}/lti/launch"],
        lti_advantage_enable_nrps=True,
        lti_advantage_deep_linking_enabled=True,
        lti_advantage_deep_linking_launch_url=f"{tool_url}/lti/launch",
        lti_advantage_ags_mode=LtiConfiguration.LTI_ADVANTAGE_AGS_PROGRAMMATIC,
    )


def addresses(configuration: object) -> list:
    """The package's addresses, and the two of this server."""
    from django.http import JsonResponse
    from django.shortcuts import redirect
    from django.urls import include, path
    from lti_consumer.api import get_lti_1p3_content_url, get_lti_1p3_launch_start_url
    from lti_consumer.data import Lti1p3LaunchData
    from lti_consumer.models import LtiAgsLineItem, LtiAgsScore, LtiDlContentItem

    def launch_data(persona: str) -> Lti1p3LaunchData:
        number, name, full, role, external = PEOPLE[persona]
        return Lti1p3LaunchData(
            user_id=number, user_role=role, config_id=configuration.config_id, resource_link_id=BLOCK,
            external_user_id=external, name=full, email=f"{name}@school.example", preferred_username=name,
            context_id=COURSE, context_type=["course_offering"], context_title="Aquaponics 101",
            context_label="AQUA101", launch_presentation_document_target="iframe",
        )  # fmt: skip

    def start(request: object, persona: str, kind: str = "") -> object:
        if kind == "deep-linking":
            return redirect(get_lti_1p3_launch_start_url(launch_data(persona), deep_link_launch=True))
        return redirect(get_lti_1p3_content_url(launch_data(persona)))

    def kept(request: object) -> JsonResponse:
        return JsonResponse(
            {
                "line_items": list(LtiAgsLineItem.objects.values("id", "label", "score_maximum", "tag", "resource_id")),
                "scores": list(
                    LtiAgsScore.objects.values("line_item_id", "user_id", "score_given", "grading_progress")
                ),
                "content": list(LtiDlContentItem.objects.values("content_type", "attributes")),
                "grades": grades,
            }
        )

    return [
        path("start/<str:persona>", start),
        path("start/<str:persona>/<str:kind>", start),
        path("kept", kept),
        path("api/", include("lti_consumer.plugin.urls")),
    ]


def main() -> None:
    """Serve until the input ends."""
    tool_url, folder = sys.argv[1:]
    server = make_server("127.0.0.1", 0, lambda *_: [], Server, Quiet)
    base_url = f"http://127.0.0.1:{server.server_port}"
    configure(base_url, folder)
    stand_in()
    configuration = make_configuration(tool_url)
    globals()["urlpatterns"] = addresses(configuration)
    from django.core.wsgi import get_wsgi_application
    from lti_consumer.api import get_lti_1p3_launch_info
    from lti_consumer.data import Lti1p3LaunchData

    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    about = get_lti_1p3_launch_info(Lti1p3LaunchData(1, "instructor", configuration.config_id, BLOCK))
    print(json.dumps({"base_url": base_url, "pid": os.getpid(), **about}, default=str), flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
