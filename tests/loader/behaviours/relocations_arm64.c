// Which relocations of the psABI a loaded AArch64 file may hold.
#include "behaviour.h"
//= targets arm64-gnu
//= made libr257.so relocation 257
//= made libr258.so relocation 258
//= made libr259.so relocation 259
//= made libr260.so relocation 260
//= made libr261.so relocation 261
//= made libr262.so relocation 262
//= made libr275.so relocation 275
//= made libr282.so relocation 282
//= made libr283.so relocation 283
//= made libr314.so relocation 314
//= made libr1025.so relocation 1025
//= made libr1026.so relocation 1026
//= made libr1033.so relocation 1033
//= made libr2000.so relocation 2000
//= main
int main(void) {
    static const int numbers[] = {257,258,259,260,261,262,275,282,283,314,1025,1026,1033,2000};
    say_relocations(numbers, sizeof numbers / sizeof *numbers);
}
