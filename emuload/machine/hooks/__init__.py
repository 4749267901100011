"""Hooks that Unicorn calls for every block or instruction: compiled from C or, if the host cannot run that, in Python."""
