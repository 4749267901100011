/* stdlib.h: pseudo-random numbers, with the sequences C programs on Linux know.
 *
 * random(): additive feedback r[i] = r[i-3] + r[i-31], seeded by the minimal standard generator
 * 16807 x mod (2^31 - 1), the first 310 results thrown away (random(3); the BSD generator of type 3,
 * and its smaller siblings for initstate()). drand48(): 48-bit linear congruence, POSIX. */
#include "lib.h"

struct degree { uint8_t length, separation; uint16_t bytes; };
static const struct degree degrees[5] = {{0, 0, 8}, {7, 3, 32}, {15, 1, 64}, {31, 3, 128}, {63, 1, 256}};

struct random_data { /* the layout of glibc's <stdlib.h> */
    int32_t *front, *rear, *state;
    int type, length, separation;
    int32_t *end;
};

static int32_t default_state[32];
static struct random_data shared = {NULL, NULL, default_state + 1, 3, 31, 3, default_state + 32};
static int lock;

EXPORT int random_r(struct random_data *r, int32_t *result) {
    if (!r || !result) {
        errno = EINVAL;
        return -1;
    }
    if (!r->type) {
        r->state[0] = (int32_t)(((uint32_t)r->state[0] * 1103515245u + 12345u) & 0x7fffffff);
        *result = r->state[0];
        return 0;
    }
    uint32_t sum = (uint32_t)*r->front + (uint32_t)*r->rear;
    *r->front = (int32_t)sum;
    *result = (int32_t)(sum >> 1);
    if (++r->front >= r->end) r->front = r->state;
    if (++r->rear >= r->end) r->rear = r->state;
    return 0;
}

EXPORT int srandom_r(unsigned seed, struct random_data *r) {
    if (!r || (unsigned)r->type > 4) return -1;
    if (!seed) seed = 1;
    r->state[0] = (int32_t)seed;
    if (!r->type) return 0;
    int64_t word = (int32_t)seed;
    for (int i = 1; i < r->length; i++) {
        /* Schrage's way of 16807 x mod 2^31 - 1 on a signed word, which a negative seed shows. */
        int64_t high = word / 127773, low = word % 127773;
        word = 16807 * low - 2836 * high;
        if (word < 0) word += 2147483647;
        r->state[i] = (int32_t)word;
    }
    r->front = r->state + r->separation;
    r->rear = r->state;
    int32_t unused;
    for (int i = 0; i < 10 * r->length; i++) random_r(r, &unused);
    return 0;
}

/* The word before the state says its type, and where the rear pointer is. */
static void keep_position(struct random_data *r) {
    r->state[-1] = r->type ? (int32_t)(5 * (r->rear - r->state)) + r->type : 0;
}

EXPORT int initstate_r(unsigned seed, char *state, size_t size, struct random_data *r) {
    int type = -1;
    for (int i = 0; i < 5; i++)
        if (size >= degrees[i].bytes) type = i;
    if (!r || type < 0) {
        errno = EINVAL;
        return -1;
    }
    if (r->state) keep_position(r);
    r->type = type;
    r->length = degrees[type].length;
    r->separation = degrees[type].separation;
    r->state = (int32_t *)state + 1;
    r->end = r->state + r->length;
    srandom_r(seed, r);
    keep_position(r);
    return 0;
}

EXPORT int setstate_r(char *state, struct random_data *r) {
    int32_t mark = state ? *(int32_t *)state : -1;
    if (!r || mark < 0) {
        errno = EINVAL;
        return -1;
    }
    keep_position(r);
    r->type = mark % 5;
    r->length = degrees[r->type].length;
    r->separation = degrees[r->type].separation;
    r->state = (int32_t *)state + 1;
    r->end = r->state + r->length;
    if (r->type) {
        int rear = mark / 5;
        r->rear = r->state + rear;
        r->front = r->state + (rear + r->separation) % r->length;
    }
    return 0;
}

static void seed_once(void) {
    if (!shared.front) srandom_r(1, &shared);
}

EXPORT long random(void) {
    int32_t result = 0;
    em_lock(&lock);
    seed_once();
    random_r(&shared, &result);
    em_unlock(&lock);
    return result;
}
EXPORT int rand(void) { return (int)random(); }

EXPORT void srandom(unsigned seed) {
    em_lock(&lock);
    srandom_r(seed, &shared);
    em_unlock(&lock);
}
ALSO(srand, srandom);

EXPORT char *initstate(unsigned seed, char *state, size_t size) {
    em_lock(&lock);
    seed_once();
    char *old = (char *)(shared.state - 1);
    if (initstate_r(seed, state, size, &shared)) old = NULL;
    em_unlock(&lock);
    return old;
}

EXPORT char *setstate(char *state) {
    em_lock(&lock);
    seed_once();
    char *old = (char *)(shared.state - 1);
    if (setstate_r(state, &shared)) old = NULL;
    em_unlock(&lock);
    return old;
}

/* Three steps of the classic generator give 31 bits. */
EXPORT int rand_r(unsigned *seed) {
    unsigned next = *seed, result = 0;
    static const uint16_t modulus[3] = {2048, 1024, 1024};
    for (int i = 0; i < 3; i++) {
        next = next * 1103515245u + 12345u;
        result = (i ? result << 10 : 0) ^ (next / 65536) % modulus[i];
    }
    *seed = next;
    return (int)result;
}

/* -- the 48-bit family ----------------------------------------------------------------------- */

static uint16_t shared48[3];
static uint64_t multiplier = 0x5deece66d;
static uint16_t addend = 0xb;

static uint64_t step48(uint16_t x[3]) {
    uint64_t value = x[0] | (uint64_t)x[1] << 16 | (uint64_t)x[2] << 32;
    value = (value * multiplier + addend) & 0xffffffffffff;
    x[0] = (uint16_t)value;
    x[1] = (uint16_t)(value >> 16);
    x[2] = (uint16_t)(value >> 32);
    return value;
}

EXPORT double erand48(uint16_t x[3]) { return (double)step48(x) * 0x1p-48; }
EXPORT long nrand48(uint16_t x[3]) { return (long)(step48(x) >> 17); }
EXPORT long jrand48(uint16_t x[3]) { return (int32_t)(step48(x) >> 16); }
EXPORT double drand48(void) { return erand48(shared48); }
EXPORT long lrand48(void) { return nrand48(shared48); }
EXPORT long mrand48(void) { return jrand48(shared48); }

static void reset48(void) {
    multiplier = 0x5deece66d;
    addend = 0xb;
}

EXPORT void srand48(long seed) {
    shared48[0] = 0x330e;
    shared48[1] = (uint16_t)seed;
    shared48[2] = (uint16_t)((uint32_t)seed >> 16);
    reset48();
}

EXPORT uint16_t *seed48(uint16_t seed[3]) {
    static uint16_t old[3];
    memcpy(old, shared48, sizeof old);
    memcpy(shared48, seed, sizeof shared48);
    reset48();
    return old;
}

EXPORT void lcong48(uint16_t parameters[7]) {
    memcpy(shared48, parameters, sizeof shared48);
    multiplier = parameters[3] | (uint64_t)parameters[4] << 16 | (uint64_t)parameters[5] << 32;
    addend = parameters[6];
}
