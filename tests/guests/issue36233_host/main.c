/* Go's test looks at the header alone; this calls the functions: complex numbers as C passes and returns them. */
#include <complex.h>
#include <stdio.h>

#include "libissue36233.h"

int main(void) {
    if (exportComplex64(1.5f - 2.0f * I) != 1.5f - 2.0f * I) return 1;
    if (exportComplex128(-0.25 + 1e300 * I) != -0.25 + 1e300 * I) return 2;
    if (exportComplexfloat(3.0f + 4.0f * I) != 3.0f + 4.0f * I) return 3;
    if (exportComplexdouble(0.1 + 0.2 * I) != 0.1 + 0.2 * I) return 4;
    printf("PASS\n");
    return 0;
}
