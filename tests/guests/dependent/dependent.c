/* Depends on opens_dependent, and its constructor uses it. */
int opens_dependent_ready(void);

static volatile int was_ready;

int dependent_was_ready(void) { return was_ready; }

__attribute__((constructor)) static void start(void) { was_ready = opens_dependent_ready(); }
