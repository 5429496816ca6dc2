// SPDX-License-Identifier: GPL-2.0
/*
 * The core's object against peers, on one case:
 *
 *	harness time DIR [NAME=PEER.so]...	nanoseconds, a JSON object a line
 *	harness count DIR...			for callgrind, which collects in measured()
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { MAX_RUNNERS = 16, COUNTED_ROWS = 64 };

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* The highest processor we may use: interrupts tend to go to the lowest. */
static void pin(void)
{
	cpu_set_t allowed, one;
	int cpu = CPU_SETSIZE - 1;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	while (cpu > 0 && !CPU_ISSET(cpu, &allowed))
		cpu--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void time_case(const char *dir, char **peers, int count)
{
	struct runner runners[MAX_RUNNERS];
	struct test test;
	char error[256];
	size_t used = 0;

	pin();
	read_test(&test, dir);
	runners[used++] = kinfer_runner(&test);
	if (test.work == 'd')
		runners[used++] = kinfer_network(&test);
	for (int i = 0; i < count && used < MAX_RUNNERS; i++) {
		char *object = strchr(peers[i], '=');

		if (!object)
			fail("%s is not NAME=PEER.so", peers[i]);
		*object++ = 0;
		if (open_peer(&runners[used], &test, peers[i], object, error, sizeof(error)))
			used++;
		else
			printf("{\"name\": \"%s\", \"absent\": \"%s\"}\n", peers[i], error);
	}
	for (size_t i = 0; i < used; i++)
		compare(&test, &runners[i]);
	time_all(&test, runners, used);
}

/* Callgrind collects in here and writes its counts when this returns. */
static __attribute__((noinline, noclone)) void measured(struct runner *runner)
{
	for (size_t row = 0; row < COUNTED_ROWS; row++)
		runner->run(runner->self, row);
}

static void count_case(const char *dir)
{
	struct runner runner;
	struct test test;

	read_test(&test, dir);
	runner = kinfer_runner(&test);
	measured(&runner);
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "time")) {
		time_case(argv[2], argv + 3, argc - 3);
	} else if (argc >= 3 && !strcmp(argv[1], "count")) {
		for (int i = 2; i < argc; i++)
			count_case(argv[i]);
	} else {
		fail("usage: harness time DIR [NAME=PEER.so]... | count DIR...");
	}
	return 0;
}
