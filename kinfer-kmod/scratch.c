// SPDX-License-Identifier: GPL-2.0
/*
 * Working memory of a decision: per CPU, and there one slot a context level
 * (task, softirq, hardirq, NMI), so that a decision never waits for another
 * nor allocates.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "kinfer_shim.h"

#define KINFER_LEVELS	4

struct kinfer_slot {
	s64 *words;
	bool busy;
};

static DEFINE_PER_CPU(struct kinfer_slot[KINFER_LEVELS], kinfer_slots);

static struct kinfer_slot *kinfer_slot(void)
{
	return this_cpu_ptr(&kinfer_slots[0]) + interrupt_context_level();
}

/**
 * kinfer_scratch_get - take the slot of this CPU and context
 *
 * Disables preemption until kinfer_scratch_put(). A slot is busy only when a
 * decision is re-entered at its own level, say by a BPF program that traces a
 * function called from it. Both sides run on the same CPU and the inner one
 * ends first, hence no atomic operation.
 *
 * Return: the slot's words, or NULL, preemption untouched, if it is busy.
 */
s64 *kinfer_scratch_get(void)
{
	struct kinfer_slot *slot;

	preempt_disable_notrace();
	slot = kinfer_slot();
	if (READ_ONCE(slot->busy)) {
		preempt_enable_notrace();
		return NULL;
	}
	WRITE_ONCE(slot->busy, true);
	barrier();
	return slot->words;
}

/**
 * kinfer_scratch_put - give back the slot taken at this level
 */
void kinfer_scratch_put(void)
{
	struct kinfer_slot *slot = kinfer_slot();

	barrier();
	WRITE_ONCE(slot->busy, false);
	preempt_enable_notrace();
}

/**
 * kinfer_scratch_exit - free all slots; nobody may be deciding
 */
void kinfer_scratch_exit(void)
{
	int cpu, level;

	for_each_possible_cpu(cpu) {
		struct kinfer_slot *slots = per_cpu(kinfer_slots, cpu);

		for (level = 0; level < KINFER_LEVELS; level++) {
			kvfree(slots[level].words);
			slots[level].words = NULL;
		}
	}
}

/**
 * kinfer_scratch_init - allocate every slot
 * @words: size of one
 */
int kinfer_scratch_init(size_t words)
{
	int cpu, level;

	for_each_possible_cpu(cpu) {
		struct kinfer_slot *slots = per_cpu(kinfer_slots, cpu);

		for (level = 0; level < KINFER_LEVELS; level++) {
			slots[level].words = kvcalloc_node(words, sizeof(s64), GFP_KERNEL,
							   cpu_to_node(cpu));
			if (!slots[level].words) {
				kinfer_scratch_exit();
				return -ENOMEM;
			}
		}
	}
	return 0;
}
