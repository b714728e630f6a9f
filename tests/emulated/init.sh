#!/bin/busybox sh
# shellcheck shell=dash
# The first and only process of the emulated machine: runs the lines of /commands, one after the other, and says on the
# serial line what came of each.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp OPENBLAS_NUM_THREADS=1
mount -t proc none /proc
mount -t sysfs none /sys
cd /work || poweroff -f
number=0
while read -r line; do
    echo "<$number>"
    eval "$line" 2>&1
    echo "<end $number $?>"
    number=$((number + 1))
done </commands
sleep 2 # the serial line is slow
poweroff -f
