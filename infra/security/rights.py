"""What each user may do on the embedded broker, and how the broker learns of users and rights.

They are given to it over its own listener, by its own certificate, whenever it starts: so no password stands in its
configuration or on a command line, and a broker that was open before is secured with its records kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from contracts.errors import UnavailableError
from contracts.settings import Settings
from contracts.topics import TOPICS
from infra.security.material import NODE, USERS, stored_login

GROUP_PREFIX = "maritime-"
SCRAM_ITERATIONS = 8192
READY_SECONDS = 60.0


def super_users() -> str:
    """Who may do everything: the admin, and the broker itself by its own certificate. Never an anonymous one."""
    return f"User:admin;User:CN={NODE}"


def rights() -> list[AclBinding]:
    """Every right there is; what is not listed is refused. Writing and reading include seeing that a topic is there."""
    names = [name for topic in TOPICS for name in (topic.name, topic.dead_letter.name)]
    return [
        *(_right("producer", ResourceType.TOPIC, name, AclOperation.WRITE) for name in names),
        *(_right("consumer", ResourceType.TOPIC, name, AclOperation.READ) for name in names),
        _right("consumer", ResourceType.GROUP, GROUP_PREFIX, AclOperation.READ, ResourcePatternType.PREFIXED),
    ]


def provision(settings: Settings, node_port: int) -> None:
    """Tell the broker its users and their rights; doing it twice changes nothing.

    Args:
        settings: Whose home holds the users.
        node_port: Port of the listener that takes the broker's own certificate.

    Raises:
        UnavailableError: It did not take them in time.
    """
    client = AdminClient(_as_the_node(settings, node_port))
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
    logins = [stored_login(settings, user) for user in USERS]
    users: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(login.username, info, login.password.get_secret_value().encode())
        for login in logins
    ]
    _until_done(lambda: [f.result() for f in client.alter_user_scram_credentials(users).values()])
    _until_done(lambda: [f.result() for f in client.create_acls(rights()).values()])


def _until_done(act: Callable[[], object]) -> None:
    """A broker that has just opened its port may not yet have a leader for such things."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            act()
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise UnavailableError(f"The broker did not take its users: {error.args[0].str()}") from error
            time.sleep(0.2)
        else:
            return


def _as_the_node(settings: Settings, node_port: int) -> dict[str, str | int | float | bool]:
    home = settings.security_home
    return {
        "bootstrap.servers": f"127.0.0.1:{node_port}",
        "security.protocol": "SSL",
        "ssl.ca.location": str(home / "ca.pem"),
        "ssl.certificate.location": str(home / "node.pem"),
        "ssl.key.location": str(home / "node.pem"),
        "log_level": 0,
    }


def _right(
    user: str,
    kind: ResourceType,
    name: str,
    operation: AclOperation,
    pattern: ResourcePatternType = ResourcePatternType.LITERAL,
) -> AclBinding:
    return AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
