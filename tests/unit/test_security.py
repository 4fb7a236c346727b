"""What `maritime security` makes, and the words for a refusal; without a broker."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import KafkaError
from pydantic import SecretStr

from contracts.errors import AccessError, ConfigurationError
from contracts.settings import Settings
from infra import audit_log
from infra.kafka import client_config, producer_config, spark_options
from infra.security import material
from infra.security.certificates import read_certificate
from infra.security.refusals import Watch
from maritime.security import security

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `maritime security` in this test's home."""
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    return lambda *arguments: CliRunner().invoke(security, arguments)


def test_init_makes_files_for_their_owner_alone_and_prints_no_password(settings: Settings, run: Run) -> None:
    done = run("init", "--host", "kafka.fleet.example")
    shown = run("show", "--json")

    home = settings.security_home
    names = {"ca.pem", "ca.key", "server.pem", "node.pem", "producer.env", "consumer.env", "admin.env"}
    assert {path.name for path in home.iterdir()} == names
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    passwords = {material.stored_login(settings, user).password.get_secret_value() for user in material.USERS}
    assert len(passwords) == 3
    assert not [password for password in passwords if password in done.output + shown.output]
    server = json.loads(shown.stdout)["certificates"][1]
    assert server["hosts"] == ["127.0.0.1", "localhost", "kafka.fleet.example"]


def test_init_a_second_time_changes_nothing_and_says_what_to_do(settings: Settings, run: Run) -> None:
    run("init")
    before = {path: path.read_bytes() for path in settings.security_home.iterdir()}

    again = run("init")

    assert again.exit_code == 2
    assert "To begin anew" in again.output
    assert {path: path.read_bytes() for path in settings.security_home.iterdir()} == before


def test_every_act_of_security_is_in_the_audit_log(settings: Settings, run: Run) -> None:
    for act in (("init",), ("renew",), ("password", "consumer")):
        assert run(*act).exit_code == 0

    lines = (settings.audit_home / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["act"] for line in lines] == ["security init", "security renew", "security password"]
    assert audit_log.verify(settings).is_sound


def test_renewed_certificates_are_for_the_same_hosts_and_from_the_same_authority(settings: Settings, run: Run) -> None:
    run("init", "--host", "kafka.fleet.example")
    before = material.certificates(settings)
    run("renew")
    after = material.certificates(settings)

    assert [found.hosts for found in after] == [found.hosts for found in before]
    assert [a.sha256 == b.sha256 for a, b in zip(after, before, strict=True)] == [True, False, False]
    authority = read_certificate((settings.security_home / "ca.pem").read_bytes())
    read_certificate((settings.security_home / "server.pem").read_bytes()).verify_directly_issued_by(authority)


def test_each_client_is_the_user_of_its_role_and_no_more(settings: Settings, run: Run) -> None:
    assert "sasl.username" not in client_config(settings)
    run("init")

    assert client_config(settings)["sasl.username"] == "consumer"
    assert producer_config(settings)["sasl.username"] == "producer"
    assert client_config(settings, "admin")["sasl.username"] == "admin"
    assert producer_config(settings)["security.protocol"] == "SASL_SSL"
    assert producer_config(settings)["ssl.ca.location"] == str(settings.security_home / "ca.pem")


def test_passwords_of_this_home_are_not_sent_to_another_cluster(settings: Settings, run: Run) -> None:
    run("init")

    assert "sasl.password" not in client_config(settings.model_copy(update={"kafka_servers": "kafka.example.org:9092"}))


def test_a_user_of_the_settings_goes_before_those_of_the_home(settings: Settings, run: Run) -> None:
    run("init")
    given = "s3cret"
    named = settings.model_copy(update={"kafka_username": "fleet", "kafka_password": SecretStr(given)})

    assert producer_config(named)["sasl.username"] == "fleet"
    assert client_config(named, "admin")["sasl.password"] == given


def test_a_user_without_a_password_and_an_authority_without_a_file_are_refused(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="set both"):
        client_config(settings.model_copy(update={"kafka_username": "fleet"}))
    with pytest.raises(ConfigurationError, match="not a file"):
        client_config(settings.model_copy(update={"kafka_ca_file": settings.home / "nowhere.pem"}))


def test_a_new_password_is_another_one(settings: Settings, run: Run) -> None:
    run("init")
    before = material.stored_login(settings, "consumer").password
    run("password", "consumer")

    assert material.stored_login(settings, "consumer").password != before


def test_spark_gets_the_same_login_and_a_password_cannot_break_out_of_its_quotes(settings: Settings, run: Run) -> None:
    run("init")
    password = SecretStr('a"; evil="b\\')
    options = spark_options(settings.model_copy(update={"kafka_username": "fleet", "kafka_password": password}))

    assert options["kafka.security.protocol"] == "SASL_SSL"
    assert options["kafka.sasl.jaas.config"].endswith(r"""password="a\"; evil=\"b\\";""")  # pragma: allowlist secret
    assert options["kafka.ssl.truststore.certificates"].startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE KEY" not in str(options)


def test_an_expired_certificate_is_named_with_its_remedy(settings: Settings, run: Run) -> None:
    run("init")
    soon = datetime.now(UTC) + timedelta(days=396)

    material.refuse_expired(settings, soon)
    with pytest.raises(ConfigurationError, match=r"server.pem has expired .* `maritime security renew`"):
        material.refuse_expired(settings, soon + timedelta(days=2))


@pytest.mark.parametrize(
    ("code", "text", "sentence"),
    [
        (KafkaError._AUTHENTICATION, "invalid credentials", "does not know user fleet with this password"),
        (KafkaError._SSL, "certificate verify failed: certificate has expired", "has expired. Renew it"),
        (KafkaError._SSL, "certificate verify failed: IP address mismatch", "is not for that host"),
        (KafkaError._SSL, "broker certificate could not be verified", "not signed by an authority that we trust"),
        (KafkaError._SSL, "wrong version number", "does not speak TLS"),
        (KafkaError._TRANSPORT, "SSL handshake failed: connecting to a PLAINTEXT broker listener", "not speak TLS"),
        (KafkaError._TRANSPORT, "might be caused by incorrect security.protocol", "wants a login over TLS"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "", "user fleet may not write to x"),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, "", "user fleet may not read in this consumer group"),
    ],
)
def test_each_refusal_is_one_sentence_that_says_what_to_do(code: int, text: str, sentence: str) -> None:
    refusal = Watch("kafka:9092", "fleet").explain(KafkaError(code, text), "write to x")

    assert isinstance(refusal, AccessError)
    assert refusal.exit_code == 7
    assert sentence in str(refusal)


def test_a_broker_that_is_merely_away_is_no_refusal() -> None:
    watch = Watch("kafka:9092", "fleet")
    watch(KafkaError(KafkaError._AUTHENTICATION, "invalid credentials"))
    watch(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert watch.refusal is not None

    watch(KafkaError(KafkaError._TRANSPORT, "Connect to ipv4#127.0.0.1:9092 failed: Connection refused"))

    assert watch.refusal is None
    assert "Connection refused" in watch.last
