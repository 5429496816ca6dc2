// SPDX-License-Identifier: GPL-2.0-only
/* Asks the module for a decision through its kfunc, on BPF_PROG_TEST_RUN. */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/kinfer.h>
#include <bpf/bpf_helpers.h>

#include "decide.h"

extern int kinfer_decide(__u32 point, const void *raw, __u32 raw__sz,
			 struct kinfer_decision *decision) __ksym;

SEC("syscall")
int decide(struct kinfer_bpf_decide *ctx)
{
	__u32 size = ctx->raw_size;

	/* The verifier wants to see the bound. */
	if (size > sizeof(ctx->raw)) {
		ctx->status = -E2BIG;
		return 0;
	}
	ctx->status = kinfer_decide(ctx->point, ctx->raw, size, &ctx->decision);
	return 0;
}

char _license[] SEC("license") = "GPL";
