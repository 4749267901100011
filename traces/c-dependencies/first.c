/* Needed by libsecond.so and by Go: its constructors come first, by priority, not by their order here. */
#include <string.h>
#include <unistd.h>

int first_ready;

void say(const char *words) { write(1, words, strlen(words)); }

__attribute__((constructor)) static void last(void) {
    say("first: no priority\n");
    first_ready = 1;
}

__attribute__((constructor(200))) static void middle(void) { say("first: 200\n"); }

__attribute__((constructor(101))) static void begin(void) { say("first: 101\n"); }
