"""Frames of a guest thread: Go by its function table, C by the files' unwind tables."""

from emuload.unwind.frames import Frame, LoadedObject, Memory
from emuload.unwind.walk import Unwinder, describe, unwind

__all__ = ["Frame", "LoadedObject", "Memory", "Unwinder", "describe", "unwind"]
