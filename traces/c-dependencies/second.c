/* Uses libfirst.so in its constructors. */
extern int first_ready;
void say(const char *words);

static int sum;

__attribute__((constructor(65535))) static void last(void) { sum += first_ready; }

__attribute__((constructor(101))) static void begin(void) {
    say("second: 101\n");
    sum = 41;
}

int second_sum(void) { return sum; }
