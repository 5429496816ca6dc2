// SPDX-License-Identifier: GPL-2.0
/* Time, hot and cold, and agreement of results. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "bench.h"

enum { HOT_SAMPLES = 401, COLD_SAMPLES = 301 };

/* A hot sample is about this long. */
static const double SAMPLE_NS = 50e3;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), ascending);
	return samples[count / 2];
}

static size_t class_of(const double *scores, size_t outputs)
{
	size_t best = 0;

	for (size_t i = 1; i < outputs; i++)
		if (scores[i] > scores[best])
			best = i;
	return best;
}

/*
 * On every row: the largest difference from what is expected, as a share of the spread of that score, and how often the
 * class is another.
 */
void compare(const struct test *test, struct runner *runner)
{
	size_t rows = test->info.rows, outputs = test->info.outputs, other = 0;
	double *scores = calloc(outputs, sizeof(*scores)), *expected = calloc(outputs, sizeof(*expected));
	double sum = 0, squares = 0, error = 0, worst = 0;
	double middle;

	if (!runner->scores)
		return;
	for (size_t i = 0; i < rows * outputs; i++) {
		sum += test->expected[i];
		squares += (double)test->expected[i] * test->expected[i];
	}
	middle = sum / (rows * outputs);
	for (size_t row = 0; row < rows; row++) {
		runner->run(runner->self, row);
		runner->scores(runner->self, scores);
		for (size_t i = 0; i < outputs; i++) {
			double off = fabs(scores[i] - (expected[i] = test->expected[row * outputs + i]));

			error += off * off;
			worst = off > worst ? off : worst;
		}
		if (outputs == 1)
			other += (scores[0] > test->boundary) != (expected[0] > test->boundary);
		else
			other += class_of(scores, outputs) != class_of(expected, outputs);
	}
	printf("{\"name\": \"%s\", \"exact\": %s, \"error\": %.6f, \"same_class\": %.4f, \"only_class\": %s}\n", runner->name,
	       worst == 0 ? "true" : "false", sqrt(error / (rows * outputs)) / sqrt(squares / (rows * outputs) - middle * middle),
	       1 - (double)other / rows, runner->only_class ? "true" : "false");
	free(scores);
	free(expected);
}

static double batch(struct runner *runner, size_t rows, size_t *row, size_t calls)
{
	double start = now();

	for (size_t i = 0; i < calls; i++) {
		runner->run(runner->self, *row);
		*row = *row + 1 == rows ? 0 : *row + 1;
	}
	return (now() - start) / calls;
}

static uint64_t timed(struct runner *runner, size_t row)
{
	unsigned int aux;
	uint64_t start, end;

	_mm_mfence();
	_mm_lfence();
	start = __rdtsc();
	_mm_lfence();
	if (runner)
		runner->run(runner->self, row);
	end = __rdtscp(&aux);
	_mm_lfence();
	return end - start;
}

static double ns_per_tick(void)
{
	double start = now();
	uint64_t ticks = __rdtsc();

	while (now() - start < 20e6)
		;
	return (now() - start) / (__rdtsc() - ticks);
}

/* One call with its parameters in no cache; the rest of what it needs is where the call before left it. */
static double cold(struct runner *runner, size_t rows)
{
	static double samples[COLD_SAMPLES];
	uint64_t overhead = UINT64_MAX;
	double scale = ns_per_tick();

	for (int i = 0; i < 1000; i++) {
		uint64_t ticks = timed(NULL, 0);

		overhead = ticks < overhead ? ticks : overhead;
	}
	for (size_t i = 0; i < COLD_SAMPLES; i++) {
		runner->run(runner->self, (i + 1) % rows);
		for (size_t at = 0; at < runner->evict_bytes; at += 64)
			_mm_clflush((const char *)runner->evict + at);
		samples[i] = (timed(runner, i % rows) - overhead) * scale;
	}
	return median(samples, COLD_SAMPLES);
}

/* Samples of all runners in turn, so that what disturbs the machine for a while disturbs all. */
void time_all(const struct test *test, struct runner *runners, size_t count)
{
	double (*samples)[HOT_SAMPLES] = calloc(count, sizeof(*samples));
	size_t rows = test->info.rows;
	size_t *calls = calloc(count, sizeof(*calls)), *row = calloc(count, sizeof(*row));

	for (size_t i = 0; i < count; i++) {
		double ns = batch(&runners[i], rows, &row[i], rows);

		calls[i] = ns < SAMPLE_NS ? (size_t)(SAMPLE_NS / ns) : 1;
		batch(&runners[i], rows, &row[i], rows);
	}
	for (size_t sample = 0; sample < HOT_SAMPLES; sample++)
		for (size_t i = 0; i < count; i++)
			samples[i][sample] = batch(&runners[i], rows, &row[i], calls[i]);
	for (size_t i = 0; i < count; i++) {
		printf("{\"name\": \"%s\", \"ns\": %.2f", runners[i].name, median(samples[i], HOT_SAMPLES));
		if (runners[i].evict)
			printf(", \"cold_ns\": %.2f", cold(&runners[i], rows));
		puts("}");
	}
}
