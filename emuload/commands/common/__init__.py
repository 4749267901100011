"""The parts of the commands: options, a session of calls, running one again, files, progress."""
