/*
 * Calls the exports of ../behaviour and prints what they answer, one line per case: "name: answer".
 *
 *     behaviour_host LIBRARY [CASE]...       opens the library with dlopen
 *     behaviour_host_linked [CASE]...        the same source built with -DLINKED: the library is loaded at start-up
 *
 * Without a case, all run that end by themselves and answer the same everywhere. What it prints natively, and
 * under qemu-user, stands in expected.txt; `python -m tests.record` writes that file.
 */
#include <complex.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libbehaviour.h"

static void *library;

#ifdef LINKED
#define GO(name) name
#else
static void *find(const char *name) {
    void *found = dlsym(library, name);
    if (found == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    return found;
}
#define GO(name) ((__typeof__(&name))find(#name))
#endif

#define CASE(name) static void case_##name(void)
#define SAY(...) (printf(__VA_ARGS__), putchar('\n'))
#define INT(value) SAY("%lld", (long long)(value))
#define UINT(value) SAY("%llu", (unsigned long long)(value))
#define FLOAT(value) SAY("%.17g", (double)(value))

static GoString go(const char *text) { return (GoString){text, (ptrdiff_t)strlen(text)}; }

/* Prints a text that the library made with malloc, and frees it. */
static void text(char *words) {
    SAY("%s", words);
    free(words);
}

static GoSlice slice(void *data, int length) { return (GoSlice){data, length, length}; }

/* Numbers. */

CASE(add) { INT(GO(add)(1, 2)); }
CASE(add8) { INT(GO(add8)(100, 100)); }
CASE(add16) { INT(GO(add16)(-30000, -30000)); }
CASE(add32) { INT(GO(add32)(INT32_MAX, 2)); }
CASE(add64) { INT(GO(add64)(INT64_C(0x123456789abcdef0), -INT64_C(0x1111111111111111))); }
CASE(addu8) { UINT(GO(addu8)(200, 100)); }
CASE(addu16) { UINT(GO(addu16)(65535, 10)); }
CASE(addu32) { UINT(GO(addu32)(UINT32_MAX, 10)); }
CASE(addu64) { UINT(GO(addu64)(UINT64_MAX - 5, 3)); }
CASE(mul64) { INT(GO(mul64)(INT64_C(-3037000500), INT64_C(3037000499))); }
CASE(div64) { INT(GO(div64)(-INT64_C(1000000000000000003), 7)); }
CASE(mod64) { INT(GO(mod64)(-INT64_C(1000000000000000003), 1000000007)); }
CASE(divu64) { UINT(GO(divu64)(UINT64_MAX, 3)); }
CASE(div32) { SAY("%d %d", GO(div32)(-7, 2), GO(div32)(INT32_MIN, -1)); }
CASE(shift64) { INT(GO(shift64)(INT64_C(-0x123456789abcdef), 5, 13)); }
CASE(add_float32) { FLOAT(GO(add_float32)(0.1f, 16777216.0f)); }
CASE(add_float64) { FLOAT(GO(add_float64)(0.1, 0.2)); }
CASE(divide_float64) { SAY("%.17g %g", GO(divide_float64)(1, 3), GO(divide_float64)(-1, 0)); }
CASE(square_root) { FLOAT(GO(square_root)(2)); }
CASE(hypotenuse) { FLOAT(GO(hypotenuse)(3, 4)); }
CASE(float_to_int64) { INT(GO(float_to_int64)(-1234567890123.75)); }
CASE(int64_to_float) { FLOAT(GO(int64_to_float)(INT64_C(-9007199254740993))); }
CASE(negate) { SAY("%d %d", GO(negate)(1), GO(negate)(0)); }
CASE(multiply_complex) {
    double _Complex product = GO(multiply_complex)(1.5 + 2.0 * I, -3.25 + 0.5 * I);
    SAY("%g %g", creal(product), cimag(product));
}
CASE(mixed) { FLOAT(GO(mixed)(-100, INT64_C(1) << 40, 200, 0.5f, -30000, 1e-3, 4000000000u, 1)); }
CASE(sum12) { INT(GO(sum12)(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, INT64_C(-1) << 40)); }
CASE(sum10_float) { FLOAT(GO(sum10_float)(.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 1e10)); }
CASE(divide) {
    struct divide_return result = GO(divide)(-17, 5);
    SAY("%d %d", result.r0, result.r1);
}
CASE(divide_wide) {
    struct divide_wide_return result = GO(divide_wide)(INT64_C(1000000000000), 7777);
    SAY("%lld %lld", (long long)result.r0, (long long)result.r1);
}
CASE(both_kinds) {
    struct both_kinds_return result = GO(both_kinds)(5, 12345.5);
    SAY("%d %g %lld", result.r0, result.r1, (long long)result.r2);
}
CASE(format_float) {
    printf("%s ", GO(format_float)(3.0e-5, 'g', -1, 64));
    printf("%s ", GO(format_float)(1.0 / 3, 'f', 20, 64));
    text(GO(format_float)(0.1f, 'e', -1, 32));
}
CASE(float_table) { text(GO(float_table)()); }
CASE(parse_float) { SAY("%.17g %a", GO(parse_float)(go("2.2250738585072011e-308")), GO(parse_float)(go("0x1.8p4"))); }
CASE(math_table) { text(GO(math_table)()); }

/* Texts and slices. */

CASE(greet) { text(GO(greet)((char *)"gopher")); }
CASE(upper) { text(GO(upper)(go("stra\xc3\x9f" "e \xc3\xa4"))); }
CASE(count_runes) { INT(GO(count_runes)(go("h\xc3\xa9llo, \xe4\xb8\x96\xe7\x95\x8c"))); }
CASE(join) { text(GO(join)(go("left"), go(""), go("<>"))); }
CASE(constant) {
    GoString result = GO(constant)();
    SAY("%.*s", (int)result.n, result.p);
}
CASE(sum_slice) {
    GoInt32 values[1000];
    for (int i = 0; i < 1000; i++) values[i] = i * i - 100;
    INT(GO(sum_slice)(slice(values, 1000)));
}
CASE(reverse) {
    char data[] = "drawer";
    GO(reverse)(slice(data, 6));
    SAY("%s", data);
}
CASE(filled) {
    GoSlice result = GO(filled)(5, 'x');
    SAY("%.*s %d", (int)result.len, (char *)result.data, (int)result.len);
    free(result.data);
}
CASE(average) {
    double values[] = {1, 2, 4.5, -1};
    FLOAT(GO(average)(values, 4));
}
CASE(digest) {
    char data[1000];
    memset(data, 'a', sizeof data);
    text(GO(digest)(slice(data, sizeof data)));
}
CASE(sorted_words) { text(GO(sorted_words)(go("the quick brown fox jumps over the \"lazy\" dog"))); }

/* Goroutines, time, memory. */

CASE(goroutines) { INT(GO(goroutines)(1000)); }
CASE(daisy_chain) { INT(GO(daisy_chain)(1000)); }
CASE(primes) { INT(GO(primes)(30)); }
CASE(mutex_contention) { INT(GO(mutex_contention)(16, 500)); }
CASE(rwmutex_readers) { INT(GO(rwmutex_readers)(8, 100)); }
CASE(once_and_cond) { INT(GO(once_and_cond)(20)); }
CASE(sleep_ms) { INT(GO(sleep_ms)(20)); }
CASE(elapsed_ns) { SAY("%s", GO(elapsed_ns)(3) >= 3000000 ? "enough" : "too little"); }
CASE(ticker) { INT(GO(ticker)(5, 6)); }
CASE(timers) { INT(GO(timers)()); }
CASE(select_timeout) { INT(GO(select_timeout)(10)); }
CASE(select_ready) { INT(GO(select_ready)()); }
CASE(context_deadline) { text(GO(context_deadline)(5)); }
CASE(preempted) { INT(GO(preempted)()); }
CASE(preempted_twice) { INT(GO(preempted_twice)()); }
CASE(locked_threads) { INT(GO(locked_threads)(5)); }
CASE(map_load) { INT(GO(map_load)(30000)); }
CASE(gc_load) { INT(GO(gc_load)(4, 10, 12)); }
CASE(finalizers) { INT(GO(finalizers)(3)); }
CASE(big_allocation) { INT(GO(big_allocation)(24)); }
CASE(deep_recursion) { INT(GO(deep_recursion)(20000)); }
CASE(deep_recursions) { INT(GO(deep_recursions)(4, 3000)); }

/* Faults. */

CASE(nil_dereference) { text(GO(nil_dereference)()); }
CASE(nil_read) { text(GO(nil_read)()); }
CASE(nil_method) { text(GO(nil_method)()); }
CASE(divide_by_zero) { text(GO(divide_by_zero)(1, 0)); }
CASE(divide_by_zero_wide) { text(GO(divide_by_zero_wide)(INT64_C(1) << 40, 0)); }
CASE(out_of_range) { text(GO(out_of_range)(5)); }
CASE(bad_assertion) { text(GO(bad_assertion)()); }
CASE(nil_map) { text(GO(nil_map)()); }
CASE(closed_channel) { text(GO(closed_channel)()); }
CASE(bad_address) { text(GO(bad_address)(0x10000)); }
CASE(nested_panic) { text(GO(nested_panic)()); }
CASE(wrapped_errors) { text(GO(wrapped_errors)()); }
CASE(stack_names) { text(GO(stack_names)()); }

/* The world outside. */

CASE(environment) {
    printf("%s|", GO(environment)((char *)"BEHAVIOUR"));
    text(GO(go_getenv)(go("NOT_SET_ANYWHERE")));
}
CASE(go_setenv) {
    printf("%s, C sees ", GO(go_setenv)(go("SET_BY_GO"), go("value")));
    const char *seen = getenv("SET_BY_GO");
    SAY("%s", seen ? seen : "nothing");
}
CASE(read_file) { text(GO(read_file)(go("/no/such/file"))); }
CASE(write_file) { text(GO(write_file)(go("/tmp/behaviour-host-file"), go("some text"))); }
CASE(through_pipe) { INT(GO(through_pipe)(500)); }
CASE(prints) {
    fflush(stdout);
    GO(prints)(go("words"));
    SAY("printed");
}
CASE(init_report) { text(GO(init_report)()); }
CASE(error_of_c) {
    printf("%s, ", GO(error_of_c)(ENOENT));
    text(GO(error_of_c)(0));
}
CASE(errno_is_per_thread) { INT(GO(errno_is_per_thread)(8)); }
CASE(c_sum) {
    GoInt32 values[] = {1, -2, 3000000, 4};
    INT(GO(c_sum)(slice(values, 4)));
}

/* Callbacks and foreign threads. */

static int times(int number, void *context) { return number * *(int *)context; }

static int back_into_go(int number, void *context) {
    (void)context;
    return GO(add32)(number, GO(there_and_back)(2));
}

CASE(call_back) {
    int factor = 3;
    INT(GO(call_back)(times, &factor, 100));
}
CASE(call_back_into_go) { INT(GO(call_back)(back_into_go, NULL, 10)); }
CASE(call_back_from_goroutines) {
    int factor = 5;
    INT(GO(call_back_from_goroutines)(times, &factor, 50));
}
CASE(there_and_back) { INT(GO(there_and_back)(20)); }
CASE(c_thread) { INT(GO(c_thread)(6)); }

enum { THREADS = 8 };

static void *count(void *rounds) {
    for (intptr_t i = 0; i < (intptr_t)rounds; i++) GO(count_up)();
    return NULL;
}

static void *meet_others(void *name) { return (void *)(intptr_t)GO(meet)((GoInt32)(intptr_t)name, THREADS); }

static void *greet_alone(void *unused) {
    (void)unused;
    return GO(greet)((char *)"thread");
}

static void at_once(void *(*body)(void *), void *argument, void **results) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, body, argument) != 0) abort();
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], &results[i]);
}

