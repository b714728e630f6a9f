/* The number type of the training core.
 *
 * The program is built with float. The same sources are built once more with GS_DOUBLE for the gradient
 * tests, where central differences need the digits of double. */
#ifndef GS_GROUND_REAL_H
#define GS_GROUND_REAL_H

#ifdef GS_DOUBLE
typedef double gs_real;
#else
typedef float gs_real;
#endif

#endif
