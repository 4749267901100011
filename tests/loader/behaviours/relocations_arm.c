// Which relocations of the psABI a loaded ARM file may hold.
#include "behaviour.h"
//= targets armv7-gnueabihf
//= made libr2.so relocation 2
//= made libr3.so relocation 3
//= made libr5.so relocation 5
//= made libr8.so relocation 8
//= made libr9.so relocation 9
//= made libr10.so relocation 10
//= made libr20.so relocation 20
//= made libr21.so relocation 21
//= made libr22.so relocation 22
//= made libr24.so relocation 24
//= made libr27.so relocation 27
//= made libr28.so relocation 28
//= made libr30.so relocation 30
//= made libr38.so relocation 38
//= made libr41.so relocation 41
//= made libr42.so relocation 42
//= made libr43.so relocation 43
//= made libr44.so relocation 44
//= made libr47.so relocation 47
//= made libr96.so relocation 96
//= made libr100.so relocation 100
//= made libr161.so relocation 161
//= made libr200.so relocation 200
//= main
int main(void) {
    static const int numbers[] = {2,3,5,8,9,10,20,21,22,24,27,28,30,38,41,42,43,44,47,96,100,161,200};
    say_relocations(numbers, sizeof numbers / sizeof *numbers);
}
