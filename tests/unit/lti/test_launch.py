"""Login and launch from end to end: what is asked, what is answered, and what happens under concurrency."""

import ast
import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pylti1p3.message_launch import MessageLaunch
from pylti1p3.message_validators.resource_message import ResourceMessageValidator
from signed_launches import ABSENT, CLAIM, CLIENT_ID, ISSUER, NOW, TOOL, Bench, login_parameters, register
from sqlalchemy import Engine, event, select, update

import lti_tool
from lti_tool.db import Database, make_engine
from lti_tool.errors import (
    CookiesBlockedError,
    DeploymentDisabledError,
    DeploymentPendingError,
    LaunchError,
    LoginStateConsumedError,
    PlatformDisabledError,
    PlatformRefusedError,
)
from lti_tool.lti.message_launch import ToolMessageLaunch
from lti_tool.lti.registration import disable_registration
from lti_tool.models import Deployment, DeploymentState, LoginState, Organization, Registration

PACKAGE = Path(lti_tool.__file__).parent


@pytest.fixture
def bench(engine: Engine) -> Bench:
    return Bench(Database(engine))


@pytest.fixture
def any_engine(any_database: str) -> Iterator[Engine]:
    engine = make_engine(any_database)
    yield engine
    engine.dispose()


# -- start ------------------------------------------------------------------------------------------------------------


def test_the_authentication_request(bench: Bench) -> None:
    begun = bench.begin()
    assert begun.started.redirect_url.startswith(f"{ISSUER}/auth?")
    state, nonce = begun.query.pop("state"), begun.query.pop("nonce")
    assert begun.query == {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{TOOL}/lti/launch",
        "login_hint": "7",
        "lti_message_hint": '{"launchid":"ltilaunch1_2"}',
    }
    assert len({state, nonce, begun.started.cookie_value}) == 3
    assert min(map(len, (state, nonce, begun.started.cookie_value))) >= 43


@pytest.mark.parametrize("hint", ["a b&c=d#e", "", "é%20+", '{"a":"\\u00e9"}'])
def test_hints_are_echoed_unchanged(bench: Bench, hint: str) -> None:
    begun = bench.begin(lti_message_hint=hint, login_hint=hint or "7")
    assert begun.query["lti_message_hint"] == hint
    assert begun.query["login_hint"] == (hint or "7")


def test_a_hint_that_was_not_sent_is_not_made_up(bench: Bench) -> None:
    parameters = login_parameters()
    del parameters["lti_message_hint"]
    assert "lti_message_hint" not in bench.launches.start(parameters).redirect_url


def test_the_platforms_own_query_is_kept(engine: Engine) -> None:
    bench = Bench(Database(engine), auth_login_url=f"{ISSUER}/auth?tenant=a%20b")
    parts = urlsplit(bench.begin().started.redirect_url)
    assert parts.path == "/auth"
    assert parts.query.startswith("tenant=a%20b&scope=openid&")


@pytest.mark.parametrize("name", ["iss", "login_hint", "target_link_uri"])
def test_required_parameters(bench: Bench, name: str) -> None:
    for parameters in (login_parameters(**{name: ""}), {k: v for k, v in login_parameters().items() if k != name}):
        with pytest.raises(LaunchError) as caught:
            bench.launches.start(parameters)
        assert (caught.value.code, caught.value.status) == (f"{name}_missing", 400)


@pytest.mark.parametrize("value", ["x" * 8193, "a\0b", "\ud800"])
def test_parameters_no_database_takes(bench: Bench, value: str) -> None:
    with pytest.raises(LaunchError) as caught:
        bench.launches.start(login_parameters(lti_message_hint=value))
    assert caught.value.code == "launch_request_invalid"


@pytest.mark.parametrize("target", ["https://evil.example/", f"{TOOL}.evil.example/", "http://badges.example/", "x"])
def test_the_target_must_be_ours(bench: Bench, target: str) -> None:
    with pytest.raises(LaunchError) as caught:
        bench.launches.start(login_parameters(target_link_uri=target))
    assert caught.value.code == "target_link_foreign"


def refused_login(bench: Bench, **changes: str) -> str:
    with pytest.raises(LaunchError) as caught:
        bench.launches.start(login_parameters(**changes))
    return caught.value.code


def test_only_registered_platforms(bench: Bench) -> None:
    assert refused_login(bench, iss="https://other.example") == "platform_unknown"
    assert refused_login(bench, client_id="client-2") == "platform_unknown"
    assert refused_login(bench, iss=ISSUER.upper()) == "platform_unknown"


def test_without_a_client_id_one_registration_is_found(bench: Bench) -> None:
    assert bench.begin(client_id="").query["client_id"] == CLIENT_ID


