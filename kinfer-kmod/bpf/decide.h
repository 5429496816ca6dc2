/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Context of decide.bpf.c's program, SEC("syscall") int decide(struct
 * kinfer_bpf_decide *ctx): what tests/vm passes to BPF_PROG_TEST_RUN and reads
 * back. Included after the definition of struct kinfer_decision.
 */
#ifndef _KINFER_BPF_DECIDE_H
#define _KINFER_BPF_DECIDE_H

#define KINFER_BPF_MAX_COUNTERS	256

/**
 * struct kinfer_bpf_decide - one call of the kfunc kinfer_decide()
 * @point: passed on as it is
 * @raw_size: bytes of @raw to pass, at most sizeof(raw); need not be a multiple of 8
 * @status: what the kfunc returned, or -E2BIG when @raw_size is too large
 * @reserved: 0
 * @decision: the kfunc's answer
 * @raw: counters in schema order
 */
struct kinfer_bpf_decide {
	__u32 point;
	__u32 raw_size;
	__s32 status;
	__u32 reserved;
	struct kinfer_decision decision;
	__s64 raw[KINFER_BPF_MAX_COUNTERS];
};

#endif /* _KINFER_BPF_DECIDE_H */
