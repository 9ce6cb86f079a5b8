"""The composition root: the one place that knows how the parts fit together."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lti_tool.backpacks.badge_connect import BadgeConnect
from lti_tool.backpacks.badgr import BadgrBackpack
from lti_tool.backpacks.badgr_issuing import BadgrIssuing
from lti_tool.backpacks.base import Backpack
from lti_tool.backpacks.ob3_api import OpenBadgesApi
from lti_tool.db import Database, make_engine
from lti_tool.evidence.ags import AgsSource
from lti_tool.evidence.assessor import AssessorSource
from lti_tool.evidence.base import EvidenceSource
from lti_tool.evidence.canvas import CanvasSource
from lti_tool.evidence.canvas_client import CanvasClient
from lti_tool.evidence.canvas_oauth import CanvasOAuth
from lti_tool.evidence.canvas_people import CanvasPeople
from lti_tool.evidence.csv_upload import CsvSource
from lti_tool.evidence.grants import Grants
from lti_tool.evidence.moodle import MoodleSource
from lti_tool.jobs.queue import Queue, make_queue
from lti_tool.lti.advantage import Advantage
from lti_tool.lti.keys import ToolKeys
from lti_tool.lti.launch import Launches
from lti_tool.lti.links import next_link
from lti_tool.lti.notices import NoticeReader
from lti_tool.lti.platform_keys import PlatformKeys
from lti_tool.lti.quirks import quirks_of
from lti_tool.lti.service_client import ServiceClient
from lti_tool.lti.service_health import ServiceHealth
from lti_tool.lti.service_requests import ServiceRequests
from lti_tool.outbound import HttpClient
from lti_tool.services.backpacks import BADGE_CONNECT, BADGR, OB3_API
from lti_tool.services.platform_calls import PlatformCalls
from lti_tool.services.platform_health import HealthNotes
from lti_tool.settings import Settings
from lti_tool.vault import Vault

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a page or a job may need; made once per process."""

    settings: Settings
    database: Database
    vault: Vault
    clock: Clock
    http: HttpClient
    tool_keys: ToolKeys
    launches: Launches
    notices: NoticeReader
    advantage: Advantage
    grants: Grants
    canvas_oauth: CanvasOAuth
    sources: tuple[EvidenceSource, ...]
    backpacks: Mapping[str, Backpack]
    badgr: BadgrIssuing
    queue: Queue


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def build_services(settings: Settings, *, clock: Clock = utc_now) -> Services:
    """Assemble the parts for one process; opens no connection yet."""
    database = Database(make_engine(settings.database_url))
    vault = Vault(settings.key_encryption_key)
    http = HttpClient(timeout=settings.http_timeout, allowed_private_hosts=settings.allowed_private_hosts)
    tool_keys = ToolKeys(database, vault, clock)
    platform_keys = PlatformKeys(database, http, clock)
    notes = HealthNotes(database, clock)
    client = ServiceClient(
        http, database, vault, tool_keys, clock, on_outcome=notes.on_outcome, on_token=notes.on_token
    )
    advantage = Advantage(client)
    grants = Grants(database, vault, http, clock)
    calls = PlatformCalls(ServiceRequests(http, ServiceHealth(clock), clock=clock, sleep=time.sleep))
    canvas_oauth = CanvasOAuth(calls, clock)
    canvas_client = CanvasClient(grants, canvas_oauth, calls, next_link)
    return Services(
        settings=settings,
        database=database,
        vault=vault,
        clock=clock,
        http=http,
        tool_keys=tool_keys,
        launches=Launches(database, platform_keys, settings, clock),
        notices=NoticeReader(database, platform_keys, clock),
        advantage=advantage,
        grants=grants,
        canvas_oauth=canvas_oauth,
        sources=(
            AgsSource(advantage, lambda product: quirks_of(product).lists_foreign_columns),
            CanvasSource(canvas_client, CanvasPeople(database), clock),
            MoodleSource(calls, grants),
            CsvSource(),
            AssessorSource(),
        ),
        backpacks={
            OB3_API: OpenBadgesApi(http, now=clock),
            BADGE_CONNECT: BadgeConnect(http, now=clock),
            BADGR: BadgrBackpack(http, now=clock),
        },
        badgr=BadgrIssuing(http, now=clock),
        queue=make_queue(settings),
    )