@pytest.mark.parametrize("name", ["lti_deployment_id", "deployment_id"])
def test_without_a_client_id_the_deployment_decides(bench: Bench, name: str) -> None:
    register(bench.database, name="Hillside", client_id="client-2", deployment_ids=["d-2", "d-3"])
    register(bench.database, name="Seaside", client_id="client-3", deployment_ids=["d-3"])
    assert bench.begin(client_id="", **{name: "d-2"}).query["client_id"] == "client-2"
    assert refused_login(bench, client_id="") == "client_id_needed"
    assert refused_login(bench, client_id="", **{name: "d-3"}) == "client_id_needed"
    assert refused_login(bench, client_id="", **{name: "d-9"}) == "client_id_needed"


def test_a_disabled_registration(bench: Bench) -> None:
    register(bench.database, name="Hillside", client_id="client-2")
    with bench.database.write() as session:
        disable_registration(session, "Lakeside", NOW)
    assert refused_login(bench) == "platform_disabled"
    assert bench.begin(client_id="").query["client_id"] == "client-2"
    with bench.database.write() as session:
        disable_registration(session, "Hillside", NOW)
    assert refused_login(bench, client_id="") == "platform_disabled"


# -- finish -----------------------------------------------------------------------------------------------------------


def test_a_launch(bench: Bench) -> None:
    begun = bench.begin()
    launch = bench.launches.finish(bench.form(begun), begun.cookies)
    assert launch.registration_id == bench.registration_id
    assert launch.platform_user_id == "5"
    assert launch.message_type == "LtiResourceLinkRequest"
    assert launch.is_learner
    assert launch.context is not None
    assert launch.context.platform_id == "c-1"
    assert launch.target_link_uri == f"{TOOL}/lti/launch"
    with bench.database.read() as session:
        deployment = session.get_one(Deployment, launch.deployment_row_id)
    assert (deployment.deployment_id, deployment.organization_id) == ("d-1", launch.organization_id)
    with pytest.raises(dataclasses.FrozenInstanceError):
        launch.platform_user_id = "6"  # type: ignore[misc]


def test_an_anonymous_launch(bench: Bench) -> None:
    begun = bench.begin()
    assert bench.launches.finish(bench.form(begun, {"sub": ABSENT}), begun.cookies).platform_user_id is None


def test_two_logins_in_one_browser_end_in_any_order(bench: Bench) -> None:
    one, two = bench.begin(), bench.begin()
    cookies = one.cookies | two.cookies
    for begun in (two, one):
        assert bench.launches.finish(bench.form(begun), cookies).platform_user_id == "5"


def test_blocked_cookies_carry_what_begins_the_login_again(bench: Bench) -> None:
    begun = bench.begin(extra="not kept")
    with pytest.raises(CookiesBlockedError) as caught:
        bench.launches.finish(bench.form(begun), {})
    assert caught.value.login_parameters == login_parameters()
    again = bench.launches.start(caught.value.login_parameters)
    assert again.redirect_url.startswith(f"{ISSUER}/auth?")


@pytest.mark.parametrize(("sent", "kept"), [("login_required", "login_required"), ("<b>x</b>", None), ("e" * 65, None)])
def test_a_platforms_refusal(bench: Bench, sent: str, kept: str | None) -> None:
    begun = bench.begin()
    form = {"state": begun.query["state"], "error": sent, "error_description": "<script>"}
    with pytest.raises(PlatformRefusedError) as caught:
        bench.launches.finish(form, begun.cookies)
    assert caught.value.platform_error == kept
    assert "<" not in str(caught.value)
    with pytest.raises(LoginStateConsumedError):
        bench.launches.finish(form, begun.cookies)


def test_a_registration_disabled_during_the_login(bench: Bench) -> None:
    begun = bench.begin()
    with bench.database.write() as session:
        disable_registration(session, "Lakeside", NOW)
    with pytest.raises(PlatformDisabledError):
        bench.launches.finish(bench.form(begun), begun.cookies)
    with pytest.raises(LoginStateConsumedError):
        bench.launches.finish(bench.form(begun), begun.cookies)


def test_a_registration_that_is_enabled_again_is_served_at_once(bench: Bench) -> None:
    begun, refused = bench.begin(), bench.begin()
    with bench.database.write() as session:
        disable_registration(session, "Lakeside", NOW)
    with pytest.raises(PlatformDisabledError):
        bench.launches.finish(bench.form(refused), refused.cookies)
    with bench.database.write() as session:
        session.execute(update(Registration).values(disabled_at=None))
    assert bench.launches.finish(bench.form(begun), begun.cookies).registration_id == 1


