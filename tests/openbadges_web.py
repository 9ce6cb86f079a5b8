"""Moments that tests of verifying share."""

from datetime import UTC, datetime

WHEN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
