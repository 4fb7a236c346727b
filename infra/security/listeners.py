"""The secured broker's lines of ``server.properties``: no port without TLS, no action without a name.

Clients log in with a password over TLS. The broker speaks with itself, and with its controller, over two ports of the
loopback address that take its own certificate only.
"""

from __future__ import annotations

from pathlib import Path

from infra.security.rights import super_users


def secured(port: int, node_port: int, controller_port: int, home: Path) -> str:
    """Listeners and rights; ``home`` holds the certificates. The last line is ours, as Kafka ignores it."""
    return f"""\
listeners=CLIENTS://127.0.0.1:{port},NODE://127.0.0.1:{node_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=CLIENTS://127.0.0.1:{port},NODE://127.0.0.1:{node_port}
listener.security.protocol.map=CLIENTS:SASL_SSL,NODE:SSL,CONTROLLER:SSL
inter.broker.listener.name=NODE
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.clients.ssl.keystore.location={home / "server.pem"}
listener.name.clients.ssl.client.auth=none
listener.name.node.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={home / "node.pem"}
ssl.truststore.type=PEM
ssl.truststore.location={home / "ca.pem"}
ssl.enabled.protocols=TLSv1.3,TLSv1.2
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users={super_users()}
maritime.node.port={node_port}
"""