def test_a_token_of_another_registration_with_the_same_keys(bench: Bench) -> None:
    """Hosted platforms share issuer and keys among schools: the client id of the login decides."""
    register(bench.database, name="Hillside", client_id="client-2", deployment_ids=["d-2"])
    begun = bench.begin()
    with pytest.raises(LaunchError) as caught:
        bench.launches.finish(bench.form(begun, {"aud": "client-2", f"{CLAIM}deployment_id": "d-2"}), begun.cookies)
    assert caught.value.code == "token_audience"


def test_a_deployment_of_another_registration_is_not_ours(bench: Bench) -> None:
    register(bench.database, name="Hillside", client_id="client-2", deployment_ids=["d-2"])
    with pytest.raises(DeploymentPendingError):
        launch_into(bench, "d-2")


def test_a_launch_needs_few_statements(bench: Bench, engine: Engine) -> None:
    launch_into(bench, "d-1")
    begun = bench.begin()
    form = bench.form(begun)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    bench.launches.finish(form, begun.cookies)
    assert [one.split()[0] for one in statements if not one.startswith("BEGIN")] == ["UPDATE"]
    assert bench.host.fetched == [f"{ISSUER}/jwks"]


# -- deployments ------------------------------------------------------------------------------------------------------


def launch_into(bench: Bench, deployment_id: str) -> Any:
    begun = bench.begin()
    return bench.launches.finish(bench.form(begun, {f"{CLAIM}deployment_id": deployment_id}), begun.cookies)


def deployments(bench: Bench) -> dict[str, tuple[str, str]]:
    with bench.database.read() as session:
        rows = session.scalars(select(Deployment)).all()
        return {row.deployment_id: (row.state.value, row.organization.name) for row in rows}


def test_an_unknown_deployment_waits_for_an_admin(bench: Bench) -> None:
    for _ in range(2):
        with pytest.raises(DeploymentPendingError):
            launch_into(bench, "d-2")
    assert deployments(bench) == {"d-1": ("active", "Lakeside"), "d-2": ("pending", "Lakeside")}
    with bench.database.write() as session:
        session.execute(update(Deployment).values(state=DeploymentState.ACTIVE))
    assert launch_into(bench, "d-2").organization_id == launch_into(bench, "d-1").organization_id


def test_the_first_deployment_is_accepted_once(engine: Engine) -> None:
    bench = Bench(Database(engine), deployment_ids=[])
    first = launch_into(bench, "d-1")
    with bench.database.read() as session:
        assert session.scalars(select(Organization.id)).all() == [first.organization_id]
        assert not session.scalars(select(Registration.accepts_first_deployment)).one()
    with pytest.raises(DeploymentPendingError):
        launch_into(bench, "d-2")
    assert deployments(bench) == {"d-1": ("active", "Lakeside"), "d-2": ("pending", "Lakeside")}


def test_a_deployment_of_a_platform_with_several_tenants_gets_one_of_its_own(bench: Bench) -> None:
    with bench.database.write() as session:
        other = Organization(name="Hillside", created_at=NOW)
        session.add(other)
        session.flush()
        session.add(
            Deployment(
                registration_id=bench.registration_id,
                organization_id=other.id,
                deployment_id="d-2",
                state=DeploymentState.ACTIVE,
                created_at=NOW,
            )
        )
    with pytest.raises(DeploymentPendingError):
        launch_into(bench, "d-3")
    with bench.database.read() as session:
        tenants = session.scalars(select(Deployment.organization_id)).all()
    assert len(set(tenants)) == 3


def test_a_disabled_deployment(bench: Bench) -> None:
    with bench.database.write() as session:
        session.execute(update(Deployment).values(state=DeploymentState.DISABLED))
    with pytest.raises(DeploymentDisabledError):
        launch_into(bench, "d-1")


def test_a_badly_signed_launch_leaves_no_deployment(engine: Engine) -> None:
    bench = Bench(Database(engine), deployment_ids=[])
    begun = bench.begin()
    form = bench.form(begun, {"nonce": "another"})
    with pytest.raises(LaunchError):
        bench.launches.finish(form, begun.cookies)
    assert deployments(bench) == {}


def test_many_first_launches_accept_one_deployment(any_engine: Engine) -> None:
    bench = Bench(Database(any_engine), deployment_ids=[])
    logins = [bench.begin() for _ in range(8)]
    forms = [bench.form(one, {f"{CLAIM}deployment_id": f"d-{number % 2}"}) for number, one in enumerate(logins)]
    together = threading.Barrier(len(forms))

    def post(number: int) -> str:
        together.wait()
        try:
            bench.launches.finish(forms[number], logins[number].cookies)
        except DeploymentPendingError:
            return "pending"
        return "active"

    with ThreadPoolExecutor(len(forms)) as pool:
        answers = list(pool.map(post, range(len(forms))))
    assert sorted(state for state, _ in deployments(bench).values()) == ["active", "pending"]
    assert sorted(answers) == ["active"] * 4 + ["pending"] * 4


