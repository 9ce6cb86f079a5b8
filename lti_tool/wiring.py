"""The composition root: the one place that knows how the parts fit together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lti_tool.backpacks.base import Backpack
from lti_tool.backpacks.ob3_api import OpenBadgesApi
from lti_tool.db import Database, make_engine
from lti_tool.evidence.ags import AgsSource
from lti_tool.evidence.base import EvidenceSource
from lti_tool.jobs.queue import Queue, make_queue
from lti_tool.lti.advantage import Advantage
from lti_tool.lti.keys import ToolKeys
from lti_tool.lti.launch import Launches
from lti_tool.lti.notices import NoticeReader
from lti_tool.lti.platform_keys import PlatformKeys
from lti_tool.lti.service_client import ServiceClient
from lti_tool.outbound import HttpClient
from lti_tool.services.backpacks import OB3_API
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
    sources: tuple[EvidenceSource, ...]
    backpacks: Mapping[str, Backpack]
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
        sources=(AgsSource(advantage),),
        backpacks={OB3_API: OpenBadgesApi(http, now=clock)},
        queue=make_queue(settings),
    )
