"""Which version of a stream has written its checkpoint: noted in the checkpoint, so that it moves and is kept with it.

Not in its path: a program that does not know a checkpoint would then begin a new one, and read everything again.
"""

from __future__ import annotations

from pyarrow import fs

from contracts.errors import ContractError
from contracts.settings import Settings

FILE = "flow_version"
BEFORE_NOTES = 1
"""Version of the streams whose checkpoints have no note: of releases that made none."""


def check(settings: Settings, stream: str, versions: tuple[int, ...]) -> None:
    """See that the stream can go on from its checkpoint, if it has one.

    Args:
        settings: Where the checkpoints are.
        stream: The stream.
        versions: Those from whose checkpoints it can go on, its own last.

    Raises:
        ContractError: The checkpoint is of another version; the sentence says what to do.
    """
    system, path = fs.FileSystem.from_uri(f"{settings.checkpoints}/{stream}")
    if system.get_file_info(f"{path}/metadata").type == fs.FileType.NotFound:
        return
    version = _noted(system, path)
    if version in versions:
        return
    told = (
        f"The stream {stream} was not started, nothing was written: its checkpoint is of version {version} of the "
        f"stream, and this program has version {versions[-1]}"
    )
    if version > versions[-1]:
        raise ContractError(f"{told}. Run the release that wrote it, or a later one.")
    room, _, topic = stream.partition(".")
    command = f"maritime recover {room}" + ("" if room == "gold" else f" --topic {topic}")
    raise ContractError(
        f"{told}, which cannot go on from it. Let the release that wrote it read to the end, rename the folder "
        f"{settings.checkpoints}/{stream}, and `{command}` goes on from the ledger."
    )


def note(settings: Settings, stream: str, version: int) -> None:
    """Write down that this version of the stream has its checkpoint now; the stream has been started."""
    system, path = fs.FileSystem.from_uri(f"{settings.checkpoints}/{stream}")
    if system.get_file_info(f"{path}/{FILE}").type == fs.FileType.NotFound or _noted(system, path) != version:
        with system.open_output_stream(f"{path}/{FILE}") as file:
            file.write(f"{version}\n".encode())


def _noted(system: fs.FileSystem, path: str) -> int:
    if system.get_file_info(f"{path}/{FILE}").type == fs.FileType.NotFound:
        return BEFORE_NOTES
    with system.open_input_stream(f"{path}/{FILE}") as file:
        return int(file.readall().decode())
