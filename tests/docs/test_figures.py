"""docs/figures.md is written by the benchmark."""

from __future__ import annotations

from tests.bench.figures_page import HEAD, PAGE, page, this_machine


def test_the_page_holds_the_rows_and_names_the_machine() -> None:
    text = page(["steady add(1, 2), amd64       50.0 us   at most 60 us"], 7, 600.0, this_machine())
    assert text.startswith("# Figures\n")
    assert "python -m tests.bench --write" in text
    assert "7 rounds of each measurement; 10 minutes in all." in text
    assert text.endswith("```\nsteady add(1, 2), amd64       50.0 us   at most 60 us\n```\n")


def test_the_page_in_the_checkout_has_figures() -> None:
    text = PAGE.read_text()
    assert text.startswith(HEAD.splitlines()[0])
    assert "steady add(1, 2)" in text
