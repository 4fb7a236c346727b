"""A refusal in our words. librdkafka tells of a wrong password or certificate only beside the matter, in its error
callback, while its answers are time-outs; so every client of ours listens there.
"""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

from confluent_kafka import KafkaError

from contracts.errors import AccessError
from contracts.settings import Settings
from infra.security.material import Role, login

_HINTS: tuple[tuple[str, str], ...] = (
    (
        "has expired",
        "its certificate has expired. Renew it: `maritime security renew`, then start the embedded broker again",
    ),
    (
        "mismatch",
        "its certificate is not for that host. Use a name that it holds, or make one with `maritime security init "
        "--host NAME`",
    ),
    (
        "verify failed|could not be verified|self.signed|unable to get local issuer",
        "its certificate is not signed by an authority that we trust. Name that authority's file with "
        "MARITIME_KAFKA_CA_FILE",
    ),
    (
        "wrong version number|PLAINTEXT broker listener",
        "it does not speak TLS. Unset MARITIME_KAFKA_USERNAME if it is an open broker, or name its TLS port",
    ),
)
PROBE_SECONDS = 5.0
GREETING_SECONDS = 1.0  # asked from within a client's callback, which must not stand still


class Watch:
    """Listens to one client's errors (``error_cb``).

    Attributes:
        last: The client's last complaint.
        refusal: What the other side refused, in our words; null when it refused nothing, or is merely away.
    """

    def __init__(self, servers: str = "", username: str | None = None, ca_file: Path | None = None) -> None:
        """Take what the sentences name, and the authority that the client trusts."""
        self.last = ""
        self.refusal: AccessError | None = None
        self._servers, self._username, self._ca_file = servers, username, ca_file

    @classmethod
    def of(cls, settings: Settings, role: Role) -> Watch:
        """For a client of this role."""
        user = login(settings, role)
        return cls(settings.kafka_servers, user.username, user.ca_file) if user else cls(settings.kafka_servers)

    def __call__(self, error: KafkaError) -> None:
        """Take one complaint; that all brokers are down follows from another, or hides that they speak only TLS."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            if self._username is None and _answers_tls(self._servers):
                self.refusal = self._wants_login()
            return
        self.last = error.str()
        self.refusal = self.explain(error)

    def explain(self, error: KafkaError, doing: str = "do this") -> AccessError | None:
        """What was refused, where the error says so.

        Args:
            error: Of a client, a message or an answer.
            doing: What was tried, as the end of "may not ...".
        """
        who = f"user {self._username}" if self._username else "a client without a user"
        at = f"Kafka at {self._servers}"
        code, text = error.code(), error.str()
        if code in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):
            names = "MARITIME_KAFKA_USERNAME and MARITIME_KAFKA_PASSWORD"
            return AccessError(f"{at} does not know {who} with this password. Check {names}.")
        if code == KafkaError._SSL or "SSL handshake failed" in text:
            return AccessError(f"{at} cannot be trusted: {_hint(_why(text, self._ca_file))}.")
        if code == KafkaError._TRANSPORT and "security.protocol" in text:
            return self._wants_login()
        if code in _RIGHTS:
            right = _RIGHTS[code].format(doing=doing)
            return AccessError(f"{at} refuses: {who} may not {right}. Use a user with that right.")
        return None

    def _wants_login(self) -> AccessError:
        names = "MARITIME_KAFKA_USERNAME and MARITIME_KAFKA_PASSWORD"
        return AccessError(f"Kafka at {self._servers} wants a login over TLS. Set {names}.")


_RIGHTS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "{doing}",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "read in this consumer group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "write or administer here",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "use this transactional id",
}


def _answers_tls(servers: str) -> bool:
    """Whether the first of the servers that answers is greeted in TLS: to a client without it, it only hangs up."""
    greeting = ssl.create_default_context()
    greeting.check_hostname, greeting.verify_mode = False, ssl.CERT_NONE
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), GREETING_SECONDS) as line:
                greeting.wrap_socket(line).close()
                return True
        except (OSError, ValueError):
            continue
    return False


def _why(text: str, ca_file: Path | None) -> str:
    """What is wrong with a certificate: librdkafka says only that it is not good, so we look at it ourselves."""
    broker = re.search(r"//([^/]+):(\d+)/", text)
    if broker is None or "verify" not in text:
        return text
    host, port = broker[1].strip("[]"), int(broker[2])
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    try:
        with socket.create_connection((host, port), PROBE_SECONDS) as line:
            context.wrap_socket(line, server_hostname=host).close()
            return text
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message)
    except OSError:
        return text


def _hint(text: str) -> str:
    for marks, sentence in _HINTS:
        if re.search(marks, text, re.IGNORECASE):
            return sentence
    return f"no TLS connection came about ({text})"
