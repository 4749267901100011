"""Instructions by phase of a run, and budgets for them."""
