"""ARM64: everything that is known of this architecture apart from its relocations."""
