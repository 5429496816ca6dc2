/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a programmer would write: plain loops over int8 weights of constant sizes, with the requantisation of kinfer's
 * file. `cargo xtask bench` writes a case's weights and its calls of the macros below.
 */
#ifndef KINFER_BENCH_SCALAR_H
#define KINFER_BENCH_SCALAR_H

#include <stdint.h>

/* ROW is the type of an input. */
typedef ROW row_t;

static inline int32_t clamp(int64_t value, int32_t lo, int32_t hi)
{
	value = value < lo ? lo : value;
	return value > hi ? hi : value;
}

/* To the nearest, ties to even; @shift is a constant above 0. */
static inline int64_t half_even(int64_t product, int shift)
{
	return (product + ((int64_t)1 << (shift - 1)) - 1 + ((product >> shift) & 1)) >> shift;
}

/* @finish makes an output of the accumulator a of channel j. */
#define DENSE(in, inputs, out, outputs, weights, biases, finish)		\
	for (int j = 0; j < (outputs); j++) {					\
		int32_t a = (biases)[j];					\
										\
		for (int k = 0; k < (inputs); k++)				\
			a += (int32_t)(in)[k] * (weights)[j][k];		\
		(out)[j] = (finish);						\
	}

/* One row. */
void evaluate(const row_t *x, int32_t *scores);

#endif
