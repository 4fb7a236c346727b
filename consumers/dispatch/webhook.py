"""The webhook sink: one POST per alert, to an address that was judged, with the alert's id as idempotency key."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass, field
from urllib.parse import quote

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError, TimeoutError

from consumers.dispatch.sinks import SinkFailedError, SinkRefusedError
from consumers.dispatch.targets import ForbiddenTargetError, Lookup, Target, addresses, lawful_address, parse_target
from contracts.errors import ConfigurationError
from contracts.events import Alert
from contracts.settings import Settings

REFUSALS = frozenset({400, 413, 415, 422})
"""The receiver has read the alert and will not have it. Any other refusal speaks of address, secret or load."""
READ_BYTES = 4_096
"""An answer up to this size is read, so that the connection can be used again; nothing in it is used."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where and how to send; made of the settings."""

    target: Target
    secret: str | None = field(repr=False)
    allow_private: bool
    timeout_seconds: float
    ca_file: str | None


def webhook_of(settings: Settings) -> Webhook:
    """The webhook that the settings name.

    Raises:
        ConfigurationError: None is named, or its URL or secret is unlawful.
    """
    if settings.webhook_url is None:
        raise ConfigurationError("--sink webhook needs MARITIME_WEBHOOK_URL.")
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None
    if secret is not None and not (secret.isascii() and secret.isprintable()):
        raise ConfigurationError("MARITIME_WEBHOOK_SECRET goes into a header: printable ASCII only.")
    ca_file = settings.webhook_ca_file
    if ca_file is not None and not ca_file.is_file():
        raise ConfigurationError(f"MARITIME_WEBHOOK_CA_FILE: {ca_file} is not a file.")
    return Webhook(
        target=parse_target(settings.webhook_url.get_secret_value()),
        secret=secret,
        allow_private=settings.webhook_allow_private,
        timeout_seconds=settings.webhook_timeout_seconds,
        ca_file=str(ca_file) if ca_file else None,
    )


class WebhookSink:
    """Posts alerts. Certificates are verified, redirects are not followed, no proxy is used."""

    name = "webhook"

    def __init__(self, webhook: Webhook, lookup: Lookup = addresses) -> None:
        self._webhook, self._lookup = webhook, lookup
        self._pool: urllib3.HTTPConnectionPool | None = None
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)  # below that it writes paths down

    def check(self) -> None:
        """Look at where the name leads, before anything is read from Kafka.

        Raises:
            ConfigurationError: To a forbidden address. A name that cannot be resolved just now is an outage.
        """
        try:
            self._judged_address()
        except ForbiddenTargetError as error:
            raise ConfigurationError(f"MARITIME_WEBHOOK_URL: {error}.") from None
        except OSError:
            return

    def send(self, alert: Alert, raw: bytes) -> None:
        """Post the alert's bytes; done when the receiver has answered 2xx.

        Raises:
            SinkFailedError: No answer, or one that says nothing against this alert.
            SinkRefusedError: The receiver refuses this alert.
        """
        target = self._webhook.target
        try:
            status = self._post(idempotency_key(alert), raw)
        except ForbiddenTargetError as error:
            raise SinkFailedError(f"{error}", is_outage=True) from None
        except SSLError as error:
            raise SinkFailedError(f"{target} is not trusted: {_tls_reason(error)}", is_outage=True) from None
        except (HTTPError, OSError) as error:
            is_late = isinstance(error, TimeoutError) and not isinstance(error, NewConnectionError)
            what = "did not answer in time" if is_late else f"cannot be reached: {type(error).__name__}"
            raise SinkFailedError(f"{target} {what}", is_outage=True) from None
        if status in REFUSALS:
            raise SinkRefusedError(f"{target} answered {status}")
        if not 200 <= status < 300:
            hint = "; redirects are not followed" if 300 <= status < 400 else ""
            is_outage = status != 500  # that one a single alert may cause, by what is in it
            raise SinkFailedError(f"{target} answered {status}{hint}", is_outage=is_outage)

    def _post(self, key: str, body: bytes) -> int:
        target = self._webhook.target
        default = {"http": 80, "https": 443}[target.scheme]
        host = f"[{target.host}]" if ":" in target.host else target.host
        headers = {
            "Host": host if target.port == default else f"{host}:{target.port}",
            "Content-Type": "application/json",
            "User-Agent": "maritimeiq",
            "Idempotency-Key": key,
        }
        if self._webhook.secret is not None:
            headers["Authorization"] = f"Bearer {self._webhook.secret}"
        response = self._connected().urlopen(
            "POST", target.path, body=body, headers=headers,
            redirect=False, retries=False, preload_content=False, decode_content=False,
        )  # fmt: skip
        response.read(READ_BYTES)
        if response.length_remaining == 0:
            response.release_conn()
        else:
            response.close()
        return int(response.status)

    def _connected(self) -> urllib3.HTTPConnectionPool:
        """A pool whose connections go to the address that was judged just now, whatever the name says later."""
        address = self._judged_address()
        if self._pool is None or self._pool.host != address:
            if self._pool is not None:
                self._pool.close()
            self._pool = _pool(self._webhook, address)
        return self._pool

    def _judged_address(self) -> str:
        return lawful_address(self._webhook.target, allow_private=self._webhook.allow_private, lookup=self._lookup)


def idempotency_key(alert: Alert) -> str:
    """The alert's id as a header can carry it: other characters than those of our own ids are percent-encoded."""
    return quote(alert.event_id, safe=":/.,+@=")


def _pool(webhook: Webhook, address: str) -> urllib3.HTTPConnectionPool:
    target, timeout = webhook.target, urllib3.Timeout(total=webhook.timeout_seconds)
    if target.scheme == "http":
        return urllib3.HTTPConnectionPool(address, target.port, timeout=timeout, maxsize=1)
    return urllib3.HTTPSConnectionPool(
        address,
        target.port,
        timeout=timeout,
        maxsize=1,
        cert_reqs="CERT_REQUIRED",
        ca_certs=webhook.ca_file,
        ssl_minimum_version=ssl.TLSVersion.TLSv1_2,
        server_hostname=target.host,  # the certificate must be the name's, though we connect to its address
        assert_hostname=target.host,
    )


def _tls_reason(error: SSLError) -> str:
    cause = error.args[0] if error.args else error
    return str(getattr(cause, "verify_message", "") or cause)
