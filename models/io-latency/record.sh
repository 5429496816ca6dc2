#!/bin/sh
# Records block I/Os inside the virtual machine: runs as the guest's /run and leaves everything under /out.
#
# modules: configfs null_blk scsi_debug sd_mod mq-deadline dm-mod dm-delay
# programs: fio dmsetup
# files: jobs
# machine: icount
# memory: 1G
# timeout: 900s
#
# /out/devices.txt  one line a recorded device: major:minor name completion-event parameters
# /out/trace.txt    the kernel's own tracepoints, one I/O event a line, microseconds of guest time
# /out/buffer.txt   the ring buffer's statistics: the recorder refuses a trace with lost events
set -eu

ROUNDS=${ROUNDS:-10}
SEED=${SEED:-20250}
JOBS=${JOBS:-/in/jobs}
TRACING=/sys/kernel/tracing
NULLB=/sys/kernel/config/nullb

# null_disk NAME MBPS COMPLETION_NSEC: a RAM disk with a completion timer and a bandwidth budget refilled 50 times a second.
null_disk() {
    mkdir "$NULLB/$1"
    for setting in memory_backed=1 size=64 max_sectors=2048 irqmode=2 "mbps=$2" "completion_nsec=$3" power=1; do
        echo "${setting#*=}" > "$NULLB/$1/${setting%%=*}"
    done
    whole_bios "$1"
}

# One bio stays one request, so that a submission and its completion name the same sectors.
whole_bios() {
    echo 2 > "/sys/block/$1/queue/nomerges"
    cat "/sys/block/$1/queue/max_hw_sectors_kb" > "/sys/block/$1/queue/max_sectors_kb"
    if [ "$(cat "/sys/block/$1/queue/max_sectors_kb")" -lt 256 ]; then
        echo "$1 splits I/Os of 256 KiB" >&2
        exit 1
    fi
}

# device NAME EVENT MBPS PARAMETERS: lists a device for the recorder and for the workload.
device() {
    echo "$(cat "/sys/block/$1/dev") $1 $2 $4" >> /out/devices.txt
    targets="$targets $1:$3"
}

modprobe null_blk nr_devices=0
modprobe scsi_debug dev_size_mb=64 ndelay=2500000 random=1 max_queue=4
modprobe sd_mod
modprobe dm-delay
modprobe mq-deadline

targets=
null_disk nullslow 32 800000
device nullslow block_rq_complete 32 "null_blk mbps=32 completion_nsec=800000"
null_disk nullfast 80 300000
device nullfast block_rq_complete 80 "null_blk mbps=80 completion_nsec=300000"

disk=
while [ -z "$disk" ]; do
    disk=$(ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block 2>/dev/null || sleep 0.1)
done
whole_bios "$disk"
echo mq-deadline > "/sys/block/$disk/queue/scheduler"
echo 64 > "/sys/block/$disk/queue/nr_requests"
device "$disk" block_rq_complete 60 "scsi_debug ndelay=2500000 random=1 max_queue=4, mq-deadline nr_requests=64"

null_disk nullback 40 200000
dmsetup create delayed --table "0 131072 delay /dev/nullback 0 4"
delayed=$(dmsetup info -c --noheadings -o blkdevname delayed)
device "$delayed" block_bio_complete 40 "dm-delay 4 ms over null_blk mbps=40 completion_nsec=200000"

echo 65536 > $TRACING/buffer_size_kb
echo mono > $TRACING/trace_clock
for event in block_bio_queue block_rq_complete block_bio_complete; do
    echo 1 > $TRACING/events/block/$event/enable
done

# Every round runs every job file on every device, in an order of its own; fio runs the files it is given one after another.
round=0
while [ "$round" -lt "$ROUNDS" ]; do
    index=0
    pids=
    for target in $targets; do
        index=$((index + 1))
        seed=$((SEED + 10 * round + index))
        order=$(ls "$JOBS" | grep -v '^common' | awk -v seed=$seed 'BEGIN { srand(seed) } { print rand(), $0 }' | sort -n | cut -d' ' -f2)
        mbps=${target#*:}
        (
            cd "$JOBS"
            export DEVICE="/dev/${target%:*}" RANDSEED="$seed" HALF="$((mbps * 500))k" MOST="$((mbps * 700))k" FIFTH="$((mbps * 200))k"
            # shellcheck disable=SC2086
            exec fio --eta=never --output="/tmp/fio.$round.$index" $order
        ) &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" || { cat /tmp/fio.*; exit 1; }
    done
    round=$((round + 1))
    echo "round $round of $ROUNDS"
done

echo 0 > $TRACING/tracing_on
cat $TRACING/per_cpu/cpu0/stats > /out/buffer.txt
cat $TRACING/trace > /out/trace.txt
