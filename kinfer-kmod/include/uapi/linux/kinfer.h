/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/kinfer: load an integer model into the kernel and ask it for decisions.
 *
 * Every structure has the same layout for 32-bit and 64-bit callers: no
 * implicit padding, 64-bit members at multiples of 8, pointers as __u64.
 */
#ifndef _UAPI_LINUX_KINFER_H
#define _UAPI_LINUX_KINFER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Value of kinfer_info.abi that this header describes. */
#define KINFER_ABI		1

/* Bits of kinfer_decision.flags. */
#define KINFER_F_OUT_OF_RANGE	(1U << 0)	/* an input lay outside its calibrated range */
#define KINFER_F_LOW_MARGIN	(1U << 1)	/* the margin is below the model's own threshold */
#define KINFER_F_FALLBACK	(1U << 2)	/* no model decided: take the caller's default */
#define KINFER_F_ANOMALY	(1U << 3)	/* the score is above an anomaly head's threshold */

/**
 * struct kinfer_decision - what a model says about one row of counters
 * @outcome: index of the outcome chosen
 * @flags: KINFER_F_* bits
 * @value: score of that outcome, signed 32.32 fixed point
 * @margin: distance to the runner-up or the threshold, signed 32.32 fixed point
 */
struct kinfer_decision {
	__u32 outcome;
	__u32 flags;
	__s64 value;
	__s64 margin;
};

/**
 * struct kinfer_load - argument of KINFER_IOC_LOAD
 * @addr: user address of the model file's bytes
 * @len: number of bytes
 * @point: decision point that the model serves, must be 0
 */
struct kinfer_load {
	__u64 addr;
	__u32 len;
	__u32 point;
};

/**
 * struct kinfer_decide - argument of KINFER_IOC_DECIDE
 * @raw: user address of @count __s64 counters in the order of the model's schema
 * @count: number of counters, must equal kinfer_info.inputs
 * @point: decision point, must be 0
 * @decision: the kernel's answer
 */
struct kinfer_decide {
	__u64 raw;
	__u32 count;
	__u32 point;
	struct kinfer_decision decision;
};

/**
 * struct kinfer_info - answer of KINFER_IOC_INFO
 * @abi: KINFER_ABI of the running module
 * @loaded: 1 if a model is in place, else 0 and the model's members are 0
 * @inputs: counters that the model takes
 * @outcomes: classes that it chooses from
 * @model_bytes: length of the model file
 * @packed_bytes: memory that holds the packed model
 * @scratch_bytes: scratch memory that one decision uses
 * @ops: operations of the costliest decision, as the verifier proved
 * @loads: models accepted since the module was loaded
 * @decisions: decisions taken by models since then
 * @fallbacks: requests since then that no model could answer
 * @model_crc: CRC-32C of the model file
 * @reserved: 0
 */
struct kinfer_info {
	__u32 abi;
	__u32 loaded;
	__u32 inputs;
	__u32 outcomes;
	__u64 model_bytes;
	__u64 packed_bytes;
	__u64 scratch_bytes;
	__u64 ops;
	__u64 loads;
	__u64 decisions;
	__u64 fallbacks;
	__u32 model_crc;
	__u32 reserved;
};

/**
 * struct kinfer_measure - argument of KINFER_IOC_MEASURE
 * @raw: user address of @count __s64 counters
 * @count: number of counters, must equal kinfer_info.inputs
 * @point: decision point, must be 0
 * @rounds: how often to measure, at least 1
 * @reserved: must be 0
 * @decide_ns: shortest round with one decision, interrupts off
 * @empty_ns: shortest round with none: the cost of measuring
 */
struct kinfer_measure {
	__u64 raw;
	__u32 count;
	__u32 point;
	__u32 rounds;
	__u32 reserved;
	__u64 decide_ns;
	__u64 empty_ns;
};

#define KINFER_IOC_MAGIC	'k'

/*
 * LOAD, UNLOAD and MEASURE need CAP_SYS_ADMIN in the initial user namespace.
 *
 * A refused LOAD leaves the model in place as it was, returns an error and
 * keeps one sentence (UTF-8, no newline) that says what is wrong and where:
 * pread(2) it from offset 0 of the same open file. It is there until the next
 * LOAD of that open file; a successful LOAD empties it.
 *
 * Errors:
 *   EINVAL	point or a reserved member is not 0; the counters are not as
 *		many as the model takes; rounds is 0; the model is malformed
 *   EOPNOTSUPP	the model is of a version, or has parts, not known here
 *   E2BIG	the model is over the kernel's budget: file, memory, operations
 *   ENOENT	no model is in place (DECIDE, MEASURE, UNLOAD)
 *   EPERM	CAP_SYS_ADMIN is missing
 *   EFAULT	an address is not the caller's
 *   ENOTTY	the request is none of these
 */
#define KINFER_IOC_LOAD		_IOW(KINFER_IOC_MAGIC, 1, struct kinfer_load)
#define KINFER_IOC_DECIDE	_IOWR(KINFER_IOC_MAGIC, 2, struct kinfer_decide)
#define KINFER_IOC_INFO		_IOR(KINFER_IOC_MAGIC, 3, struct kinfer_info)
#define KINFER_IOC_MEASURE	_IOWR(KINFER_IOC_MAGIC, 4, struct kinfer_measure)
#define KINFER_IOC_UNLOAD	_IO(KINFER_IOC_MAGIC, 5)

#endif /* _UAPI_LINUX_KINFER_H */
