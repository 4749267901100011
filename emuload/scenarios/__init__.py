"""Scenarios: real libraries, the steps of a host program, and the order that they must show; stored traces to compare with.

A scenario is a folder with a `scenario.toml`, described in `traces/README.md`. Its `host.py` gets a `Scene`.
"""

from __future__ import annotations

from emuload.scenarios.scene import Scene

__all__ = ["Scene"]
