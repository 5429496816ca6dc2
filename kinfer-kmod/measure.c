// SPDX-License-Identifier: GPL-2.0
/* The time of one decision, without interrupts in between. */
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "kinfer_shim.h"

/**
 * kinfer_measure - shortest of several decisions, and of nothing, in nanoseconds
 * @raw: counters to decide on
 * @count: number of counters
 * @rounds: how often to measure, at least 1
 * @decide_ns: shortest round with one decision
 * @empty_ns: shortest round with none
 *
 * Return: 0, -EINTR on a signal, else what the decision returned.
 */
int kinfer_measure(const s64 *raw, size_t count, u32 rounds, u64 *decide_ns, u64 *empty_ns)
{
	struct kinfer_decision decision;
	unsigned long flags;
	u64 start, middle, end;
	int ret;

	*decide_ns = U64_MAX;
	*empty_ns = U64_MAX;
	while (rounds--) {
		local_irq_save(flags);
		start = ktime_get_mono_fast_ns();
		middle = ktime_get_mono_fast_ns();
		ret = kinfer_rs_decide(raw, count, &decision);
		end = ktime_get_mono_fast_ns();
		local_irq_restore(flags);
		if (ret)
			return ret;

		*empty_ns = min(*empty_ns, middle - start);
		*decide_ns = min(*decide_ns, end - middle);
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
