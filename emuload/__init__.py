"""Instruction-level testbed for loading and initialising Linux shared libraries."""
