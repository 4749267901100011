"""A test module or a helper is found by its name alone: no two have the same."""

from __future__ import annotations

from collections import Counter

from tests.support.examples import ROOT


def test_no_two_modules_of_the_tests_have_the_same_name() -> None:
    modules = [path.name for path in (ROOT / "tests").rglob("*.py") if "guests" not in path.parts]
    names = Counter(name for name in modules if name != "__init__.py")
    assert [name for name, number in names.items() if number > 1] == []
