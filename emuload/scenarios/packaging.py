"""Puts the folders of traces/ into the package when a wheel or an sdist is built; pyproject.toml names the class.

They lie at the repository's top, where setuptools' search for packages does not reach them.
"""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py

PACKAGE = "emuload.scenarios.traces"
FOLDER = "traces"
SUFFIXES = (".md", ".toml", ".py", ".go", ".c", ".jsonl")


class BuildWithTraces(build_py):
    """setuptools' `build_py` with one more package, of data alone."""

    def get_source_files(self) -> list[str]:
        """The files for an sdist."""
        return [*super().get_source_files(), *map(str, _files())]

    def _get_data_files(self) -> list[tuple[str, str, str, list[str]]]:
        """(package, source folder, build folder, files) of each package, as setuptools reads it."""
        target = str(Path(self.build_lib, *PACKAGE.split(".")))
        return [*super()._get_data_files(), (PACKAGE, FOLDER, target, [str(path.relative_to(FOLDER)) for path in _files()])]


def _files() -> list[Path]:
    return [path for path in sorted(Path(FOLDER).rglob("*")) if path.suffix in SUFFIXES]
