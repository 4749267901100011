"""The part of Linux a process sees: system calls, threads, futexes, signals, time and files."""
