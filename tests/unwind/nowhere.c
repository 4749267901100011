/* Calls code that is not there, from a function that is not a leaf and keeps something on its stack. */
static int (*volatile target)(int) = (int (*)(int))0x10;

__attribute__((noinline)) int inner(volatile int n) { return target(n) + n; }
int jump_nowhere(void) { return inner(3) + 1; }
