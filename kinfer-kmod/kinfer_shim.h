/* SPDX-License-Identifier: GPL-2.0 */
/* What the C and the Rust part of the module ask of each other. */
#ifndef _KINFER_SHIM_H
#define _KINFER_SHIM_H

#include <linux/types.h>
#include <linux/kinfer.h>

/* decide.rs */

/**
 * kinfer_rs_decide - decide on a row of counters with the model in place
 * @raw: @count counters, aligned; may change meanwhile
 * @count: number of counters
 * @decision: the answer; the fallback if the return value is not 0
 *
 * For any context, NMI included. Takes no lock, allocates nothing.
 *
 * Return: 0, -ENOENT if there is no model, -EINVAL if it takes another count.
 */
int kinfer_rs_decide(const s64 *raw, size_t count, struct kinfer_decision *decision);

/* scratch.c */

int kinfer_scratch_init(size_t words);
void kinfer_scratch_exit(void);
s64 *kinfer_scratch_get(void);
void kinfer_scratch_put(void);

/* counters.c */

void kinfer_count_decision(void);
void kinfer_count_fallback(void);
void kinfer_counters_read(u64 *decisions, u64 *fallbacks);

/* kfunc.c */

int kinfer_kfunc_init(void);

/* measure.c */

int kinfer_measure(const s64 *raw, size_t count, u32 rounds, u64 *decide_ns, u64 *empty_ns);

#endif /* _KINFER_SHIM_H */
