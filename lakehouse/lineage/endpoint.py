"""An OpenLineage HTTP endpoint: one POST per event. What fails is counted; nothing waits for it."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from contracts.errors import ConfigurationError
from contracts.settings import Settings
from lakehouse.lineage.events import Event

TIMEOUT_SECONDS = 5.0
PAUSE_SECONDS = 30.0
"""After a failure nothing is posted for so long: an endpoint that is away must not take 5 s of each event's time."""


@dataclass(slots=True)
class Endpoint:
    """Where events are posted, and how that goes."""

    url: str
    api_key: str | None = field(repr=False)
    posted: int = 0
    failed: int = 0
    last_error: str | None = None
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=TIMEOUT_SECONDS))
    _paused_until: float = 0.0

    def post(self, event: Event) -> None:
        """Post an event, once; redirects are not followed."""
        if time.monotonic() < self._paused_until:
            self.failed += 1
            return
        error = self._send(json.dumps(event).encode())
        if error is None:
            self.posted += 1
            return
        self.failed += 1
        self.last_error = error
        self._paused_until = time.monotonic() + PAUSE_SECONDS

    def _send(self, body: bytes) -> str | None:
        headers = {"Content-Type": "application/json", "User-Agent": "maritimeiq"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        try:
            answer = self._pool.request("POST", self.url, body=body, headers=headers, redirect=False, retries=False)
        except HTTPError as error:
            return f"no answer: {type(error).__name__}"
        return None if 200 <= answer.status < 300 else f"answered {answer.status}"


def endpoint_of(settings: Settings) -> Endpoint | None:
    """The endpoint that the settings name; null where they name none.

    Raises:
        ConfigurationError: It is no address of a web server, or a password stands in it.
    """
    if settings.openlineage_url is None:
        return None
    found = parse_url(settings.openlineage_url)
    if found.scheme not in ("http", "https") or not found.host:
        raise ConfigurationError("MARITIME_OPENLINEAGE_URL must be an http or https address.")
    if found.auth:
        raise ConfigurationError("MARITIME_OPENLINEAGE_URL: a password belongs in MARITIME_OPENLINEAGE_API_KEY.")
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # a failure is told by `maritime status`, not by a retry's log
    key = settings.openlineage_api_key
    return Endpoint(settings.openlineage_url, key.get_secret_value() if key else None)
