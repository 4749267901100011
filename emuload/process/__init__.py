"""One guest process: options, start, traps, calls by the host, linker, scheduler, diagnosis."""
