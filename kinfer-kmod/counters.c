// SPDX-License-Identifier: GPL-2.0
/* What happened to requests for a decision, counted per CPU. */
#include <linux/cpumask.h>
#include <linux/percpu.h>

#include "kinfer_shim.h"

struct kinfer_counters {
	u64 decisions;
	u64 fallbacks;
};

static DEFINE_PER_CPU(struct kinfer_counters, kinfer_counters);

void kinfer_count_decision(void)
{
	this_cpu_inc(kinfer_counters.decisions);
}

void kinfer_count_fallback(void)
{
	this_cpu_inc(kinfer_counters.fallbacks);
}

/**
 * kinfer_counters_read - sums since the module was loaded
 * @decisions: decisions that a model took
 * @fallbacks: requests that got the fallback
 */
void kinfer_counters_read(u64 *decisions, u64 *fallbacks)
{
	int cpu;

	*decisions = 0;
	*fallbacks = 0;
	for_each_possible_cpu(cpu) {
		const struct kinfer_counters *counters = per_cpu_ptr(&kinfer_counters, cpu);

		*decisions += READ_ONCE(counters->decisions);
		*fallbacks += READ_ONCE(counters->fallbacks);
	}
}
