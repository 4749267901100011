/* Calls a function that no library has. */
int defined_nowhere(int number);

int call_it(int number) { return defined_nowhere(number); }
int add(int a, int b) { return a + b; }
