"""The table of quick tests names modules that exist."""

from __future__ import annotations

from tests.conftest import GUESTS, guest_libraries
from tests.support.quick import QUICK, TESTS


def test_quick_modules_exist() -> None:
    assert [name for name in QUICK if not (TESTS / name).is_file()] == []


def test_every_package_of_the_house_has_a_quick_test() -> None:
    packages = {name.split("/")[0] for name in QUICK if "/" in name}
    assert {"calls", "commands", "golang", "kernel", "loader", "machine", "order", "process", "scenarios", "trace"} <= packages


def test_the_line_at_the_start_tells_what_the_first_run_has_to_build(monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("EMULOAD_CACHE", str(tmp_path))
    assert f"guest libraries: 0 built in {tmp_path}; a whole run uses about {GUESTS}" in guest_libraries(whole=True)
    (tmp_path / "built" / "one").mkdir(parents=True)
    assert guest_libraries(whole=False) == f"guest libraries: 1 built in {tmp_path}"
