"""Toxiproxy before each broker: answers are lost on their way while requests still arrive."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from bench.faults.cluster import PROXIED_PORT, proxy_port, wait_until
from bench.faults.sandbox import HOST, NODES, address
from contracts.errors import UnavailableError
from contracts.settings import Settings

SOURCE = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
API = "http://127.0.0.1:8474"


def program(settings: Settings) -> Path:
    """Where the built program is kept."""
    return settings.cache.expanduser().absolute() / "toxiproxy-2.12.0" / "server"


def build(settings: Settings) -> str:
    """Build it by Go, once a user; why that was not possible, empty where it is there."""
    if program(settings).exists():
        return ""
    if not shutil.which("go"):
        return "Toxiproxy is built by Go, and the program go was not found"
    target = ["env", f"GOBIN={program(settings).parent}"]
    done = subprocess.run([*target, "go", "install", SOURCE], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"Toxiproxy was not built: {(done.stderr.splitlines() or ['?'])[-1]}"


class Proxies:
    """A proxy before each broker. Clients that begin at ``servers`` meet the brokers through them only."""

    servers = ",".join(f"{HOST}:{proxy_port(n)}" for n in NODES)

    def __init__(self) -> None:
        self._http = urllib3.PoolManager(retries=False, timeout=5.0)
        wait_until(self._answers, "Toxiproxy does not answer", 10)
        for n in NODES:
            upstream = f"{address(n)}:{PROXIED_PORT}"
            self._post("/proxies", name=f"node{n}", listen=f"{HOST}:{proxy_port(n)}", upstream=upstream, enabled=True)

    def lose_answers(self, number: int) -> None:
        """From now on nothing that this broker says arrives; what it is told does."""
        self._post(f"/proxies/node{number}/toxics", name="deaf", type="timeout", stream="downstream",
                   attributes={"timeout": 0})  # fmt: skip

    def reconnect(self, number: int) -> None:
        """Cut its connections, and let answers through again on new ones."""
        self._post(f"/proxies/node{number}", enabled=False)
        self._call("DELETE", f"/proxies/node{number}/toxics/deaf")
        self._post(f"/proxies/node{number}", enabled=True)

    def _answers(self) -> bool:
        try:
            return self._http.request("GET", f"{API}/version").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _post(self, path: str, **body: object) -> None:
        self._call("POST", path, json.dumps(body))

    def _call(self, method: str, path: str, body: str | None = None) -> None:
        answer = self._http.request(method, API + path, body=body, headers={"Content-Type": "application/json"})
        if answer.status >= 300:
            raise UnavailableError(f"Toxiproxy refused {method} {path}: {answer.data.decode()[:200]}")


@contextmanager
def proxies(settings: Settings) -> Iterator[Proxies]:
    """Run Toxiproxy while the block runs."""
    command = [str(program(settings)), "-host", "127.0.0.1", "-port", "8474"]
    with Path(os.devnull).open("wb") as nowhere:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=nowhere, stderr=nowhere)
        try:
            yield Proxies()
        finally:
            process.terminate()
            process.wait()
