"""Order of events: happens-before, rules, and checking a trace against them."""
