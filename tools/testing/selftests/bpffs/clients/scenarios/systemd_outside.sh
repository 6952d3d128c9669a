#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# systemd as the first process, with a view in each of its cgroups, also in those of a service that is
# a system of its own: it boots, runs and shuts down. Run by on_systemd where ours serves.
# The commands of services are theirs to expand.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"
# shellcheck source=tools/testing/selftests/bpffs/clients/service.sh
. "$HERE/service.sh"

cgroups=/sys/fs/cgroup
slice=$cgroups/system.slice
files() { find "$cgroups" -name bpf.view; }
# Whether each cgroup has its file; systemd may make and remove some meanwhile.
everywhere() { [[ $(find "$cgroups" -type d | wc -l) == $(files | wc -l) ]]; }

# Not systemd's own mount, which is of C's if the module was loaded after that.
must mount --mkdir -t bpf -o instance=outside bpf /run/outside
must "$HERE/view-load-c" "$HERE/view.bpf.o" /run/outside/view
"$HERE/view-follow-rust" /run/outside/view "$cgroups" &
follower=$!
soon everywhere
must systemctl is-system-running

# Services come and go, and their cgroups with them.
service plain 'until cat /sys/fs/cgroup/system.slice/bpffs-plain.service/bpf.view; do sleep 0.1; done 2>/dev/null'
started
said "cgroup bpffs-plain.service"
soon not test -e "$slice/bpffs-plain.service"
service denied 'sleep 1; cat /sys/fs/cgroup/system.slice/bpffs-denied.service/bpf.view' User=nobody
failed
said "Permission denied"

# A manager of cgroups of its own removes them with what is in them.
service delegated 'cd /sys/fs/cgroup/system.slice/bpffs-delegated.service
	mkdir -p sub/deep
	until [[ -e sub/bpf.view && -e sub/deep/bpf.view ]]; do sleep 0.1; done
	ls -l sub/deep/bpf.view; rmdir sub/deep sub && ls -d sub' User=nobody Delegate=yes
failed
said "-r-------- 1 root root"
said "cannot access 'sub'"
service controllers 'cd /sys/fs/cgroup/system.slice/bpffs-controllers.service
	mkdir leaf && echo $$ >leaf/cgroup.procs && echo +memory +pids >cgroup.subtree_control
	until grep memory_bytes leaf/bpf.view; do sleep 0.1; done 2>/dev/null
	echo $$ >/sys/fs/cgroup/cgroup.procs; rmdir leaf' Delegate=yes
started
said memory_bytes

# What looks at all cgroups.
must systemd-cgls --no-pager
said init.scope
expect test "${out/bpf.view/}" = "$out"
must systemd-cgtop --batch --iterations=2 --delay=100ms --raw
said system.slice
must systemctl status --no-pager
must systemctl daemon-reload
must systemctl daemon-reexec
must systemctl is-system-running
soon everywhere

# A system in a service: systemd is its first process, in namespaces of its own.
cat >/run/inner-system.sh <<'END'
set -euo pipefail
mount --make-rprivate /
mount -t proc proc /proc
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/systemd/system
cd /run/systemd/system
cat >inner.target <<'UNIT'
[Unit]
DefaultDependencies=no
Wants=inner-long.service inner-last.service
UNIT
cat >inner-long.service <<'UNIT'
[Unit]
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
[Service]
ExecStart=/bin/sleep infinity
UNIT
cat >inner-last.service <<'UNIT'
[Unit]
DefaultDependencies=no
After=inner-long.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'until cat /sys/fs/cgroup/system.slice/inner-long.service/bpf.view; do sleep 0.1; done 2>/dev/null'
ExecStart=/bin/sh -c 'systemctl status --no-pager; find /sys/fs/cgroup -name bpf.view'
# As systemctl does where there is no bus, and nothing that may go wrong before that. The shell has its own
# kill: not every root has the program.
ExecStart=/bin/bash -c 'kill -s RTMIN+4 1'
StandardOutput=append:/tmp/inner.said
UNIT
exec env -i container=bpffs SYSTEMD_PROC_CMDLINE= /usr/lib/systemd/systemd --unit=inner.target --log-target=console --show-status=no
END
service inner 'unshare --pid --fork --kill-child --mount --cgroup bash /run/inner-system.sh
	echo "ended: $?"; cat /tmp/inner.said' Delegate=yes TimeoutStartSec=600
said "cgroup inner-long.service"
said "/sys/fs/cgroup/init.scope/bpf.view"
# The kernel ends a system in a PID namespace that is switched off by SIGINT.
said "ended: 130"
soon not test -e "$slice/bpffs-inner.service"
must systemctl is-system-running

# The machine goes on when the view goes.
must rm /run/outside/view
expect not grep -q . <(files)
wait "$follower" || unmet "view-follow ends well"
must umount /run/outside
must systemctl is-system-running

finish
