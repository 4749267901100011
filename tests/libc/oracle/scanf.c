/* sscanf against the host's: the result, and everything stored. */
#include "oracle.h"
#include <wchar.h>

static int (*emu_sscanf)(const char *, const char *, ...);

static void compare(const char *text, const char *format, int strings) {
    union { char bytes[6][64]; long align; } mine, host;
    memset(&mine, 0x55, sizeof mine), memset(&host, 0x55, sizeof host);
    errno = 0;
    int a = emu_sscanf(text, format, mine.bytes[0], mine.bytes[1], mine.bytes[2], mine.bytes[3], mine.bytes[4], mine.bytes[5]);
    int b = sscanf(text, format, host.bytes[0], host.bytes[1], host.bytes[2], host.bytes[3], host.bytes[4], host.bytes[5]);
    checks++;
    if (a != b || memcmp(&mine, &host, sizeof mine))
        differ("sscanf(\"%s\", \"%s\"): %d %lx %lx '%.20s', host %d %lx %lx '%.20s'", text, format, a, *(long *)mine.bytes[0], *(long *)mine.bytes[1],
               mine.bytes[0], b, *(long *)host.bytes[0], *(long *)host.bytes[1], host.bytes[0]);
}

int main(int argc, char **argv) {
    open_library(argc, argv);
    emu_sscanf = (int (*)(const char *, const char *, ...))symbol("__isoc99_sscanf");
    int rounds = argc > 2 ? atoi(argv[2]) : 40000;
    static const char *texts[] = {
        "", " ", "12", "-12 34", "0x1f", "0x", "0xg", "017", "08", "+5", "+-5", "abc", "  abc def", "1.5", "1e5", "1e", "1e+", "1e+x", "100er", ".5", ".", "-.e5",
        "inf", "infinity", "infinitx", "in", "nan", "nan(12)", "-inf", "0x1.8p3", "0x1.8p", "0x.p", "99999999999999999999", "-99999999999999999999", "(nil)",
        "(nix)", "0xdeadbeef", "12,34,56", "12 , 34", "key=value", "a-b-c", "]]x", "^a", "50% off", "%", "  %", "1 2 3 4 5 6 7", "12abc34", "\n\t 7", "1234567890",
        "3.14159 2.71828", "1.7976931348623159e308", "4.9e-324", "hello, world", "xyz", "0", "00", "-0", "1_000", "2024-01-02T03:04:05"};
    static const char *formats[] = {
        "%d", "%i", "%u", "%x", "%o", "%3d%d", "%2d%2d", "%d%n", " %d %n", "%hd%hhd", "%ld%lld", "%s", "%3s%s", "%c", "%3c", "%c%c", " %c", "%[a-z]", "%[^,],%s", "%[]]%s", "%[^]]%s",
        "%[a-]%s", "%[0-9]%[a-z]", "%5[a-z ]%s", "%f", "%lf", "%Lf", "%3f%f", "%e,%g", "%p", "%*d%d", "%*s%s", "%*[a-z]%d", "%d%%", "%%", "%%%d", "abc%d", " abc%s", "%d,%d,%d",
        "%d , %d", "%d-%d-%dT%d:%d:%d", "%1$d", "%2$d %1$d", "%zd%jd%td", "%1c%1s", "%4lf%s", "%a", "%i%i", "%2i%s", "%1x%x", "%2x%s", "%3x%s", "%n%d", "%d %s", "%s%n", "%ls", "%lc%ls", "%l[a-z]",
        "%y", "%", "%d%", "%10s%10s", "%f%s", "%2f%s", "%5f%s"};
    int nt = sizeof texts / sizeof *texts, nf = sizeof formats / sizeof *formats;
    for (int t = 0; t < nt; t++)
        for (int f = 0; f < nf; f++) compare(texts[t], formats[f], 0);
    char text[128];
    for (int i = 0; i < rounds; i++) {
        char *to = text;
        for (int n = random_below(24); n > 0; n--) *to++ = "0123456789abcdefx.-+eEpPnNiIfFtTyY (),%\t"[random_below(random_below(2) ? 12 : 41)];
        *to = 0;
        compare(text, formats[random_below(nf)], 0);
        if (random_below(2)) {
            snprintf(text, sizeof text, "%.*g", 1 + (int)random_below(18), random_double());
            compare(text, "%lf", 0), compare(text, "%f", 0), compare(text, "%6lf%s", 0);
        }
    }
    for (int who = 0; who < 2; who++) {
        int (*f)(const char *, const char *, ...) = who ? sscanf : emu_sscanf;
        char *a = 0, *b = 0, *c = 0;
        wchar_t *w = 0;
        int n = f("word another 123abc wide", "%ms %m[a-z] %3mc%*s %mls", &a, &b, &c, &w);
        printf("%d %s %s %.3s %ls\n", n, a, b, c, w);
        checks++;
        if (n != 4 || strcmp(a, "word") || strcmp(b, "another") || memcmp(c, "123", 3) || wcscmp(w, L"wide")) differ("%%m");
    }
    return report();
}
