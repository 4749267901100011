"""Where scenarios lie: folders named on the command line, `traces` in the current folder, and those that come with emuload."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emuload.scenarios.description import DESCRIPTION, Scenario, ScenarioError, read

HERE = Path("traces")
"""The current folder's scenarios: in a checkout of emuload, those that are kept."""

_INSTALLED = Path(__file__).with_name("traces")
_CHECKOUT = Path(__file__).parents[2] / "traces"


def shipped() -> Path:
    """The folder of the scenarios that come with emuload: in the package, or at the top of a checkout."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def find(names: Sequence[str]) -> list[Scenario]:
    """The scenarios of these folders or names; without names all of the current folder and all shipped ones.

    A name means the current folder's scenario before the shipped one. Raises ScenarioError.
    """
    if not names:
        folders = {folder.name: folder for root in (shipped(), HERE) for folder in _folders(root)}
        return [read(folder) for _, folder in sorted(folders.items())]
    return [read(_folder(name)) for name in names]


def find_here(names: Sequence[str]) -> list[Scenario]:
    """The scenarios of these folders, or of these names under `traces` here; all of `traces` without names.

    Raises ScenarioError.
    """
    folders = [Path(name) for name in names]
    if not all((folder / DESCRIPTION).is_file() for folder in folders) or not folders:
        here = _folders(HERE)
        if not here:
            words = f"there is no scenario here: no {HERE}/*/{DESCRIPTION}; traces are updated in a checkout of emuload"
            raise ScenarioError(HERE, "", words)
        if not folders:
            return [read(folder) for folder in here]
    return [read(folder if (folder / DESCRIPTION).is_file() else HERE / folder) for folder in folders]


def _folders(root: Path) -> list[Path]:
    return sorted(path.parent for path in root.glob(f"*/{DESCRIPTION}"))


def _folder(name: str) -> Path:
    candidates = (Path(name), HERE / name, shipped() / name)
    for folder in candidates:
        if (folder / DESCRIPTION).is_file():
            return folder
    raise ScenarioError(Path(name), "", "there is no such scenario: `emuload scenarios` lists them")
