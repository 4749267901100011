"""Events of a run: the record everything else works on."""
