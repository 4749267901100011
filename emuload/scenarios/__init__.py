"""Scenarios: real libraries, the steps of a host program, and the order that must show; their traces are kept and compared.

A folder with a `scenario.toml` is one; `traces/README.md` describes it. Its `host.py` is given a `Scene`.
"""

from __future__ import annotations

from emuload.scenarios.scene import Scene

__all__ = ["Scene"]
