"""The quick tests, `pytest -m quick`: something of every package, in less than a minute on two cores.

Most of them use the shipped samples and files made in the tests, so that few guest libraries have to be built first.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

QUICK: dict[str, tuple[str, ...]] = {
    "test_arrows.py": (),
    "test_names_of_architectures.py": (),
    "test_names_of_libcs.py": (),
    "calls/test_conversion.py": (),
    "commands/test_cli_failures.py": (),
    "commands/test_help.py": (),
    "docs/test_module_names.py": (),
    "golang/test_buildinfo.py": (),
    "ilog/test_show.py": ("test_the_constructor_is_shown",),
    "kernel/test_futex.py": (),
    "kernel/test_signals.py": (),
    "kernel/test_time.py": (),
    "loader/test_elf.py": (),
    "loader/test_link_map.py": (),
    "loader/test_relocate.py": (),
    "loader/profiles/test_names.py": (),
    "machine/hooks/test_hooks_of_hosts.py": (),
    "machine/test_guest_memory.py": (),
    "order/test_happens_before.py": (),
    "order/test_rules.py": (),
    "process/test_parts.py": (),
    "process/test_scheduler.py": (),
    "report/test_report.py": (),
    "scenarios/test_reference_traces.py": (
        "test_a_run_is_the_one_that_is_kept[call-before-init-",
        "test_it_ends_and_is_in_the_order_that_is_described[call-before-init",
    ),
    "trace/test_events_are_declared_once.py": (),
    "trace/test_jsonl.py": (),
    "unwind/test_dwarf.py": (),
}
"""Modules with quick tests: all of them, or those whose names begin so."""

SLOW = {"test_a_long_trace_takes_seconds"}
"""Tests of these modules that take too long."""


def only(config: pytest.Config) -> bool:
    """True if nothing but the quick tests was asked for."""
    return config.getoption("markexpr", "") == "quick"


def may_have(path: Path) -> bool:
    """True if a file or folder has quick tests, or is no test module."""
    return path.is_dir() or not path.name.startswith("test_") or path.relative_to(TESTS).as_posix() in QUICK


def is_quick(item: pytest.Item) -> bool:
    """True if the test is one of them."""
    names = QUICK.get(item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else "")
    return names is not None and item.name not in SLOW and (not names or item.name.startswith(names))
