"""Registers of threads as plain bytes: Unicorn's contexts, copied out of and into the live CPU."""

from __future__ import annotations

import ctypes

from emuload.machine.engine import Engine

Context = bytes
"""A thread's registers as Unicorn keeps them: opaque, immutable, copyable."""


class Contexts:
    """Saves and restores the live registers of one engine, through one buffer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._template = engine.context_template()
        self._buffer = ctypes.create_string_buffer(self._template, len(self._template))

    def save(self) -> Context:
        """The live thread's registers."""
        ctypes.memmove(self._buffer, self._template, len(self._template))
        self._engine.lib.uc_context_save(self._engine.handle, self._buffer)
        return self._buffer.raw

    def restore(self, context: Context) -> None:
        """Make `context` the live thread."""
        ctypes.memmove(self._buffer, context, len(context))
        self._engine.lib.uc_context_restore(self._engine.handle, self._buffer)
