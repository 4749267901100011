// Which relocations of the psABI a loaded x86-64 file may hold, and what the others are called.
#include "behaviour.h"
//= targets amd64-gnu
//= made libr1.so relocation 1
//= made libr2.so relocation 2
//= made libr3.so relocation 3
//= made libr6.so relocation 6
//= made libr7.so relocation 7
//= made libr9.so relocation 9
//= made libr10.so relocation 10
//= made libr11.so relocation 11
//= made libr12.so relocation 12
//= made libr13.so relocation 13
//= made libr14.so relocation 14
//= made libr15.so relocation 15
//= made libr21.so relocation 21
//= made libr23.so relocation 23
//= made libr24.so relocation 24
//= made libr25.so relocation 25
//= made libr32.so relocation 32
//= made libr33.so relocation 33
//= made libr38.so relocation 38
//= made libr41.so relocation 41
//= made libr99.so relocation 99
//= made libr250.so relocation 250
//= main
int main(void) {
    static const int numbers[] = {1,2,3,6,7,9,10,11,12,13,14,15,21,23,24,25,32,33,38,41,99,250};
    say_relocations(numbers, sizeof numbers / sizeof *numbers);
}
