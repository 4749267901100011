"""How runs are shown: tables and reports as plain text, and in colour on a terminal."""
