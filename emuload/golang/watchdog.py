"""Go's watchdog thread, sysmon: when its sleeps no longer mean that something may come.

Source: runtime/proc.go, sysmon.
"""

from __future__ import annotations

DEEP_SLEEP = 60_000_000_000
"""Nanoseconds sysmon sleeps when nothing is left to watch (forcegcperiod / 2)."""

QUIET_SLEEPS = 5
"""This many deep sleeps in a row cover two forced collections with their finalizers; after that nothing can come any more."""


class Sysmon:
    """Tells the scheduler which sleeps only look whether others need the sleeper: deep sleeps of a sysmon."""

    patience = QUIET_SLEEPS

    def only_watches(self, role: str, sleep: int) -> bool:
        """True if a thread in this role that sleeps for `sleep` nanoseconds only watches others."""
        return role == "sysmon" and sleep >= DEEP_SLEEP
