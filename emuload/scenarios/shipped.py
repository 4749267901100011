"""The scenarios' files as they come with emuload, built, so that the scenarios run where there are no compilers.

There is an archive for each sample's target, `built/NAME.xz`: one LZMA stream, since the files, mostly Go's runtime, are nearly
the same. It holds a line of JSON (the compilers' versions; key and size of each file), then the files. A key is a digest of all
that a file is built from, so that a changed source is never answered with an old file. `python -m emuload.scenarios.pack` writes
the archives.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from emuload.machine.targets import Target
from emuload.samples import SAMPLES
from emuload.scenarios.description import Scenario

BUILT = Path(__file__).with_name("built")


class Archive(NamedTuple):
    """Built files by their keys, and the versions of the compilers that built them."""

    compilers: Mapping[str, str]
    files: Mapping[str, bytes]

    def pack(self) -> bytes:
        """The archive's bytes before compression."""
        index = {"compilers": dict(self.compilers), "files": [[key, len(data)] for key, data in self.files.items()]}
        return json.dumps(index).encode() + b"\n" + b"".join(self.files.values())


def stored(sample: str) -> Path:
    """The archive of a sample's target."""
    return BUILT / f"{sample}.xz"


def load(sample: str) -> Archive:
    """Read an archive; a missing file gives an empty one."""
    if not stored(sample).is_file():
        return Archive({}, {})
    return unpack(lzma.decompress(stored(sample).read_bytes()))


def unpack(content: bytes) -> Archive:
    """The archive of what `Archive.pack` made."""
    head, _, data = content.partition(b"\n")
    index = json.loads(head)
    files, at = {}, 0
    for key, size in index["files"]:
        files[key] = data[at : at + size]
        at += size
    return Archive(index["compilers"], files)


def keys(scenario: Scenario, target: Target) -> dict[str, str]:
    """The key of each of a scenario's files, by its name."""
    made: dict[str, str] = {}
    for source in scenario.files:
        recipe = [
            *(target.name, source.name, source.kind, source.link, source.flags),
            [made[word] for word in source.link if word in made],
            [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in source.sources],
        ]
        made[source.name] = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()
    return made


class ShippedFiles:
    """Writes shipped files to a folder, to be run from there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._archives: dict[str, Archive] = {}

    def find(self, scenario: Scenario, sample: str, target: Target) -> tuple[dict[str, Path], Mapping[str, str]] | None:
        """A scenario's files by their names, and the compilers' versions; None if they must be built."""
        if sample not in SAMPLES:
            return None
        archive = self._archives.get(sample)
        if archive is None:
            archive = self._archives[sample] = load(sample)
        wanted = keys(scenario, target)
        if not all(key in archive.files for key in wanted.values()):
            return None
        return {name: self._write(name, key, archive.files[key]) for name, key in wanted.items()}, archive.compilers

    def _write(self, name: str, key: str, data: bytes) -> Path:
        path = self._folder / key / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path
