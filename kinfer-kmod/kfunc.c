// SPDX-License-Identifier: GPL-2.0
/*
 * kinfer_decide() for BPF programs. In C, because Rust objects are left out of
 * BTF and the BPF verifier takes a kfunc's prototype from there.
 */
#include <linux/align.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/module.h>

#include "kinfer_shim.h"

__bpf_kfunc_start_defs();

/**
 * kinfer_decide - decide on a row of counters with the model in place
 * @point: decision point, must be 0
 * @raw: aligned s64 counters in the order of the model's schema
 * @raw__sz: bytes of @raw
 * @decision: the answer; outcome 0 and KINFER_F_FALLBACK if the return value is
 *            not 0, or if this CPU is deciding already at this context level
 *
 * Return: 0, -ENOENT if there is no model, -EINVAL if the arguments do not fit it.
 */
__bpf_kfunc int kinfer_decide(u32 point, const void *raw, u32 raw__sz,
			      struct kinfer_decision *decision)
{
	if (point || raw__sz % sizeof(s64) || !IS_ALIGNED((unsigned long)raw, sizeof(s64))) {
		*decision = (struct kinfer_decision){ .flags = KINFER_F_FALLBACK };
		kinfer_count_fallback();
		return -EINVAL;
	}
	return kinfer_rs_decide(raw, raw__sz / sizeof(s64), decision);
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(kinfer_kfunc_ids)
BTF_ID_FLAGS(func, kinfer_decide)
BTF_KFUNCS_END(kinfer_kfunc_ids)

static const struct btf_kfunc_id_set kinfer_kfunc_set = {
	.owner	= THIS_MODULE,
	.set	= &kinfer_kfunc_ids,
};

/**
 * kinfer_kfunc_init - offer the kfunc; it is withdrawn with the module's BTF
 */
int kinfer_kfunc_init(void)
{
	static const enum bpf_prog_type types[] = {
		BPF_PROG_TYPE_SYSCALL,
		BPF_PROG_TYPE_STRUCT_OPS,
		BPF_PROG_TYPE_TRACING,
	};
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ret = register_btf_kfunc_id_set(types[i], &kinfer_kfunc_set);
		if (ret)
			return ret;
	}
	return 0;
}
