"""Data that Go leaves in a file, and the handoff that is read from a run."""
