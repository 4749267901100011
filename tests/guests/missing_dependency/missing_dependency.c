/* Needs a library that is not there: missing_dependency_gone is built for the link only. */
int gone(void);

int call_it(void) { return gone(); }
