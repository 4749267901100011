// Throwing and catching in one program: by type, again, nested, carried, and what is destroyed on the way, in order.
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>

struct Guard {
    const char *name;
    ~Guard() { printf("  ~%s, unwinding %d\n", name, std::uncaught_exceptions()); }
};
struct Base { virtual ~Base() {} virtual const char *kind() const { return "base"; } };
struct Derived : Base { const char *kind() const override { return "derived"; } };

static int depth(int n) {
    Guard guard{n % 2 ? "odd" : "even"};
    if (n == 0) throw std::runtime_error("at the bottom " + std::to_string(n));
    return depth(n - 1) + 1;
}
static void thrower(int what) {
    switch (what) {
    case 0: throw 7;
    case 1: throw "text";
    case 2: throw Derived();
    case 3: throw 2.5;
    case 4: throw 12345678901LL;
    default: throw std::bad_alloc();
    }
}
static void by_type(int what) {
    try { thrower(what); }
    catch (int n) { printf("int %d\n", n); }
    catch (const char *s) { printf("text %s\n", s); }
    catch (const Base &b) { printf("%s\n", b.kind()); }
    catch (double d) { printf("double %.1f\n", d); }
    catch (const std::exception &e) { printf("%s\n", e.what()); }
    catch (...) { printf("something\n"); }
}
struct Member { int n; Member(int n) : n(n) { if (n == 3) throw n; } ~Member() { printf("  ~Member %d\n", n); } };
struct Whole { Member a{1}, b{2}, c; Whole(int n) : c(n) {} ~Whole() { puts("never"); } };

int main() {
    try { depth(3); } catch (const std::exception &e) { printf("%s\n", e.what()); }
    for (int what = 0; what < 6; what++) by_type(what);
    try {
        try { throw std::out_of_range("inner"); }
        catch (const std::logic_error &) { Guard guard{"handler"}; throw; }
    } catch (const std::out_of_range &e) { printf("again %s\n", e.what()); }
    try { Whole whole(3); } catch (int n) { printf("constructor %d\n", n); }
    std::exception_ptr kept;
    try { throw std::string("kept"); } catch (...) { kept = std::current_exception(); }
    try { std::rethrow_exception(kept); } catch (const std::string &s) { printf("carried %s\n", s.c_str()); }
    try {
        try { throw 1; } catch (int) { std::throw_with_nested(std::runtime_error("outer")); }
    } catch (const std::exception &e) {
        try { std::rethrow_if_nested(e); } catch (int n) { printf("%s of %d\n", e.what(), n); }
    }
    try { Base *base = new Base; Guard guard{"cast"}; (void)dynamic_cast<Derived &>(*base); }
    catch (const std::bad_cast &e) { printf("%s\n", e.what()); }
    try { std::vector<int>(1).at(3); } catch (const std::out_of_range &e) { printf("%s\n", e.what()); }
    try { (void)operator new((size_t)-1 / 4); } catch (const std::bad_alloc &e) { printf("%s\n", e.what()); }
    int caught = 0;
    for (int i = 0; i < 500; i++) try { thrower(i % 6); } catch (...) { caught++; }
    printf("caught %d\n", caught);
    fflush(stdout);
    auto last = []() noexcept { throw std::runtime_error("leaves noexcept"); };
    last();
}
