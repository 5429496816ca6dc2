/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a peer is: a shared object with the functions below, opened for one case.
 *
 * The harness times peer_run alone. Inputs are converted to what the peer reads in peer_open, so that a peer is not
 * charged for it.
 */
#ifndef KINFER_BENCH_PEER_H
#define KINFER_BENCH_PEER_H

#include <stddef.h>
#include <stdint.h>

struct bench_case {
	const char *dir;		/* of the case's files */
	size_t rows, inputs, outputs;
	const int32_t *quantized;	/* [rows][inputs] */
	const float *real;		/* [rows][inputs], the same in real units */
	double score_scale;		/* real units of one unit of a score */
};

/* NULL, with the reason in @error, if the peer cannot run the case. */
void *peer_open(const struct bench_case *bench, char *error, size_t size);

/* One decision, on row @row. */
void peer_run(void *peer, size_t row);

/* The scores of the last run, in units of kinfer's scores. */
void peer_scores(void *peer, double *scores);

/*
 * Optional: the peer's parameters are constants of its shared object, which is flushed from the caches to measure it cold.
 */
extern const int peer_is_constant;

/* Optional: scores are class votes, of which only the class can be compared. */
extern const int peer_only_class;

#endif
