"""What several commands share: their options, a session of calls, running one again, files, progress."""
