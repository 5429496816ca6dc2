// SPDX-License-Identifier: GPL-2.0
/* What is timed: the core's object, and peers from shared objects. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static void *allocate(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (!memory)
		fail("no memory for %zu bytes", bytes);
	return memory;
}

static void *read_file(const char *dir, const char *name, size_t *bytes)
{
	char path[4096];
	FILE *file;
	void *data;
	long size;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET))
		fail("cannot read %s", path);
	data = allocate(size + 1);
	if (fread(data, 1, size, file) != (size_t)size)
		fail("cannot read %s", path);
	((char *)data)[size] = 0;
	fclose(file);
	*bytes = size;
	return data;
}

void read_test(struct test *test, const char *dir)
{
	struct bench_case *info = &test->info;
	size_t bytes;
	char *text = read_file(dir, "case.txt", &bytes);

	if (sscanf(text, "work %c rows %zu inputs %zu outputs %zu raw_inputs %zu score_scale %lf boundary %lf",
		   &test->work, &info->rows, &info->inputs, &info->outputs, &test->raw_inputs, &info->score_scale,
		   &test->boundary) != 7)
		fail("cannot understand %s/case.txt", dir);
	info->dir = dir;
	info->quantized = read_file(dir, "quantized.i32", &bytes);
	info->real = read_file(dir, "real.f32", &bytes);
	test->raw = read_file(dir, "raw.i64", &bytes);
	test->expected = read_file(dir, "expected.i32", &bytes);
	test->file = read_file(dir, "model.kinf", &test->file_bytes);
}

struct kinfer {
	const struct test *test;
	struct sizes sizes;
	void *loaded;
	int64_t *memory, *scratch;
	const int32_t *result;
	uint32_t class;
};

static void load(void *self, size_t row)
{
	struct kinfer *k = self;

	(void)row;
	if (!kinfer_bench_load(k->test->file, k->test->file_bytes, k->memory, k->sizes.packed_words, k->loaded))
		fail("the model of %s cannot be loaded", k->test->info.dir);
}

static void infer(void *self, size_t row)
{
	struct kinfer *k = self;
	size_t inputs = k->test->info.inputs;

	k->result = kinfer_bench_infer(k->loaded, k->scratch, k->sizes.scratch_words, k->test->info.quantized + row * inputs,
				       inputs);
}

static void decide(void *self, size_t row)
{
	struct kinfer *k = self;
	size_t inputs = k->test->raw_inputs;

	k->class = kinfer_bench_decide(k->loaded, k->scratch, k->sizes.scratch_words, k->test->raw + row * inputs, inputs);
}

static void scores(void *self, double *scores)
{
	struct kinfer *k = self;

	for (size_t i = 0; i < k->test->info.outputs; i++)
		scores[i] = k->result[i];
}

static void class(void *self, double *scores)
{
	struct kinfer *k = self;

	for (size_t i = 0; i < k->test->info.outputs; i++)
		scores[i] = i == k->class;
}

static struct runner loaded(const struct test *test, const char *name, void (*run)(void *, size_t))
{
	struct kinfer *k = allocate(sizeof(*k));

	k->test = test;
	if (!kinfer_bench_size(test->file, test->file_bytes, &k->sizes))
		fail("the model of %s is refused", test->info.dir);
	k->loaded = allocate(k->sizes.loaded_bytes);
	k->memory = allocate(k->sizes.packed_words * sizeof(int64_t));
	k->scratch = allocate(k->sizes.scratch_words * sizeof(int64_t));
	load(k, 0);
	return (struct runner){
		.name = name,
		.run = run,
		.scores = run == infer ? scores : run == decide ? class : NULL,
		.only_class = run == decide,
		.self = k,
		.evict = run == load ? (const void *)test->file : k->memory,
		.evict_bytes = run == load ? test->file_bytes : k->sizes.packed_words * sizeof(int64_t),
	};
}

struct runner kinfer_runner(const struct test *test)
{
	return loaded(test, "kinfer", test->work == 'l' ? load : test->work == 'd' ? decide : infer);
}

struct runner kinfer_network(const struct test *test)
{
	return loaded(test, "network", infer);
}

/* The span of an object's read-only segments: its code and constants. */
static int find_segments(struct dl_phdr_info *info, size_t size, void *data)
{
	struct runner *runner = data;
	uintptr_t lo = UINTPTR_MAX, hi = 0, run = (uintptr_t)runner->run;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
			continue;
		lo = lo < info->dlpi_addr + segment->p_vaddr ? lo : info->dlpi_addr + segment->p_vaddr;
		hi = hi > info->dlpi_addr + segment->p_vaddr + segment->p_memsz ?
			     hi :
			     info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
	}
	if (run < lo || run >= hi)
		return 0;
	runner->evict = (const void *)lo;
	runner->evict_bytes = hi - lo;
	return 1;
}

bool open_peer(struct runner *runner, const struct test *test, const char *name, const char *object, char *error, size_t size)
{
	void *(*open)(const struct bench_case *, char *, size_t);
	void *library = dlopen(object, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		snprintf(error, size, "%s", dlerror());
		return false;
	}
	*runner = (struct runner){ .name = name, .only_class = dlsym(library, "peer_only_class") };
	*(void **)&open = dlsym(library, "peer_open");
	*(void **)&runner->run = dlsym(library, "peer_run");
	*(void **)&runner->scores = dlsym(library, "peer_scores");
	if (!open || !runner->run || !runner->scores)
		fail("%s is no peer", object);
	runner->self = open(&test->info, error, size);
	if (runner->self && dlsym(library, "peer_is_constant"))
		dl_iterate_phdr(find_segments, runner);
	return runner->self;
}
