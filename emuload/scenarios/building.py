"""Builds a scenario's files, stripped and without the machine's paths, so that the bytes are the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from emuload.machine.targets import Target
from emuload.samples import toolchain
from emuload.scenarios.description import Scenario, Source

Builder = Callable[[Source, Target, Sequence[Path]], Path]
"""Builds one file for a target, given the built files that it links; returns its path, which ends in its own name."""


def build(source: Source, target: Target, linked: Sequence[Path], folder: Path, cache: Path) -> Path:
    """Build one file into `folder`. `cache` is for the compilers' own caches. Raises BuildError, ToolchainMissingError."""
    output = folder / source.name
    paths = [path.resolve() for path in source.sources]
    words = [*_link(linked), *(word for word in source.link if word.startswith("-"))]
    if source.kind == "go":
        toolchain.go_build(
            target, [path.name for path in paths], output, folder=paths[0].parent, cache=cache, stripped=True,
            cflags=source.flags, ldflags=words,
        )  # fmt: skip
        return output
    program = source.kind == "c-program"
    kind = ["-fPIE", "-pie"] if program else ["-fPIC", "-shared", f"-Wl,-soname,{source.name}"]
    flags = ["-g0", "-s", *kind, *source.flags]
    toolchain.c_build(target, paths, output, cache=cache, flags=flags, link=words)
    return output


def _link(libraries: Sequence[Path]) -> list[str]:
    return [word for path in libraries for word in (f"-L{path.parent}", f"-l:{path.name}")]


def build_all(scenario: Scenario, target: Target, builder: Builder) -> dict[str, Path]:
    """Build all files of a scenario; their paths by name. Raises the builder's errors."""
    made: dict[str, Path] = {}
    for source in scenario.files:
        made[source.name] = builder(source, target, [made[word] for word in source.link if word in made])
    return made


def versions() -> Mapping[str, str]:
    """The compilers' versions, for the header. Raises ToolchainMissingError."""
    toolchain.zig()
    return {"go": toolchain.go_version(toolchain.go_root()), "zig": metadata.version("ziglang")}


@dataclass
class FolderBuilder:
    """Builds into a folder, each file once."""

    folder: Path
    cache: Path
    _made: dict[object, Path] = field(default_factory=dict)

    def __call__(self, source: Source, target: Target, linked: Sequence[Path]) -> Path:
        """See `Builder`."""
        sources = tuple(path.resolve() for path in source.sources)
        key = (target, source.name, source.kind, sources, source.link, source.flags, tuple(linked))
        if key not in self._made:
            place = self.folder / str(len(self._made))
            place.mkdir(parents=True)
            self._made[key] = build(source, target, linked, place, self.cache)
        return self._made[key]
