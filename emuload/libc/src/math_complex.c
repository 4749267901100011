/* complex.h. Good to some units in the last place where no cancellation hurts; limits at infinities follow from the formulas. */
#include "lib.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

#define T float
#define F(name) JOIN(name, f)
#define G(name) JOIN(float_, name)
#define HUGE FLT_MAX
#include "math_complex.h"
#undef T
#undef F
#undef G
#undef HUGE
#define T double
#define F(name) name
#define G(name) JOIN(double_, name)
#define HUGE DBL_MAX
#include "math_complex.h"
#undef T
#undef F
#undef G
#undef HUGE
#define T long double
#define F(name) JOIN(name, l)
#define G(name) JOIN(long_, name)
#define HUGE LDBL_MAX
#include "math_complex.h"
