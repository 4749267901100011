/* What orderly_a depends on: all that a dynamic linker runs in one object, and a thread-local variable. */
static _Thread_local volatile int local = 7;
static volatile int count;

int orderly_b_count(void) { return ++count + local; }

void _init(void) { count++; }
void _fini(void) { count++; }
__attribute__((constructor(101))) static void first(void) { count++; }
__attribute__((constructor(102))) static void second(void) { count++; }
__attribute__((destructor(101))) static void end_of_first(void) { count++; }
__attribute__((destructor(102))) static void end_of_second(void) { count++; }
