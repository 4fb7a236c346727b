"""A world of its own for the brokers: namespaces for network, mounts and processes, gone when the run is.

The run is started once more inside them, so no fault can reach anything else on the machine, and nothing is left
behind, however it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

NODES = (1, 2, 3)
HOST = "10.0.0.254"
TOOLS = ("unshare", "nsenter", "ip", "mount", "strace")
"""Debian has them in util-linux, mount, iproute2 and strace."""


def address(number: int) -> str:
    """Where a broker lives."""
    return f"10.0.0.{number}"


def missing() -> list[str]:
    """What keeps this machine from running it, in words; nothing where it can."""
    if sys.platform != "linux":
        return ["a Linux system"]
    who = [] if os.geteuid() == 0 else ["the rights of root, for namespaces and mounts"]
    return who + [f"the program {tool}" for tool in TOOLS if not shutil.which(tool)]


def run_inside(arguments: list[str]) -> int:
    """Run Python with these arguments inside new namespaces; its exit code. All of it ends when this process does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    outside = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.run([*outside, sys.executable, *arguments], check=False).returncode


def wire() -> None:
    """A bridge, and behind it a network namespace for each broker."""
    do("mount", "-t", "tmpfs", "tmpfs", "/run")  # where `ip netns` keeps its names
    do("ip", "link", "set", "lo", "up")
    do("ip", "link", "add", "brokers", "type", "bridge")
    do("ip", "addr", "add", f"{HOST}/24", "dev", "brokers")
    do("ip", "link", "set", "brokers", "up")
    for n in NODES:
        do("ip", "netns", "add", f"node{n}")
        do("ip", "link", "add", f"wire{n}", "type", "veth", "peer", "name", "eth0", "netns", f"node{n}")
        do("ip", "link", "set", f"wire{n}", "master", "brokers", "up")
        do("ip", "-n", f"node{n}", "addr", "add", f"{address(n)}/24", "dev", "eth0")
        do("ip", "-n", f"node{n}", "link", "set", "eth0", "up")
        do("ip", "-n", f"node{n}", "link", "set", "lo", "up")


def small_disk(folder: Path, megabytes: int) -> None:
    """Mount a small disk of its own there."""
    folder.mkdir(parents=True)
    do("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))


def remove_disk(folder: Path) -> None:
    """Take the disk away and give its memory back."""
    do("umount", "--lazy", str(folder))


def do(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, capture_output=True)
