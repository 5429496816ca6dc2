// SPDX-License-Identifier: GPL-2.0
/* The peer around a case's evaluate(); apart from it, because doubles need vector registers. */
#include <stdlib.h>

#include "peer.h"
#include "scalar.h"

const int peer_is_constant = 1;

struct scalar {
	size_t inputs, outputs;
	row_t *rows;
	int32_t result[];
};

void *peer_open(const struct bench_case *bench, char *error, size_t size)
{
	size_t count = bench->rows * bench->inputs;
	struct scalar *s = calloc(1, sizeof(*s) + bench->outputs * sizeof(int32_t));

	(void)error, (void)size;
	s->inputs = bench->inputs;
	s->outputs = bench->outputs;
	s->rows = calloc(count, sizeof(row_t));
	for (size_t i = 0; i < count; i++)
		s->rows[i] = bench->quantized[i];
	return s;
}

void peer_run(void *peer, size_t row)
{
	struct scalar *s = peer;

	evaluate(s->rows + row * s->inputs, s->result);
}

void peer_scores(void *peer, double *scores)
{
	struct scalar *s = peer;

	for (size_t i = 0; i < s->outputs; i++)
		scores[i] = s->result[i];
}
