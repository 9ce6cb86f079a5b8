"""For the people who run it: alive (``/healthz``), ready (``/readyz``), and figures for Prometheus (``/metrics``)."""

import os
import time
from collections.abc import Iterator
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g, jsonify, make_response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from lti_tool.services import health
from lti_tool.web.access import machine
from lti_tool.web.current import services

blueprint = Blueprint("health", __name__)
METRICS = "lti_badges_metrics"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client: a folder in which several web processes add their figures up."""


class Metrics:
    """The figures this process counts itself; rows are counted in the database when somebody asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lti_badges_requests", "Answered requests", ["method", "endpoint", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "lti_badges_request_seconds", "Time to answer", ["endpoint"], buckets=SECONDS, registry=self.registry
        )
        self.launches = Counter(
            "lti_badges_launches",
            "Launches by result: accepted, or the code of the refusal",
            ["result"],
            registry=self.registry,
        )


class StoredCounts(Collector):
    """Rows by state."""

    def collect(self) -> Iterator[Metric]:
        """Count now."""
        with services().database.read() as session:
            counts = health.count(session)
        waiting = GaugeMetricFamily("lti_badges_pending_deployments", "Deployments that wait for an admin")
        waiting.add_metric([], counts.pending_deployments)
        yield waiting
        for name, by_state in (
            ("sync_runs", counts.sync_runs),
            ("deliveries", counts.deliveries),
            ("scores", counts.scores),
        ):
            family = GaugeMetricFamily(f"lti_badges_{name}", f"Rows by state: {name}", labels=["state"])
            for state, number in by_state.items():
                family.add_metric([state], number)
            yield family


def metrics() -> Metrics:
    """Return the application's figures."""
    return cast("Metrics", current_app.extensions[METRICS])


def init_app(app: Flask) -> None:
    """Count every request."""
    app.extensions[METRICS] = Metrics()
    app.before_request(_start)
    app.after_request(_count)


def _start() -> None:
    g.started = time.perf_counter()


def seconds_so_far() -> float:
    """Return how long this request has taken; 0.0 when it never began."""
    return time.perf_counter() - g.started if "started" in g else 0.0


def _count(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    metrics().requests.labels(request.method, endpoint, str(response.status_code)).inc()
    metrics().seconds.labels(endpoint).observe(seconds_so_far())
    return response


@blueprint.get("/healthz")
@machine
def alive() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@machine
def ready() -> Response:
    """The database answers and has the newest schema; 503 with the reason otherwise."""
    try:
        reason = None if services().database.is_ready() else "schema_outdated"
    except SQLAlchemyError:
        reason = "database_unreachable"
    if reason is None:
        return jsonify(status="ok")
    response = jsonify(status="unavailable", error=reason)
    response.status_code = 503
    return response


@blueprint.get("/metrics")
@machine
def figures() -> Response:
    """Figures in Prometheus' text format; no ids, names or addresses. Keep it inside your network all the same."""
    stored = CollectorRegistry()
    stored.register(StoredCounts())
    counted = metrics().registry
    if os.environ.get(SHARED_FOLDER):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    response = make_response(generate_latest(counted) + generate_latest(stored))
    response.headers["Content-Type"] = CONTENT_TYPE_LATEST
    return response