CASE(foreign_threads) {
    void *results[THREADS];
    long long before = GO(counted)();
    at_once(count, (void *)(intptr_t)200, results);
    SAY("%lld", (long long)GO(counted)() - before);
}
CASE(foreign_threads_meet) {
    void *results[THREADS];
    intptr_t sum = 0;
    at_once(meet_others, (void *)(intptr_t)1, results);
    for (int i = 0; i < THREADS; i++) sum += (intptr_t)results[i];
    SAY("%d", (int)sum);
}
CASE(foreign_threads_texts) {
    void *results[THREADS];
    int right = 0;
    at_once(greet_alone, NULL, results);
    for (int i = 0; i < THREADS; i++) {
        right += strcmp(results[i], "hello, thread") == 0;
        free(results[i]);
    }
    SAY("%d", right);
}
CASE(foreign_threads_come_and_go) {
    void *results[THREADS];
    long long before = GO(counted)();
    for (int i = 0; i < 10; i++) at_once(count, (void *)1, results);
    SAY("%lld", (long long)GO(counted)() - before);
}

/* Those whose answer differs from place to place, or that do not come back. */

CASE(arguments) {
    int count = GO(arg_count)();
    printf("%d", count);
    for (int i = 1; i < count; i++) printf(" %s", GO(arg)(i));
    SAY("%s", "");
}
CASE(platform) { text(GO(platform)()); }
CASE(go_version) { text(GO(go_version)()); }
CASE(num_cpu) { INT(GO(num_cpu)()); }
CASE(num_goroutine) { INT(GO(num_goroutine)()); }
CASE(prints_low) { GO(prints_low)(-5); }
CASE(own_source) { text(GO(read_file)(go("/proc/self/cmdline"))); }
CASE(panics) { GO(panics)(go("on purpose")); }
CASE(panics_in_goroutine) { GO(panics_in_goroutine)(); }
CASE(faults_in_c) { INT(GO(faults_in_c)()); }
CASE(aborts_in_c) { GO(aborts_in_c)(); }
CASE(overflows) { INT(GO(overflows)()); }
CASE(exits) { GO(exits)(7); }
CASE(spins) { GO(spins)(); }
CASE(blocks) { GO(blocks)(); }

