/* Needs Go's answer before anybody calls it. */
long add(long, long);

static long sum;

__attribute__((constructor)) static void begin(void) { sum = add(40, 2); }

long get(void) { return sum; }
