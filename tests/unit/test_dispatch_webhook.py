"""The webhook sink against a real web server: where it may go, what it sends, and what it makes of the answers."""

from __future__ import annotations

import ipaddress
import json
import logging
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from consumers.dispatch.alerts import Poison, ReadAlert, read_alert
from consumers.dispatch.sinks import SinkFailedError, SinkRefusedError
from consumers.dispatch.targets import ForbiddenTargetError, lawful_address, parse_target, why_forbidden
from consumers.dispatch.webhook import WebhookSink, idempotency_key, webhook_of
from contracts.errors import ConfigurationError
from contracts.settings import Settings
from infra.security.certificates import new_authority, signed

SECRET = "s3cret-of-the-receiver"  # pragma: allowlist secret
PUBLIC = "93.184.216.34"


def alert(event_id: str = "alert-219000001-1700000000000-0badcafe") -> tuple[ReadAlert, bytes]:
    event = {
        "event_id": event_id, "event_type": "alert", "schema_version": 1, "source": "watch", "mmsi": 219_000_001,
        "observed_at_ms": 1_700_000_000_000, "rule": "speed", "severity": "warning", "message": "too fast",
        "added_later": 1,
    }  # fmt: skip
    raw = json.dumps(event).encode()
    found = read_alert(raw)
    assert not isinstance(found, Poison)
    return found, raw


def settings_for(settings: Settings, url: str, **more: Any) -> Settings:
    webhook = {"webhook_url": SecretStr(url), "webhook_secret": SecretStr(SECRET), "webhook_timeout_seconds": 0.5}
    return settings.model_copy(update=webhook | {"webhook_allow_private": True} | more)


def sink(settings: Settings, url: str, addresses: list[str] | None = None, **more: Any) -> WebhookSink:
    webhook = webhook_of(settings_for(settings, url, **more))
    return WebhookSink(webhook, lambda _host, _port: addresses) if addresses else WebhookSink(webhook)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"), ("::1", "loopback"), ("10.1.2.3", "private"), ("172.16.0.1", "private"),
        ("192.168.1.1", "private"), ("169.254.10.10", "link-local"), ("fe80::1", "link-local"), ("0.0.0.0", "private"),
        ("100.64.0.1", "private"), ("fd12::1", "private"), ("fec0::1", "private"), ("169.254.169.254", "metadata"),
        ("168.63.129.16", "metadata"), ("fd00:ec2::254", "metadata"), ("224.0.0.1", "multicast"),
        ("::ffff:127.0.0.1", "loopback"), ("::ffff:169.254.169.254", "metadata"), ("64:ff9b::7f00:1", "loopback"),
        ("2002:a9fe:a9fe::1", "metadata"), (PUBLIC, None), ("2606:2800:220:1::1", None),
    ],
)  # fmt: skip
def test_an_address_inside_the_operators_network_is_refused_however_it_is_written(address: str, kind: str) -> None:
    assert why_forbidden(ipaddress.ip_address(address), allow_private=False) == kind


def test_private_addresses_can_be_allowed_but_never_where_clouds_keep_their_secrets() -> None:
    judged = [why_forbidden(ipaddress.ip_address(text), allow_private=True) for text in ("127.0.0.1", "10.0.0.1")]

    assert judged == [None, None]
    assert why_forbidden(ipaddress.ip_address("169.254.169.254"), allow_private=True) == "metadata"
    assert why_forbidden(ipaddress.ip_address("::ffff:169.254.169.254"), allow_private=True) == "metadata"


def test_one_forbidden_address_among_lawful_ones_is_enough_to_refuse() -> None:
    target = parse_target("https://alerts.example/hook")

    with pytest.raises(ForbiddenTargetError, match=r"private address 10\.0\.0\.1"):
        lawful_address(target, allow_private=False, lookup=lambda _host, _port: [PUBLIC, "10.0.0.1"])
    assert lawful_address(target, allow_private=False, lookup=lambda _host, _port: [PUBLIC]) == PUBLIC


@pytest.mark.parametrize(
    "url",
    [
        "ftp://alerts.example/", "file:///etc/passwd", "alerts.example/hook", "http://",
        "https://user:pw@alerts.example/",  # pragma: allowlist secret
        "http://alerts.example:99999/", "http://alerts.example/a b", "http://alerts.example/\r\nX-Evil: 1",
    ],
)  # fmt: skip
def test_a_url_that_is_no_plain_web_address_is_refused_and_not_repeated(url: str, settings: Settings) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sink(settings, url)

    assert "MARITIME_WEBHOOK_URL" in str(caught.value)
    assert "pw@" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"]
)
def test_a_webhook_into_the_machine_itself_ends_the_command_before_it_reads(host: str, settings: Settings) -> None:
    webhook = sink(settings, f"http://{host}/token-in-the-path", webhook_allow_private=False)

    with pytest.raises(ConfigurationError, match="leads to the") as caught:
        webhook.check()

    assert "token-in-the-path" not in str(caught.value)