# -- replay -----------------------------------------------------------------------------------------------------------


def test_of_twenty_equal_posts_one_succeeds(any_engine: Engine) -> None:
    bench = Bench(Database(any_engine))
    begun = bench.begin()
    form = bench.form(begun)
    together = threading.Barrier(20)

    def post(_number: int) -> str:
        together.wait()
        try:
            bench.launches.finish(form, begun.cookies)
        except LaunchError as error:
            return error.code
        return "accepted"

    with ThreadPoolExecutor(20) as pool:
        answers = sorted(pool.map(post, range(20)))
    assert answers == ["accepted"] + ["launch_replayed"] * 19


def test_the_state_is_used_up_before_the_browser_is_checked(bench: Bench) -> None:
    begun = bench.begin()
    with pytest.raises(CookiesBlockedError):
        bench.launches.finish(bench.form(begun), {})
    with bench.database.read() as session:
        assert session.scalars(select(LoginState.consumed_at)).one() == NOW
    with pytest.raises(LoginStateConsumedError):
        bench.launches.finish(bench.form(begun), begun.cookies)


# -- the library is fenced --------------------------------------------------------------------------------------------

REPLACED = [
    "validate",
    "validate_state",
    "validate_jwt_format",
    "validate_jwt_signature",
    "validate_nonce",
    "validate_message",
    "save_launch_data",
    "get_client_id",
]
NEVER_CALLED = [name for name in REPLACED if name != "validate"] + [
    "get_public_key",
    "fetch_public_key",
    "urlsafe_b64decode",
    "from_cache",
]


def test_the_library_runs_the_launch_without_its_weak_checks(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calling plain ``MessageLaunch`` anywhere on the way fails here; leaving the library out fails here as well."""
    calls: list[str] = []

    def bypassed(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("a check of the library ran instead of this tool's")

    def counted(owner: type, name: str) -> None:
        original = getattr(owner, name)

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            calls.append(f"{owner.__name__}.{name}")
            return original(self, *args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    for name in [*NEVER_CALLED, "validate"]:
        monkeypatch.setattr(MessageLaunch, name, bypassed)
    counted(MessageLaunch, "validate_registration")
    counted(MessageLaunch, "validate_deployment")
    counted(ResourceMessageValidator, "validate")
    for name in [*REPLACED[:-2], "validate_registration", "validate_times", "validate_deployment"]:
        counted(ToolMessageLaunch, name)

    assert launch_into(bench, "d-1").platform_user_id == "5"
    assert calls == [
        "ToolMessageLaunch.validate",
        "ToolMessageLaunch.validate_state",
        "ToolMessageLaunch.validate_jwt_format",
        "ToolMessageLaunch.validate_jwt_signature",
        "ToolMessageLaunch.validate_registration",
        "MessageLaunch.validate_registration",
        "ToolMessageLaunch.validate_times",
        "ToolMessageLaunch.validate_nonce",
        "ToolMessageLaunch.validate_deployment",
        "MessageLaunch.validate_deployment",
        "ToolMessageLaunch.validate_message",
        "ResourceMessageValidator.validate",
    ]


def test_every_weak_check_is_replaced() -> None:
    assert set(REPLACED) <= set(vars(ToolMessageLaunch))


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def _calls(tree: ast.Module, name: str) -> bool:
    return any(
        isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == name for one in ast.walk(tree)
    )


def test_launches_are_verified_in_one_place() -> None:
    assert [path for path, tree in _sources() if _calls(tree, "VerifiedLaunch")] == ["lti/verified_launch.py"]
    assert [path for path, tree in _sources() if _calls(tree, "read_launch")] == ["lti/message_launch.py"]
    assert [path for path, tree in _sources() if _calls(tree, "ToolMessageLaunch")] == ["lti/launch.py"]
    assert [path for path, tree in _sources() if path.startswith("lti/") and _calls(tree, "MessageLaunch")] == []
    assert [path for path, tree in _sources() if _calls(tree, "SignedClaims")] == [
        "lti/id_token.py",
        "lti/message_launch.py",
    ]


def test_the_library_is_imported_behind_lti_only() -> None:
    importing = {
        path
        for path, tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "pylti1p3" in (getattr(node, "module", None) or " ".join(one.name for one in node.names))
    }
    assert importing
    assert all(path.startswith("lti/") for path in importing)
