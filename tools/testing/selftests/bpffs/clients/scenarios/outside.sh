#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Pinned objects that are exposed in directories of cgroups and of sysfs: what reads, lists, copies and
# removes there comes across their files.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

top=/sys/fs/cgroup/outside
# exposed PIN: what the pin says of its files.
exposed() { getfattr --absolute-names -n bpf.exposed --only-values "$1"; }
as_user() { run setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set -all "$@"; }
works() { [[ $status == 0 ]] || unmet "must work"; }

must mount -t bpf bpf "$BPF"
must "$HERE/view-load-c" "$HERE/view.bpf.o" "$BPF/view"
must mkdir -p "$top/a/deep" "$top/b"
must "$HERE/bpffs-expose-c" "$BPF/view" "$top/bpf.view"
must "$HERE/bpffs-expose-c" "$BPF/view" "$top/a/bpf.view"
must "$HERE/bpffs-expose-c" "$BPF/view" "$top/a/deep/bpf.view"
must "$HERE/bpffs-expose-c" "$BPF/view" "$top/b/bpf.view"
refused "$HERE/bpffs-expose-c" "$BPF/view" "$top/b/bpf.view"
said "File exists"
refused "$HERE/bpffs-expose-c" "$BPF/view" "$top/b/view"
said "Operation not permitted"
must exposed "$BPF/view"
said 4
must getfattr --absolute-names -n bpf.exposed_at --only-values "$BPF/view"
said "cgroup2:/outside/a/deep/bpf.view"

# Found, read and copied.
must find "$top" -name 'bpf.*' -type f -printf '%M %u:%g %s %P\n'
said "-r-------- root:root"
must find "$top" -name 'bpf.*' -exec cat {} +
said "cgroup outside"
said "cgroup deep"
# Some of cgroup's own cannot be read.
find /sys/fs/cgroup -type f -exec cat {} + >/tmp/all 2>&1 || true
expect grep -qx "cgroup deep" /tmp/all
expect not grep "bpf.view:" /tmp/all
must grep -r --include='bpf.*' '^id' "$top"
said "deep/bpf.view:id"
must cp "$top/a/bpf.view" /tmp/copy
must cat /tmp/copy
said "cgroup a"
must cp -a "$top/a/bpf.view" /tmp/copy
must dd if="$top/a/bpf.view" bs=1 count=8 status=none
said "cgroup a"
must head -n 1 "$top/b/bpf.view"
must tail -n 1 "$top/b/bpf.view"
must busybox cat "$top/b/bpf.view"
must python3 -c 'import sys; print(open(sys.argv[1]).read())' "$top/b/bpf.view"
said "cgroup b"
must ls -lR --time-style=+ "$top"
must du -s "$top"
must tree "$top/a"
must tar -C "$top" -cf /tmp/archive.tar --ignore-failed-read a/bpf.view
refused getfattr -n bpf.type "$top/a/bpf.view"
said "Operation not supported"
run bpftool link show pinned "$top/a/bpf.view"
said "order self_only"

# Who is not root reads what root lets.
as_user cat "$top/a/bpf.view"
said "Permission denied"
must chmod a+r "$top/a/bpf.view"
as_user cat "$top/a/bpf.view"
works
said "cgroup a"
refused rm -f "$top/a/bpf.view"
said "Operation not permitted"

# A cgroup that was given to somebody: as a container's manager does, and in a cgroup namespace.
must mkdir "$top/given"
must chown 1000:1000 "$top/given" "$top/given/cgroup.procs" "$top/given/cgroup.subtree_control" "$top/given/cgroup.threads"
as_user mkdir "$top/given/own"
works
must "$HERE/bpffs-expose-c" "$BPF/view" "$top/given/own/bpf.view"
must chmod a+r "$top/given/own/bpf.view"
must bash -c "echo \$\$ >$top/given/cgroup.procs; exec unshare --cgroup --mount bash -euc '
	mount -t cgroup2 cgroup2 /mnt; ls /mnt/own/bpf.view; cat /mnt/own/bpf.view
	setpriv --reuid 1000 --clear-groups rmdir /mnt/own; ls /mnt'"
said "cgroup own"
expect test ! -e "$top/given/own"
# What runc and crun do of a container's cgroups, with a reader in one.
must "$HERE/bpffs-expose-c" "$BPF/view" "$top/given/bpf.view"
exec 7<"$top/a/deep/bpf.view" 8<"$top/given/bpf.view"
must find "$top/a" "$top/given" -depth -type d -exec rmdir {} +
refused bash -c 'cat <&7'
said "No such device"
exec 7<&- 8<&-
must exposed "$BPF/view"
said 2
run bpftool link show pinned "$BPF/view"
said "order self_only"

# One file less.
must "$HERE/bpffs-expose-c" --remove "$top/b/bpf.view"
expect test ! -e "$top/b/bpf.view"
refused "$HERE/bpffs-expose-c" --remove "$top/b/cgroup.procs"
said "is not an exposed file"
must exposed "$BPF/view"
said 1

# A tree that somebody follows.
must "$HERE/view-load-c" "$HERE/view.bpf.o" "$BPF/followed"
"$HERE/view-follow-rust" "$BPF/followed" "$top" bpf.followed >/tmp/said &
soon grep "bpf.followed is in 2 cgroups" /tmp/said
must mkdir -p "$top/c/deeper/still"
soon cat "$top/c/deeper/still/bpf.followed"
must rmdir "$top/c/deeper/still" "$top/c/deeper" "$top/c"
must mkdir "$top/c"
soon cat "$top/c/bpf.followed"
must rm "$BPF/followed"
expect not grep -q . <(find "$top" -name bpf.followed)
wait $! || unmet "view-follow ends well"
must cat /tmp/said
said "is gone"

# A hierarchy of cgroup v1, and a map in sysfs.
must mkdir /tmp/v1
must mount -t cgroup -o none,name=outside cgroup /tmp/v1
must mkdir /tmp/v1/old
must "$HERE/bpffs-expose-c" "$BPF/view" /tmp/v1/old/bpf.view
must cat /tmp/v1/old/bpf.view
said "cgroup old"
must "$HERE/bpffs-expose-c" "$BPF/view" /tmp/v1/bpf.view
must bpftool prog load "$HERE/plain.bpf.o" "$BPF/prog" pinmaps "$BPF"
must "$HERE/bpffs-expose-c" "$BPF/runs" /sys/kernel/bpf.runs
must cat /sys/kernel/bpf.runs
said "0: 0"
must bpftool map show pinned /sys/kernel/bpf.runs
must getfattr --absolute-names -n bpf.exposed_at --only-values "$BPF/runs"
said "sysfs:/kernel/bpf.runs"
must "$HERE/bpffs-expose-c" --remove /sys/kernel/bpf.runs
expect test ! -e /sys/kernel/bpf.runs
must rmdir /tmp/v1/old
must umount /tmp/v1

# The file system's end is theirs.
must umount "$BPF"
must find "$top" -name 'bpf.*'
silent
must find "$top" -depth -type d -exec rmdir {} +

finish
