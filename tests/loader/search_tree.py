"""Libraries that need one another along search paths, for questions of what is found where."""

from __future__ import annotations

from pathlib import Path

from tests.loader.elfwriter import ElfWriter


def put(folder: Path, name: str, **details: object) -> None:
    """A library, with these details of `ElfWriter`."""
    (folder / name).write_bytes(ElfWriter(**details).build())  # type: ignore[arg-type]


def search_tree(folder: Path) -> None:
    """`wants` needs `file` by its DT_SONAME; `rpath` and `both` need inner/`middle`, which needs inner/`deep`: the one by
    DT_RPATH, the other with a DT_RUNPATH beside it that leads nowhere."""
    inner = folder / "inner"
    inner.mkdir()
    put(folder, "file.so", soname="real.so")
    put(folder, "wants.so", needed=("real.so",))
    put(inner, "deep.so")
    put(inner, "middle.so", needed=("deep.so",))
    put(folder, "rpath.so", needed=("middle.so",), rpath="$ORIGIN/inner")
    put(folder, "both.so", needed=("middle.so",), rpath="$ORIGIN/inner", runpath="/nowhere")
