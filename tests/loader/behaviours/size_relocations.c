// SIZE32 and SIZE64: the size of the definition that the symbol binds to.
#include "behaviour.h"
//= targets amd64-gnu
//= liby.so
char block[77];
//= libx.so needs=liby.so
__asm__(".pushsection .data\n.globl sizes\n.type sizes,@object\n.size sizes,24\n.balign 8\nsizes: .quad block@SIZE\n .long block@SIZE+1\n .long 5\n .quad 6\n.popsection\n");
extern long sizes[3];
int x(void) { return (int)sizes[0] * 1000 + (int)(sizes[1] & 0xffff) + (int)(sizes[1] >> 32) + (int)sizes[2]; }
//= main needs=libx.so
int x(void);
int main(void) { SAY("%d\n", x()); }
