"""The emulated C library: guest code, compiled ahead of time, one shared library per ABI, and its host calls."""
