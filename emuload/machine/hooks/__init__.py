"""Hooks that Unicorn calls for every block, in native code or, where none can be mapped, in Python."""
