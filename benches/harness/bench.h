/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KINFER_BENCH_H
#define KINFER_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "peer.h"

/* object/bench.rs */
struct sizes {
	size_t loaded_bytes, packed_words, scratch_words;
};

bool kinfer_bench_size(const uint8_t *file, size_t len, struct sizes *sizes);
bool kinfer_bench_load(const uint8_t *file, size_t len, int64_t *memory, size_t words, void *loaded);
const int32_t *kinfer_bench_infer(const void *loaded, int64_t *scratch, size_t words, const int32_t *inputs, size_t count);
uint32_t kinfer_bench_decide(const void *loaded, int64_t *scratch, size_t words, const int64_t *raw, size_t count);

/* A case's folder, read. */
struct test {
	struct bench_case info;
	double boundary;		/* between the classes of a single score */
	size_t raw_inputs;
	const int64_t *raw;		/* [rows][raw_inputs] */
	const int32_t *expected;	/* [rows][outputs] */
	const uint8_t *file;
	size_t file_bytes;
	char work;			/* 'n'etwork, 'd'ecision or 'l'oad */
};

/* Something that is timed. */
struct runner {
	const char *name;
	void (*run)(void *self, size_t row);
	void (*scores)(void *self, double *scores);
	void *self;
	const void *evict;		/* what to flush to measure it cold, or NULL */
	size_t evict_bytes;
	bool only_class;
};

noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

void read_test(struct test *test, const char *dir);

/* The runner of the case's work, and of the network alone. */
struct runner kinfer_runner(const struct test *test);
struct runner kinfer_network(const struct test *test);

/* False, with the reason, if the peer is absent. */
bool open_peer(struct runner *runner, const struct test *test, const char *name, const char *object, char *error, size_t size);

/* Prints one JSON object for each runner. */
void compare(const struct test *test, struct runner *runner);
void time_all(const struct test *test, struct runner *runners, size_t count);

#endif
