/* Go's test looks at the header alone; this calls the functions. */
#include <stdio.h>

#include "libissue68411.h"

int main(void) {
    exportFuncWithNoParams();
    exportFuncWithParams(1, 2);
    printf("PASS\n");
    return 0;
}
