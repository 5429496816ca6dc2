/* SPDX-License-Identifier: GPL-2.0 */
/* A forest in the C that emlearn (INLINE, LOADABLE) or tl2cgen (TL2CGEN) generated for it. */
#include <stdlib.h>

#include "peer.h"

#ifdef TL2CGEN
#include "main.c"
typedef union Entry feature_t;
#else
#include "emlearn.h"
typedef int16_t feature_t;
/* Every tree votes for a class. */
const int peer_only_class = 1;
#endif

const int peer_is_constant = 1;

struct forest {
	feature_t *rows;
	size_t inputs;
	double unit;
	float result;
};

void *peer_open(const struct bench_case *bench, char *error, size_t size)
{
	size_t count = bench->rows * bench->inputs;
	struct forest *forest = calloc(1, sizeof(*forest));

	(void)error, (void)size;
	forest->inputs = bench->inputs;
	forest->unit = bench->score_scale;
	forest->rows = calloc(count, sizeof(feature_t));
	for (size_t i = 0; i < count; i++) {
#ifdef TL2CGEN
		forest->rows[i].fvalue = bench->quantized[i];
#else
		forest->rows[i] = bench->quantized[i];
#endif
	}
	return forest;
}

void peer_run(void *peer, size_t row)
{
	struct forest *forest = peer;
	feature_t *features = forest->rows + row * forest->inputs;

#ifdef TL2CGEN
	forest->result = 0;
	predict(features, 1, &forest->result);
#else
	forest->result = forest_predict(features, forest->inputs);
#endif
}

void peer_scores(void *peer, double *scores)
{
	struct forest *forest = peer;

	*scores = forest->result / forest->unit;
}
