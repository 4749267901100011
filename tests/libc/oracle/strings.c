/* string.h, strings.h, ctype.h, wchar.h and the sorting, searching and random functions against the host's. */
#include "oracle.h"
#include <ctype.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>

static int sign(int n) { return (n > 0) - (n < 0); }

static char area[3][512];
static void fill(char *to, int size, int alphabet) {
    for (int i = 0; i < size; i++) to[i] = (char)(alphabet > 26 ? random_below(256) : 'a' + (int)random_below(alphabet));
}

/* One call on two copies of the same memory; the results and the memory must agree. */
#define TRANSFORM(label, call_mine, call_host) \
    do { \
        memcpy(area[1], area[0], 512), memcpy(area[2], area[0], 512); \
        char *a_ = area[1], *a = a_; \
        long mine = (long)(call_mine); \
        if ((char *)mine >= area[1] && (char *)mine <= area[1] + 512) mine -= (long)area[1]; \
        a = area[2]; \
        long host = (long)(call_host); \
        if ((char *)host >= area[2] && (char *)host <= area[2] + 512) host -= (long)area[2]; \
        checks++; \
        if (mine != host || memcmp(area[1], area[2], 512)) differ(label ": %ld, host %ld", mine, host); \
    } while (0)

static void memory(int rounds) {
    __typeof(&memcpy) my_memcpy = EMU(memcpy), my_memmove = EMU(memmove), my_mempcpy = EMU(mempcpy);
    __typeof(&memset) my_memset = EMU(memset);
    __typeof(&memcmp) my_memcmp = EMU(memcmp);
    __typeof(&memchr) my_memchr = EMU(memchr), my_memrchr = (__typeof(&memchr))symbol("memrchr");
    void *(*my_memmem)(const void *, size_t, const void *, size_t) = symbol("memmem");
    void *(*my_memccpy)(void *, const void *, int, size_t) = symbol("memccpy");
    for (int i = 0; i < rounds; i++) {
        fill(area[0], 512, random_below(2) ? 3 : 256);
        int n = random_below(random_below(3) ? 40 : 200), from = random_below(200), to = random_below(300), c = area[0][random_below(512)];
        TRANSFORM("memcpy", my_memcpy(a + 256 + to % 50, a + from % 50, n), memcpy(a + 256 + to % 50, a + from % 50, n));
        TRANSFORM("mempcpy", my_mempcpy(a + 256 + to % 50, a + from % 50, n), mempcpy(a + 256 + to % 50, a + from % 50, n));
        TRANSFORM("memmove", my_memmove(a + to, a + from, n), memmove(a + to, a + from, n));
        TRANSFORM("memset", my_memset(a + to, c, n), memset(a + to, c, n));
        TRANSFORM("memchr", my_memchr(a + from, c, n), memchr(a + from, c, n));
        TRANSFORM("memrchr", my_memrchr(a + from, c, n), memrchr(a + from, c, n));
        TRANSFORM("memccpy", my_memccpy(a + 256 + to % 50, a + from % 50, c, n), memccpy(a + 256 + to % 50, a + from % 50, c, n));
        TRANSFORM("memmem", my_memmem(a + from, n, a + to, n % 5), memmem(a + from, n, a + to, n % 5));
        if (random_below(2)) my_memcpy(area[0] + to, area[0] + from, n < 60 ? n : 60);
        TRANSFORM("memcmp", sign(my_memcmp(a + to, a + from, n)), sign(memcmp(a + to, a + from, n)));
    }
}

