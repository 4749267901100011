/* Depends on orderly_b, and uses it from the first to the last. */
int orderly_b_count(void);

static volatile int seen;

int orderly_a_seen(void) { return seen; }

__attribute__((constructor)) static void start(void) { seen = orderly_b_count(); }
__attribute__((destructor)) static void end(void) { seen = orderly_b_count(); }
