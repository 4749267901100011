"""ARM (32 bits, EABI): everything that is known of this architecture apart from its relocations."""
