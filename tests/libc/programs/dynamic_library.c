/* The library that dynamic.c opens: thread-local data of every model, a constructor, a destructor, symbols to look up. */
#include <stdio.h>
#include <stdlib.h>

__thread int dynamic_tls = 11;
static __thread char hidden_tls[100] = "hidden";
__thread int large_tls[2000] = {[1999] = 4};
int library_data = 40;

static void *self(void) { return &library_data; }
static __attribute__((constructor)) void begin(void) { printf("library: constructor\n"); }
static __attribute__((destructor)) void end(void) { printf("library: destructor, tls %d\n", dynamic_tls); }

int add_tls(int n) { return dynamic_tls += n; }
const char *hidden_text(void) { return hidden_tls; }
int large(int i) { return large_tls[i]; }
int library_function(void) { return self() == &library_data ? library_data + 2 : 0; }
__attribute__((weak)) int absent(void);
int has_absent(void) { return absent != 0; }