static void strings(int rounds) {
#define GET(name) __typeof(&name) my_##name = EMU(name)
    GET(strlen); GET(strnlen); GET(strchr); GET(strrchr); GET(strchrnul); GET(strcmp); GET(strncmp); GET(strcasecmp); GET(strncasecmp); GET(strstr); GET(strcasestr);
    GET(strspn); GET(strcspn); GET(strpbrk); GET(strcpy); GET(stpcpy); GET(strncpy); GET(stpncpy); GET(strcat); GET(strncat); GET(strverscmp); GET(strsep); GET(strtok_r);
    GET(strdup); GET(strndup); GET(strcoll); GET(strxfrm);
    for (int i = 0; i < rounds; i++) {
        fill(area[0], 512, 2 + random_below(3));
        int p = random_below(60), q = 250 + random_below(60), n = random_below(40), c = 'a' + random_below(4);
        area[0][p + random_below(40)] = 0, area[0][q + random_below(40)] = 0, area[0][300 + random_below(40)] = 0, area[0][511] = 0;
        if (random_below(3) == 0) memcpy(area[0] + q, area[0] + p, 100);
        if (random_below(3) == 0) area[0][p] ^= area[0][p] ? 32 : 0;
        if (random_below(50) == 0) c = 0;
        TRANSFORM("strlen", my_strlen(a + p), strlen(a + p));
        TRANSFORM("strnlen", my_strnlen(a + p, n), strnlen(a + p, n));
        TRANSFORM("strchr", my_strchr(a + p, c), strchr(a + p, c));
        TRANSFORM("strrchr", my_strrchr(a + p, c), strrchr(a + p, c));
        TRANSFORM("strchrnul", my_strchrnul(a + p, c), strchrnul(a + p, c));
        TRANSFORM("strcmp", sign(my_strcmp(a + p, a + q)), sign(strcmp(a + p, a + q)));
        TRANSFORM("strncmp", sign(my_strncmp(a + p, a + q, n)), sign(strncmp(a + p, a + q, n)));
        TRANSFORM("strcasecmp", sign(my_strcasecmp(a + p, a + q)), sign(strcasecmp(a + p, a + q)));
        TRANSFORM("strncasecmp", sign(my_strncasecmp(a + p, a + q, n)), sign(strncasecmp(a + p, a + q, n)));
        char needle[8] = {0};
        memcpy(needle, area[0] + p + random_below(20), random_below(6));
        TRANSFORM("strstr", my_strstr(a + p, needle), strstr(a + p, needle));
        TRANSFORM("strcasestr", my_strcasestr(a + p, needle), strcasestr(a + p, needle));
        TRANSFORM("strspn", my_strspn(a + p, needle), strspn(a + p, needle));
        TRANSFORM("strcspn", my_strcspn(a + p, needle), strcspn(a + p, needle));
        TRANSFORM("strpbrk", my_strpbrk(a + p, needle), strpbrk(a + p, needle));
        TRANSFORM("strcpy", my_strcpy(a + 400, a + p), strcpy(a + 400, a + p));
        TRANSFORM("stpcpy", my_stpcpy(a + 400, a + p), stpcpy(a + 400, a + p));
        TRANSFORM("strncpy", my_strncpy(a + 400, a + p, n), strncpy(a + 400, a + p, n));
        TRANSFORM("stpncpy", my_stpncpy(a + 400, a + p, n), stpncpy(a + 400, a + p, n));
        TRANSFORM("strxfrm", my_strxfrm(a + 400, a + p, n), strxfrm(a + 400, a + p, n));
        area[0][380 + random_below(10)] = 0, area[0][370 + random_below(12)] = 0;
        TRANSFORM("strcat", my_strcat(a + 370, a + p), strcat(a + 370, a + p));
        TRANSFORM("strncat", my_strncat(a + 370, a + p, n), strncat(a + 370, a + p, n));
        TRANSFORM("strdup", strcmp(my_strdup(a + p), a + p), 0);
        TRANSFORM("strndup", strlen(my_strndup(a + p, n)), strnlen(a + p, n));
#define TOKENS(f) ({ long sum = 0; char *rest = a + p, *token; for (int k = 1; (token = f) && k < 200; k++) sum = sum * 31 + (token - a) * k; sum; })
        TRANSFORM("strsep", TOKENS(my_strsep(&rest, needle)), TOKENS(strsep(&rest, needle)));
#define TOKENS_R(f) ({ long sum = 0; char *rest = 0, *token, *s = a + p; for (int k = 1; (token = f(s, needle, &rest)) && k < 200; k++, s = 0) sum = sum * 31 + (token - a) * k; sum; })
        TRANSFORM("strtok_r", TOKENS_R(my_strtok_r), TOKENS_R(strtok_r));
    }
    static const char *versions[] = {"", "a", "000", "00", "01", "010", "09", "0", "1", "9", "10", "a1", "a01", "a001", "a10", "a9", "1.2.3", "1.10.3", "1.02", "1.002", "foo-1.2", "foo-1.10", "a.0", "a.00", "000.", "0001"};
    for (int i = 0; i < 26; i++)
        for (int j = 0; j < 26; j++) {
            checks++;
            if (sign(my_strverscmp(versions[i], versions[j])) != sign(strverscmp(versions[i], versions[j]))) differ("strverscmp %s %s", versions[i], versions[j]);
        }
}

