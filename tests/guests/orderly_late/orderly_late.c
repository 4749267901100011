/* Opened while the program runs, and closed again; its thread-local variable wants a place in static TLS. */
static _Thread_local volatile int local __attribute__((tls_model("initial-exec"))) = 5;
static volatile int seen;

int orderly_late_seen(void) { return seen + local; }

__attribute__((constructor)) static void start(void) { seen = local; }
__attribute__((destructor)) static void end(void) { seen = 0; }
