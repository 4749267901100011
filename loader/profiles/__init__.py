"""Profiles by name."""

from __future__ import annotations

from . import glibc
from .base import Profile

PROFILES: dict[str, Profile] = {"glibc": glibc.PROFILE}


def profile(name: str) -> Profile:
    """The profile called ``name``. KeyError when there is none."""
    return PROFILES[name]


__all__ = ["PROFILES", "Profile", "profile"]
