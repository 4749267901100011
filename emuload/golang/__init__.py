"""What Go leaves in a file, and the handoff read from it."""
