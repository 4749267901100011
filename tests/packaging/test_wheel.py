"""The wheel and the sdist hold what an installed emuload needs, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support.examples import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytest.importorskip("setuptools", minversion="77")

SOURCES = ("emuload", "loader", "traces", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
BUILD = "import sys, setuptools.build_meta as backend; getattr(backend, sys.argv[1])(sys.argv[2])"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and an sdist, built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    copy = folder / "checkout"
    copy.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, copy / name)
    for what in ("build_wheel", "build_sdist"):
        command = [sys.executable, "-c", BUILD, what, str(folder)]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (file,) = built.glob("*.whl")
    return zipfile.ZipFile(file)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_the_two_packages_and_no_tests(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"emuload", "loader"}


def test_the_wheel_holds_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    files = {
        str(path.relative_to(ROOT))
        for package in ("emuload", "loader")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files - set(wheel.namelist()) == set()


def test_the_wheel_holds_what_is_built_the_rules_and_the_marker_of_types(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for folder, suffix in (
        ("emuload/libc/built/", ".so"),
        ("emuload/samples/built/", ".so.z"),
        ("emuload/scenarios/built/", ".xz"),
        ("emuload/machine/hooks/built/", ".bin"),
        ("emuload/trace/rulesets/", ".toml"),
        ("emuload/scenarios/traces/call-before-init/", ".jsonl"),
    ):
        assert any(name.startswith(folder) and name.endswith(suffix) for name in names), folder
    assert {"emuload/py.typed", "loader/py.typed"} <= names


def test_notice_and_licence_are_in_wheel_and_sdist(wheel: zipfile.ZipFile, built: Path) -> None:
    licences = {name.split(".dist-info/licenses/")[1] for name in wheel.namelist() if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}
    (file,) = built.glob("*.tar.gz")
    with tarfile.open(file) as sdist:
        names = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    assert {"LICENSE", "NOTICE", "README.md", "pyproject.toml", "emuload/libc/built/amd64.so"} <= names


def test_the_notice_names_every_folder_of_built_files() -> None:
    text = (ROOT / "NOTICE").read_text()
    folders = {path.parent for path in (ROOT / "emuload").rglob("built/*")}
    assert [str(folder) for folder in folders if f"{folder.relative_to(ROOT)}/" not in text] == []


def test_metadata(metadata: Message) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["Name"] == "emuload"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Keywords"].split(",") == project["keywords"]
    assert metadata.get_all("Classifier") == project["classifiers"]
    assert "Typing :: Typed" in project["classifiers"]


def test_versions_are_the_same_everywhere() -> None:
    import emuload

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert emuload.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()