typedef struct {
    const char *name;
    void (*run)(void);
    int only_by_name;
} entry;

#define ALWAYS(name) {#name, case_##name, 0}
#define BY_NAME(name) {#name, case_##name, 1}

static const entry cases[] = {
    ALWAYS(init_report), ALWAYS(add), ALWAYS(add8), ALWAYS(add16), ALWAYS(add32), ALWAYS(add64), ALWAYS(addu8),
    ALWAYS(addu16), ALWAYS(addu32), ALWAYS(addu64), ALWAYS(mul64), ALWAYS(div64), ALWAYS(mod64), ALWAYS(divu64),
    ALWAYS(div32), ALWAYS(shift64), ALWAYS(add_float32), ALWAYS(add_float64), ALWAYS(divide_float64),
    ALWAYS(square_root), ALWAYS(hypotenuse), ALWAYS(float_to_int64), ALWAYS(int64_to_float), ALWAYS(negate),
    ALWAYS(multiply_complex), ALWAYS(mixed), ALWAYS(sum12), ALWAYS(sum10_float), ALWAYS(divide), ALWAYS(divide_wide),
    ALWAYS(both_kinds), ALWAYS(format_float), ALWAYS(float_table), ALWAYS(parse_float), ALWAYS(math_table),
    ALWAYS(greet), ALWAYS(upper), ALWAYS(count_runes), ALWAYS(join), ALWAYS(constant), ALWAYS(sum_slice),
    ALWAYS(reverse), ALWAYS(filled), ALWAYS(average), ALWAYS(digest), ALWAYS(sorted_words), ALWAYS(goroutines),
    ALWAYS(daisy_chain), ALWAYS(primes), ALWAYS(mutex_contention), ALWAYS(rwmutex_readers), ALWAYS(once_and_cond),
    ALWAYS(sleep_ms), ALWAYS(elapsed_ns), ALWAYS(ticker), ALWAYS(timers), ALWAYS(select_timeout),
    ALWAYS(select_ready), ALWAYS(context_deadline), ALWAYS(preempted), ALWAYS(preempted_twice),
    ALWAYS(locked_threads), ALWAYS(map_load), ALWAYS(gc_load), ALWAYS(finalizers), ALWAYS(big_allocation),
    ALWAYS(deep_recursion), ALWAYS(deep_recursions), ALWAYS(nil_dereference), ALWAYS(nil_read), ALWAYS(nil_method),
    ALWAYS(divide_by_zero), ALWAYS(divide_by_zero_wide), ALWAYS(out_of_range), ALWAYS(bad_assertion),
    ALWAYS(nil_map), ALWAYS(closed_channel), ALWAYS(bad_address), ALWAYS(nested_panic), ALWAYS(wrapped_errors),
    ALWAYS(stack_names), ALWAYS(environment), ALWAYS(go_setenv), ALWAYS(read_file), ALWAYS(write_file),
    ALWAYS(through_pipe), ALWAYS(prints), ALWAYS(error_of_c), ALWAYS(errno_is_per_thread), ALWAYS(c_sum),
    ALWAYS(call_back), ALWAYS(call_back_into_go), ALWAYS(call_back_from_goroutines), ALWAYS(there_and_back),
    ALWAYS(c_thread), ALWAYS(foreign_threads), ALWAYS(foreign_threads_meet), ALWAYS(foreign_threads_texts),
    ALWAYS(foreign_threads_come_and_go),
    BY_NAME(arguments), BY_NAME(platform), BY_NAME(go_version), BY_NAME(num_cpu), BY_NAME(num_goroutine),
    BY_NAME(prints_low), BY_NAME(own_source), BY_NAME(panics), BY_NAME(panics_in_goroutine), BY_NAME(faults_in_c),
    BY_NAME(aborts_in_c), BY_NAME(overflows), BY_NAME(exits), BY_NAME(spins), BY_NAME(blocks),
};

static int run(const char *name) {
    int found = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (name == NULL ? cases[i].only_by_name : strcmp(name, cases[i].name) != 0) continue;
        printf("%s: ", cases[i].name);
        fflush(stdout);
        cases[i].run();
        fflush(stdout);
        found = 1;
    }
    if (!found) fprintf(stderr, "no case %s\n", name);
    return found;
}

int main(int argc, char **argv) {
    int first = 1;
#ifndef LINKED
    if (argc < 2) {
        fprintf(stderr, "usage: %s LIBRARY [CASE]...\n", argv[0]);
        return 2;
    }
    first = 2;
    library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
#else
    (void)library;
#endif
    if (argc <= first) run(NULL);
    for (int i = first; i < argc; i++)
        if (!run(argv[i])) return 2;
    return 0;
}
