"""The part of Linux that a process sees: system calls, threads, futexes, signals, time and files."""