static void characters(void) {
#define CLASS(name) { int (*mine)(int) = (int (*)(int))symbol(#name); for (int c = -1; c < 256; c++) { checks++; if (!mine(c) != !name(c)) differ(#name " %d", c); } }
    CLASS(isalnum) CLASS(isalpha) CLASS(isblank) CLASS(iscntrl) CLASS(isdigit) CLASS(isgraph) CLASS(islower) CLASS(isprint) CLASS(ispunct) CLASS(isspace) CLASS(isupper) CLASS(isxdigit)
#define WIDE_CLASS(name) { int (*mine)(wint_t) = (int (*)(wint_t))symbol(#name); for (int c = -1; c < 400; c++) { checks++; if (!mine(c) != !name(c)) differ(#name " %d", c); } }
    WIDE_CLASS(iswalnum) WIDE_CLASS(iswalpha) WIDE_CLASS(iswspace) WIDE_CLASS(iswprint) WIDE_CLASS(iswupper) WIDE_CLASS(iswpunct)
    const unsigned short **(*table)(void) = symbol("__ctype_b_loc");
    const int32_t **(*lower)(void) = symbol("__ctype_tolower_loc"), **(*upper)(void) = symbol("__ctype_toupper_loc");
    for (int c = -128; c < 256; c++) {
        checks++;
        if ((*table())[c] != (*__ctype_b_loc())[c]) differ("__ctype_b_loc %d: %x, host %x", c, (*table())[c], (*__ctype_b_loc())[c]);
        if ((*lower())[c] != (*__ctype_tolower_loc())[c]) differ("__ctype_tolower_loc %d: %d, host %d", c, (*lower())[c], (*__ctype_tolower_loc())[c]);
        if ((*upper())[c] != (*__ctype_toupper_loc())[c]) differ("__ctype_toupper_loc %d", c);
    }
    char *(*my_strerror)(int) = EMU(strerror), *(*my_strsignal)(int) = EMU(strsignal);
    for (int i = -2; i < 140; i++) {
        checks++;
        if (strcmp(my_strerror(i), strerror(i))) differ("strerror %d: %s, host %s", i, my_strerror(i), strerror(i));
        if (i >= 0 && i < 70 && strcmp(my_strsignal(i), strsignal(i))) differ("strsignal %d: %s, host %s", i, my_strsignal(i), strsignal(i));
    }
}

static int by_int(const void *a, const void *b) { return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b); }
struct item { char name[12]; int key; };
static int by_key(const void *a, const void *b) { return by_int(&((const struct item *)a)->key, &((const struct item *)b)->key); }

static void sorting(void) {
    GET(qsort); GET(bsearch);
    for (int n = 0; n < 700; n += 1 + n / 7) {
        int a[700], b[700];
        struct item x[700], y[700];
        for (int i = 0; i < n; i++) {
            a[i] = b[i] = (int)random_below(n + 1);
            x[i].key = (int)random_below(10), sprintf(x[i].name, "%d", i), y[i] = x[i];
        }
        my_qsort(a, n, sizeof *a, by_int), qsort(b, n, sizeof *b, by_int);
        my_qsort(x, n, sizeof *x, by_key), qsort(y, n, sizeof *y, by_key);
        checks += 2;
        if (memcmp(a, b, n * sizeof *a)) differ("qsort of %d ints", n);
        for (int i = 0; i < n; i++)
            if (strcmp(x[i].name, y[i].name)) { differ("qsort of %d structs is not stable", n); break; }
        for (int key = -1; key < 3 && n; key++) {
            int *p = my_bsearch(&key, a, n, sizeof *a, by_int), *q = bsearch(&key, b, n, sizeof *b, by_int);
            if (!p != !q || (p && *p != key)) differ("bsearch");
        }
    }
}

static void numbers(void) {
    GET(rand); GET(srand); GET(random); GET(srandom); GET(rand_r); GET(drand48); GET(lrand48); GET(mrand48); GET(srand48); GET(initstate); GET(setstate); GET(a64l); GET(l64a);
    unsigned seeds[] = {1, 0, 2, 42, 0x7fffffff, 0x80000001, 0xffffffff};
    for (int i = 0; i < 200; i++) {
        checks++;
        if (my_rand() != rand()) differ("rand before srand");
    }
    for (int s = 0; s < 7; s++) {
        unsigned mine_seed = seeds[s], host_seed = seeds[s];
        my_srand(seeds[s]), srand(seeds[s]), my_srand48(seeds[s]), srand48(seeds[s]);
        for (int i = 0; i < 300; i++) {
            checks++;
            if (my_random() != random()) differ("random, seed %u", seeds[s]);
            if (my_rand_r(&mine_seed) != rand_r(&host_seed)) differ("rand_r");
            if (my_drand48() != drand48() || my_lrand48() != lrand48() || my_mrand48() != mrand48()) differ("drand48");
            if (i < 50 && my_a64l(my_l64a(i * 77777 * s)) != a64l(l64a(i * 77777 * s))) differ("a64l");
        }
    }
    static const int sizes[] = {8, 32, 64, 128, 256};
    for (int i = 0; i < 5; i++) {
        char mine_state[256], host_state[256];
        char *mine_old = my_initstate(7 + i, mine_state, sizes[i]), *host_old = initstate(7 + i, host_state, sizes[i]);
        for (int k = 0; k < 500; k++) {
            checks++;
            if (my_random() != random()) { differ("initstate of %d bytes", sizes[i]); break; }
        }
        my_setstate(mine_old), setstate(host_old);
        for (int k = 0; k < 100; k++)
            if (my_random() != random()) { differ("setstate after %d bytes", sizes[i]); break; }
    }
}

