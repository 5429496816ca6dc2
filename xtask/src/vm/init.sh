#!/usr/bin/busybox sh
# The first process of the virtual machine: prepares it, runs /run, and hands /out to the host.
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/usr/lib/busybox
export HOME=/root TERM=${TERM:-vt100} LC_ALL=C

# Programs of the Debian root come first in PATH; busybox stands in for the rest.
/usr/bin/busybox mkdir -p /usr/lib/busybox
/usr/bin/busybox --install -s /usr/lib/busybox

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# Debian builds configfs as a module.
modprobe configfs && mount -t configfs configfs /sys/kernel/config
ip link set lo up

mkdir -p /out
. /etc/kinfer-vm.env
echo 'kinfer-vm: begin' > /dev/kmsg

cd /
/run
status=$?

cd /
echo "$status" > /out/status
dmesg > /out/dmesg

# The port appears a moment after the virtio device does.
tries=0
while [ ! -c /dev/vport0p1 ] && [ "$tries" -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
tar -c -C /out . > /dev/vport0p1

# There may be no ACPI; with -no-reboot, QEMU ends here.
reboot -f
