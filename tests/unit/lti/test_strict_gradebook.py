"""The strict platform's gradebook itself: it must refuse what a lax one lets pass."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from platforms.quirks import MOODLE, STANDARD
from platforms.strict import REMOVED, StrictPlatform
from platforms.strict_gradebook import LINE_ITEM_TYPE, SCORE_TYPE
from platforms.strict_tokens import Issued

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
SCORE = {
    "userId": "learner", "activityProgress": "Completed", "gradingProgress": "FullyGraded", "scoreGiven": 1,
    "scoreMaximum": 2, "timestamp": "2026-11-20T09:00:00.000+00:00",
}  # fmt: skip
ITEM = {"label": "Essay", "scoreMaximum": 10}


@pytest.fixture
def platform() -> Iterator[StrictPlatform]:
    """A platform with one column and a token for everything."""
    with StrictPlatform(STANDARD, clock=lambda: 1_800_000_000) as found:
        found.add_line_item("Badge")
        found.tokens["t"] = Issued(frozenset({AGS + "score", AGS + "lineitem"}), 2e9, found.client_id)
        yield found


def send(method: str, url: str, document: Any, media_type: str) -> int:
    """The status of a request with a JSON body."""
    headers = {"Authorization": "Bearer t", "Content-Type": media_type, "Accept": media_type}
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def score(platform: StrictPlatform, media_type: str = SCORE_TYPE, **changes: Any) -> int:
    """The answer to a score that differs from a good one."""
    document = {key: value for key, value in (SCORE | changes).items() if value is not REMOVED}
    return send("POST", platform.line_item_url(platform.columns[1]) + "/scores", document, media_type)


def test_a_good_score_is_taken(platform: StrictPlatform) -> None:
    assert score(platform) == 204
    assert platform.columns[1].scores == {"learner": 50}


@pytest.mark.parametrize(
    "changes",
    [{"userId": REMOVED}, {"userId": 5}, {"userId": ""}, {"activityProgress": REMOVED}, {"activityProgress": "Done"},
     {"gradingProgress": REMOVED}, {"gradingProgress": "fullyGraded"}, {"timestamp": REMOVED}, {"timestamp": "today"},
     {"timestamp": "2026-11-20T09:00:00.000"}, {"timestamp": "2026-11-20T09:00:00+00:00"}, {"timestamp": 5},
     {"scoreMaximum": REMOVED}, {"scoreMaximum": 0}, {"scoreGiven": -1}, {"scoreGiven": "1"}, {"scoreGiven": True},
     {"comment": 5}, {"submission": []}, {"submission": {"at": "x"}}, {"submission": {"startedAt": "x"}},
     {"new_submission": False}, {"userId": "nobody"}, {"userId": "teacher"}],
    ids=str,
)  # fmt: skip
def test_a_wrong_score_is_refused(platform: StrictPlatform, changes: dict[str, Any]) -> None:
    assert score(platform, **changes) == 422
    assert platform.scores == []


def test_time_only_goes_forward(platform: StrictPlatform) -> None:
    times = ["09:00:00.500", "09:00:00.500", "09:00:00.499", "09:00:00.501"]
    statuses = [score(platform, timestamp=f"2026-11-20T{one}+00:00") for one in times]
    assert statuses == [204, 409, 409, 204]


def test_moodle_counts_whole_seconds_and_caps() -> None:
    with StrictPlatform(MOODLE, clock=lambda: 1_800_000_000) as platform:
        platform.tokens["t"] = Issued(frozenset({AGS + "score"}), 2e9, platform.client_id)
        platform.add_line_item("Badge")
        url = platform.line_item_url(platform.columns[1]).replace("?", "/scores?")
        sent = [SCORE | {"userId": "4", "scoreGiven": 9, "timestamp": f"2026-11-20T09:00:{one}+00:00"} for one in
                ("00.100", "00.900", "01.000")]  # fmt: skip
        assert [send("POST", url, one, SCORE_TYPE) for one in sent] == [200, 409, 200]
        assert platform.columns[1].scores == {"4": 100}
        assert send("POST", url, SCORE, SCORE_TYPE) == 400  # nobody by that id


def test_media_types_and_scopes_are_exact(platform: StrictPlatform) -> None:
    assert score(platform, "application/json") == 415
    assert send("POST", platform.line_items_url, ITEM, "application/json") == 415
    platform.tokens["t"] = Issued(frozenset({AGS + "lineitem.readonly"}), 2e9, platform.client_id)
    assert score(platform) == 403
    assert send("POST", platform.line_items_url, ITEM, LINE_ITEM_TYPE) == 403
    assert send("DELETE", platform.line_item_url(platform.columns[1]), None, LINE_ITEM_TYPE) == 403
    assert send("GET", platform.line_item_url(platform.columns[1]), None, LINE_ITEM_TYPE) == 200


@pytest.mark.parametrize(
    "changes",
    [{"label": REMOVED}, {"label": ""}, {"label": 5}, {"scoreMaximum": REMOVED}, {"scoreMaximum": 0},
     {"scoreMaximum": "10"}, {"colour": "red"}, {"startDateTime": "2026-11-20T09:00:00"}, {"endDateTime": 5}],
    ids=str,
)  # fmt: skip
def test_a_wrong_line_item_is_refused(platform: StrictPlatform, changes: dict[str, Any]) -> None:
    document = {key: value for key, value in (ITEM | changes).items() if value is not REMOVED}
    assert send("POST", platform.line_items_url, document, LINE_ITEM_TYPE) == 422
    assert send("PUT", platform.line_item_url(platform.columns[1]), document, LINE_ITEM_TYPE) == 422
    assert [column.label for column in platform.columns.values()] == ["Badge"]


def test_a_put_replaces_everything_but_the_id(platform: StrictPlatform) -> None:
    platform.columns[1].tag = "kept only if sent"
    platform.columns[1].raw = {"https://x.example/a": 1}
    url = platform.line_item_url(platform.columns[1])
    assert send("PUT", url, ITEM | {"id": "https://evil.example/"}, LINE_ITEM_TYPE) == 200
    assert (platform.columns[1].tag, platform.columns[1].raw, platform.line_item_url(platform.columns[1])) == (
        None,
        {},
        url,
    )


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_what_is_no_object_is_refused(platform: StrictPlatform, body: Any) -> None:
    assert send("POST", platform.line_items_url, body, LINE_ITEM_TYPE) == 422
    assert send("POST", platform.line_item_url(platform.columns[1]) + "/scores", body, SCORE_TYPE) == 422