def test_a_name_that_leads_elsewhere_a_moment_later_is_not_followed_there(settings: Settings, receiver: Any) -> None:
    answers = [[PUBLIC], ["127.0.0.1"]]
    webhook = WebhookSink(
        webhook_of(settings_for(settings, f"http://rebind.example:{receiver.port}/", webhook_allow_private=False)),
        lambda _host, _port: answers.pop(0),
    )
    webhook.check()

    with pytest.raises(SinkFailedError, match="loopback") as caught:
        webhook.send(*alert())

    assert caught.value.is_outage
    assert receiver.came == []


def test_the_connection_goes_to_the_address_that_was_judged(settings: Settings, receiver: Any) -> None:
    asked: list[str] = []

    def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    url = f"http://no-such-host.invalid:{receiver.port}/hook?x=1"
    WebhookSink(webhook_of(settings_for(settings, url)), lookup).send(*alert())

    assert asked == ["no-such-host.invalid"]
    (_, _, headers), = receiver.came  # fmt: skip
    assert headers["Host"] == f"no-such-host.invalid:{receiver.port}"


def test_an_alert_is_posted_with_its_id_as_key_and_the_secret_and_its_bytes_as_they_came(
    settings: Settings, receiver: Any
) -> None:
    found, raw = alert()
    sink(settings, f"http://127.0.0.1:{receiver.port}/hook").send(found, raw)

    (key, body, headers), = receiver.came  # fmt: skip
    assert key == found.event_id
    assert body == raw
    assert json.loads(body)["event_id"] == found.event_id
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert headers["Content-Type"] == "application/json"


def test_an_id_cannot_smuggle_a_header_in() -> None:
    found, _ = alert("a\r\nX-Evil: é")

    assert idempotency_key(found) == "a%0D%0AX-Evil:%20%C3%A9"


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_an_answer_that_speaks_of_the_alert_is_a_refusal(status: int, settings: Settings, receiver: Any) -> None:
    receiver.answer = lambda _key: status

    with pytest.raises(SinkRefusedError, match=str(status)):
        sink(settings, f"http://127.0.0.1:{receiver.port}/").send(*alert())


@pytest.mark.parametrize(
    ("status", "is_outage"),
    [(301, True), (302, True), (307, True), (401, True), (404, True), (429, True), (500, False), (503, True)],
)
def test_any_other_answer_is_a_failure_and_a_redirect_is_not_followed(
    status: int, is_outage: bool, settings: Settings, receiver: Any
) -> None:
    receiver.answer = lambda _key: status

    with pytest.raises(SinkFailedError, match=str(status)) as caught:
        sink(settings, f"http://127.0.0.1:{receiver.port}/").send(*alert())

    assert caught.value.is_outage is is_outage
    assert len(receiver.came) == 1


def test_a_receiver_that_is_gone_or_silent_is_an_outage_within_its_time(
    settings: Settings, free_port: Callable[[], int]
) -> None:
    with pytest.raises(SinkFailedError, match="cannot be reached") as gone:
        sink(settings, f"http://127.0.0.1:{free_port()}/").send(*alert())
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(SinkFailedError, match="did not answer in time") as hung:
            sink(settings, f"http://127.0.0.1:{silent.getsockname()[1]}/").send(*alert())

    assert gone.value.is_outage
    assert hung.value.is_outage


@pytest.fixture
def tls_receiver(receiver: Any, tmp_path: Path) -> Any:
    """The receiver with a certificate for ``alerts.example``, and the authority's in ``ca.pem``."""
    now = datetime.now(UTC)
    authority = new_authority("A test's authority", now)
    (tmp_path / "ca.pem").write_bytes(authority.certificate_pem)
    (tmp_path / "server.pem").write_bytes(signed(authority, "alerts.example", ("alerts.example",), now))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
    return receiver


def test_a_certificate_must_be_the_names_and_of_an_authority_that_is_trusted(
    settings: Settings, tls_receiver: Any, tmp_path: Path
) -> None:
    url, here = f"https://alerts.example:{tls_receiver.port}/", ["127.0.0.1"]
    other = f"https://other.example:{tls_receiver.port}/"

    with pytest.raises(SinkFailedError, match=r"not trusted: .*self-signed"):
        sink(settings, url, here).send(*alert())
    with pytest.raises(SinkFailedError, match=r"not trusted: .*doesn't match 'alerts.example'"):
        sink(settings, other, here, webhook_ca_file=tmp_path / "ca.pem").send(*alert())
    assert tls_receiver.came == []
    sink(settings, url, here, webhook_ca_file=tmp_path / "ca.pem").send(*alert())
    assert len(tls_receiver.came) == 1


def test_neither_the_secret_nor_the_path_is_ever_shown(
    settings: Settings, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answer = lambda _key: 401
    configured = settings_for(settings, f"http://127.0.0.1:{receiver.port}/token-in-the-path")
    webhook = webhook_of(configured)

    with pytest.raises(SinkFailedError) as caught:
        WebhookSink(webhook).send(*alert())

    shown = f"{caught.value} {webhook} {webhook.target} {configured} {caplog.text}"
    assert SECRET not in shown
    assert "token-in-the-path" not in shown


def test_a_secret_that_no_header_can_carry_is_refused_and_not_repeated(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="MARITIME_WEBHOOK_SECRET") as caught:
        sink(settings, "http://127.0.0.1/", webhook_secret=SecretStr("two\nlines"))

    assert "two" not in str(caught.value)
