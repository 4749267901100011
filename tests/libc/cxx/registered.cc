// Unwind tables that a program registers itself, as JIT compilers do: a frame made at run time passes an exception on.
// (GNU's __register_frame takes a whole section that ends in a zero word. Not on ARM, whose tables are others.)
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>

extern "C" void __register_frame(void *), __deregister_frame(void *);
extern "C" void __register_frame_info(const void *, void *);
extern "C" void *__deregister_frame_info(const void *);

#if defined(__x86_64__)
// push rbp; mov rbp, rsp; call rdi; pop rbp; ret
static const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
// CFA at entry rsp+8, return address there; after the push and the move: rbp+16, rbp saved
static const unsigned char cie_rest[] = {1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1, 0, 0};
static const unsigned char fde_rest[] = {0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0, 0, 0, 0};
#elif defined(__aarch64__)
// stp x29, x30, [sp, #-16]!; mov x29, sp; blr x0; ldp x29, x30, [sp], #16; ret
static const uint32_t code[] = {0xa9bf7bfd, 0x910003fd, 0xd63f0000, 0xa8c17bfd, 0xd65f03c0};
static const unsigned char cie_rest[] = {1, 0, 1, 0x78, 30, 0x0c, 31, 0, 0, 0, 0, 0};
static const unsigned char fde_rest[] = {0x44, 0x0e, 16, 0x9d, 2, 0x9e, 1, 0, 0, 0, 0, 0};
#endif

static size_t word(unsigned char *at, uint32_t value) { memcpy(at, &value, 4); return 4; }
static void thrower() { throw 11; }

int main() {
    unsigned char *page = (unsigned char *)mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, code, sizeof code);
    alignas(8) static unsigned char section[128];
    unsigned char *at = section;
    at += word(at, 4 + sizeof cie_rest);
    at += word(at, 0);
    memcpy(at, cie_rest, sizeof cie_rest);
    at += sizeof cie_rest;
    at += word(at, 4 + 16 + sizeof fde_rest);
    at += word(at, (uint32_t)(at - section));
    uint64_t start = (uint64_t)page, size = sizeof code;
    memcpy(at, &start, 8), memcpy(at + 8, &size, 8), at += 16;
    memcpy(at, fde_rest, sizeof fde_rest);
    at += sizeof fde_rest;
    word(at, 0);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    auto made = (void (*)(void (*)()))page;
    __register_frame(section);
    try { made(thrower); } catch (int n) { printf("caught %d\n", n); }
    __deregister_frame(section);
    void *object[8];
    __register_frame_info(section, object);
    try { made(thrower); } catch (int n) { printf("caught %d\n", n); }
    printf("object %d\n", __deregister_frame_info(section) == object);
}