static void patterns(void) {
    GET(fnmatch);
    static const char *p[] = {"*", "?", "a*", "*a", "a?c", "[abc]", "[!abc]", "[^abc]", "[a-c]x", "*.c", "[]a]", "[a", "\\*", "a\\", "**", "a*b*c", "/a/*", "*/b", ".*", "?a", "[.]a", "*.", "[[:alpha:]]*",
        "[[:digit:]]", "a/b*", "A*", "[A-Z]", "", "*\\?", "[\\]]", "[a\\-c]", "a*/b"};
    static const char *s[] = {"", "a", "b", "abc", "abbc", "ac", "*", "a.c", ".a", "x.c", "/a/b", "/a/.b", "a/b", "a/bc/d", "]", "[a", "a\\", "9", "Abc", "A", "?", "x?", "-", "a/x/b", ".", "a-c"};
    for (unsigned i = 0; i < sizeof p / sizeof *p; i++)
        for (unsigned j = 0; j < sizeof s / sizeof *s; j++)
            for (int flags = 0; flags < 32; flags++) {
                checks++;
                int mine = my_fnmatch(p[i], s[j], flags), host = fnmatch(p[i], s[j], flags);
                if (mine != host) differ("fnmatch %s %s %d: %d, host %d", p[i], s[j], flags, mine, host);
            }
}

static void options(void) {
    static const struct option longs[] = {{"alpha", 0, 0, 'a'}, {"beta", 1, 0, 'b'}, {"gamma", 2, 0, 'g'}, {"alphabet", 0, 0, 'z'}, {"b", 0, 0, 1000}, {0}};
    static const char *formats[] = {"ab:c::", "+ab:c::", "-ab:c::", ":ab:c::", "a", ""};
    static const char *words[] = {"-a", "-b", "-bx", "-c", "-cx", "-ab", "-abx", "x", "y", "--", "-", "--alpha", "--beta", "--beta=1", "--gamma", "--gamma=2", "--al", "--alp=3", "--unknown", "-z", "--b", "-alpha", "-beta=4", "-ca"};
    GET(getopt); GET(getopt_long); GET(getopt_long_only);
    int *my_optind = symbol("optind"), *my_opterr = symbol("opterr"), *my_optopt = symbol("optopt");
    char **my_optarg = symbol("optarg");
    for (int i = 0; i < 30000; i++) {
        char *first[12] = {"prog"}, *second[12] = {"prog"};
        int argc = 1 + random_below(8), kind = random_below(3);
        for (int k = 1; k < argc; k++) first[k] = second[k] = (char *)words[random_below(sizeof words / sizeof *words)];
        const char *letters = formats[random_below(6)];
        *my_optind = 0, *my_opterr = 0, optind = 0, opterr = 0;
        char trace[2][1000] = {"", ""};
        for (int who = 0; who < 2; who++)
            for (int k = 0; k < 20; k++) {
                int index = -1, c, *ind = who ? &optind : my_optind, *opt = who ? &optopt : my_optopt;
                char **arg = who ? &optarg : my_optarg, **argv = who ? second : first, *end = trace[who] + strlen(trace[who]);
                if (kind == 0) c = (who ? getopt : my_getopt)(argc, argv, letters);
                else if (kind == 1) c = (who ? getopt_long : my_getopt_long)(argc, argv, letters, longs, &index);
                else c = (who ? getopt_long_only : my_getopt_long_only)(argc, argv, letters, longs, &index);
                sprintf(end, "%d:%d:%s:%d:%d ", c, *ind, c > 0 && c != '?' && c != ':' && *arg ? *arg : "-", index, c == '?' || c == ':' ? *opt : 0);
                if (c < 0) break;
            }
        checks++;
        if (strcmp(trace[0], trace[1]) || memcmp(first, second, sizeof first)) {
            char line[200] = "";
            for (int k = 1; k < argc; k++) strcat(strcat(line, " "), first[k]);
            differ("getopt kind %d '%s'%s: %s, host %s", kind, letters, line, trace[0], trace[1]);
        }
    }
}

int main(int argc, char **argv) {
    open_library(argc, argv);
    int rounds = argc > 2 ? atoi(argv[2]) : 20000;
    memory(rounds);
    strings(rounds);
    characters();
    sorting();
    numbers();
    patterns();
    options();
    return report();
}
