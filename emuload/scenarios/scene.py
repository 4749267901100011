"""Runs a scenario: its host script makes the process and the calls; the events become a trace."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from emuload.calls.values import value_text
from emuload.errors import ReportedError, UsageError
from emuload.libc.builtins import architecture_of
from emuload.machine.targets import Target
from emuload.process.process import Process
from emuload.process.trace_header import end_of, header_of
from emuload.scenarios.description import Scenario, ScenarioError
from emuload.trace.jsonl import Trace
from loader.errors import LoadError
from loader.search import read_file

STEPS = "run"
"""The function of a host script that is called with the scene."""


class Scene:
    """A host script's tool: it makes the one process, in which the scenario's files have their bare names."""

    def __init__(self, scenario: Scenario, target: Target, files: Mapping[str, Path], compilers: Mapping[str, str]) -> None:
        self._scenario = scenario
        self._target = target
        self._files = {name: str(path) for name, path in files.items()}
        self._compilers = compilers
        self._options: dict[str, Any] = {}
        self._made: Process | None = None
        self._asked: list[str] = []
        """The calls that the process was asked to make, in `--call`'s words."""

    def process(self, **options: Any) -> Process:
        """The scenario's process; `options` are those of `emuload.Process` that the description does not give.

        Raises UsageError at the second call.
        """
        if self._made is not None:
            raise UsageError("a scenario has one process")
        first = next(iter(self._files))
        path = self._files[first]
        self._options = options
        given: dict[str, Any] = {"profile": self._scenario.profile, "files": self._files, "go_imports": True}
        self._made = Process(architecture_of(path, read_file(path)), **given, **options)
        self._made.host_calls.on_start = self._note
        self._made.start(first)
        return self._made

    def _note(self, name: str, arguments: Sequence[Any]) -> None:
        self._asked.append(f"{name}({', '.join(map(value_text, arguments))})")

    def trace(self, failure: ReportedError | None, refusal: LoadError | None) -> Trace:
        """The trace of the process, with how it ended. Raises ScenarioError if there is no process."""
        process = self._made
        if process is None:
            raise ScenarioError(self._scenario.host, "", str(refusal or "it made no process"))
        options = self._options
        header = header_of(
            process.options,
            process.scheduler,
            files={name: read_file(path) for name, path in self._files.items()},
            calls=self._asked,
            options={
                "scenario": self._scenario.name,
                "target": self._target.name,
                "compilers": dict(self._compilers),
                **{name: options[name] for name in ("program", "needed", "cwd", "cpus", "kuser_helpers") if name in options},
            },
        )
        end = end_of(process.scheduler, process.linker.objects(), failure, refusal)
        return Trace(str(self._scenario.folder), header, process.events, end)


def run(scenario: Scenario, target: Target, files: Mapping[str, Path], compilers: Mapping[str, str]) -> Trace:
    """Run a scenario whose files are built. Raises ScenarioError for a fault of the host script."""
    steps = _steps(scenario.host)
    scene = Scene(scenario, target, files, compilers)
    failure: ReportedError | None = None
    refusal: LoadError | None = None
    try:
        steps(scene)
    except ReportedError as error:
        failure = error
    except LoadError as error:
        refusal = error
    except (Exception, SystemExit) as error:
        raise _fault(scenario.host, error) from None
    return scene.trace(failure, refusal)


def _steps(path: Path) -> Callable[[Scene], None]:
    """The host script's function. Raises ScenarioError for a script that cannot be read or has none."""
    names: dict[str, Any] = {"__name__": "host", "__file__": str(path)}
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), names)
    except OSError as error:
        raise ScenarioError(path, "", error.strerror or str(error)) from None
    except SyntaxError as error:
        raise ScenarioError(path, str(error.lineno), f"{error.msg}") from None
    except (Exception, SystemExit) as error:
        raise _fault(path, error) from None
    steps = names.get(STEPS)
    if not callable(steps):
        raise ScenarioError(path, "", f"there is no function {STEPS}(scene)")
    found: Callable[[Scene], None] = steps
    return found


def _fault(path: Path, error: BaseException) -> ScenarioError:
    """An error for a fault in a host script, with its line."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    words = " ".join(str(error).split())
    kind = "the assertion failed" if isinstance(error, AssertionError) else type(error).__name__
    return ScenarioError(path, str(lines[-1]) if lines else "", f"{kind}: {words}" if words else kind)
