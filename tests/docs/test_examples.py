"""The pages show what their examples print, apart from times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import toolchain
from tests.support.command_line import without_times
from tests.support.examples import PAGES, ROOT, Example, File, examples, prepare, read

SHOWN = list(examples())
QUOTED = [file for path in PAGES for file in read(path).files if file.quoted]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the examples use."""
    made = tmp_path_factory.mktemp("pages")
    toolchain.go_root("1.27")
    prepare(made)
    return made


def _named(block: Example | File) -> str:
    text = block.code if isinstance(block, Example) else block.name
    return f"{Path(block.page).name}: {text.splitlines()[0][:60]}"


@pytest.mark.parametrize("example", SHOWN, ids=_named)
def test_an_example_prints_what_its_page_shows(example: Example, folder: Path) -> None:
    assert _stable(example.run(folder)) == _stable(example.output)


@pytest.mark.parametrize("file", QUOTED, ids=_named)
def test_a_quotation_is_in_the_file_that_it_names(file: File) -> None:
    assert file.text in (ROOT / file.name).read_text()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_block_is_an_example_an_output_or_a_file(path: Path) -> None:
    if path.name != "figures.md":  # written by tests.bench
        assert read(path).rest == []


def test_the_readme_fits_on_a_screen_or_two() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 200
    assert "pip install . && emuload demo" in text
    assert "pip install '.[test]' && pytest" in text


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text()
    assert [path.name for path in PAGES[1:] if f"(docs/{path.name})" not in text] == []


def _stable(text: str) -> str:
    """Without times, virtual ones in milliseconds and those in events."""
    return "\n".join(line for line in without_times(text).splitlines() if not line.startswith("Row("))
