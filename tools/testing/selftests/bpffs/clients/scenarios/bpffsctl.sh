#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bpffsctl: what it shows of instances, pins and their holders, what it removes, exposes, loads and
# unloads; with and without the module, and without root.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

module=$(realpath "$HERE/../../../bpffs.ko")
units=/sys/fs/cgroup/system.slice
boxes=/sys/fs/cgroup/machine.slice
ctl() { "$HERE/bpffsctl" "$@"; }
attach() { python3 -BSEs "$HERE/attach.py" "$@"; }
as_user() { run setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set -all "$HERE/bpffsctl" "$@"; }
ended_with() { [[ $status == "$1" ]] || unmet "status must be $1"; }
not_said() { [[ $out != *"$1"* ]] || unmet "must not say: $1"; }
# json EXPRESSION COMMAND...: about what it prints.
json() { ctl --json "${@:2}" | python3 -IS -c 'import json, sys; it = json.load(sys.stdin); assert eval(sys.argv[1]), it' "$1"; }
# on_terminal INPUT COMMAND: prints what a terminal gets.
on_terminal() { printf '%s' "$1" | TERM=xterm script -qec "$2" /dev/null; }
others=()
# in_cgroup DIR COMMAND...: in the background, in a cgroup of its own.
in_cgroup() {
	mkdir -p "$1"
	(
		echo "$BASHPID" >"$1/cgroup.procs"
		exec "${@:2}"
	) &
	others+=($!)
}
# A task in BPF_OBJ_GET that the livepatch has to wait for.
block() {
	mkdir -p /tmp/unserved
	in_cgroup "$units/blocked.service" python3 -BSEs "$HERE/attach.py" block /tmp/unserved
	soon grep -q __sys_bpf "/proc/${others[0]}/stack"
}
unblock() {
	stop_others
	umount /tmp/unserved
}
stop_others() {
	[[ ${#others[@]} -eq 0 ]] || { kill -9 "${others[@]}" && wait "${others[@]}"; } 2>/dev/null || true
	others=()
}
leave() {
	stop_others
	find "$units" "$boxes" -depth -type d -exec rmdir {} + 2>/dev/null || true
	[[ -e /sys/module/bpffs ]] || insmod "$module"
}
trap leave EXIT

must mount -t bpf -o instance=ctl,nr_inodes=100,mode=755 bpf "$BPF"
must bpftool map create "$BPF/hash" type hash key 4 value 8 entries 4 name hash
must "$HERE/view-load-c" "$HERE/view.bpf.o" "$BPF/view"
must mkdir -p "$BPF/links" "$units/app"
must ip link add ctl0 type dummy
must ip netns add ctl
must attach cgroup "$units/app" "$BPF/links/of_cgroup" xdp ctl0 "$BPF/links/of_device" \
	netns /run/netns/ctl "$BPF/links/of_network" cgroup /sys/fs/cgroup "$BPF/links/stays"
must ln "$BPF/hash" "$BPF/links/again"
must ln -s hash "$BPF/symbolic"
must ln -s x "$BPF/$(printf 'bell\a\377')"

# Others who see it: a service, a container, a namespace that a file keeps, and a namespace in which
# only a part is mounted.
in_cgroup "$units/agent.service" bash -c "cd $BPF/links; exec unshare -m sleep 1000"
in_cgroup "$boxes/machine-box.scope" unshare -m bash -c "mkdir -p /tmp/part; mount --bind $BPF/links /tmp/part
	mount --move $BPF /mnt; umount /mnt; exec sleep 1000"
in_cgroup "$units/holder.service" python3 -BSEs "$HERE/attach.py" hold "$BPF/hash"
must mkdir -p /tmp/names
must mount -t tmpfs --make-private names /tmp/names
must touch /tmp/names/kept
must unshare --mount=/tmp/names/kept true
soon bash -c "$HERE/bpffsctl status | grep -q /tmp/part"
soon bash -c "$HERE/bpffsctl status | grep -q 'agent.service): working directory'"

must ctl status
said "bpffs name:ctl"
said "instance=ctl"
said "11 of 100"
said "2 maps, 5 links, 1 directory, 2 symbolic links"
said "mounted  $BPF here"
said "agent.service, process ${others[0]}"
said "/tmp/part (/links of it)"
said "nspawn container box"
said "no process, file /tmp/names/kept"
said "sleep (${others[0]}, agent.service): working directory $BPF/links"
not_said $'\e'
must json 'it["complete"] and it["module"]["livepatch"] == "enabled" and \
	[i for i in it["instances"] if i["key"] == "name:ctl"][0]["inodes"] == {"limit": 100, "used": 11}' status
expect grep -q $'\e' <(on_terminal '' "$HERE/bpffsctl status")
expect not grep -q $'\e' <(on_terminal '' "NO_COLOR=1 $HERE/bpffsctl status")

must ctl ls "$BPF"
said "map:hash"
said "symbolic -> hash"
said "bell\\x07"
not_said "of_device"
must ctl ls -lR "$BPF"
said "attached to cgroup /system.slice/app, cgroup_inet_egress"
said "(ctl0 in this network namespace)"
said "attached to network namespace ctl (net:["
said "attached to iterator over cgroup"
said "open in python3 (${others[2]}, holder.service)"
said "also at $BPF/links/again"
must json "[(r['id'], r['open_in'][0]['pid']) for r in it if r.get('open_in')] == [($(id_of map "$BPF/hash"), ${others[2]})]" ls -l "$BPF"
must ctl ls --of "$BPF/hash"
said "$BPF/links/again"
said "/tmp/part/again in mnt:["
said "nspawn container box"
must ctl ls --of "map:$(id_of map "$BPF/hash")"
refused ctl ls --of map:4000000000
said "not pinned anywhere"
refused ctl ls /tmp
said "not on a BPF file system"
refused ctl ls "$BPF/none"
said "No such file or directory"

# What is dead: only what has lost its target.
must ctl ls --dead
silent
must rmdir "$units/app"
must ip link del ctl0
must ip netns del ctl
soon bash -c "[[ \$($HERE/bpffsctl ls --dead | wc -l) == 3 ]]"
must ctl ls --dead
said "of_cgroup"
said "of_device"
said "of_network"
must ctl ls -lR "$BPF"
said "attached to a network device that is gone"
must ctl rm --dead --dry-run
said "3 pins would be removed"
refused ctl rm --dead
said "nobody can be asked"
must on_terminal $'n\n' "$HERE/bpffsctl rm --dead || echo left"
said "left"
expect test -e "$BPF/links/of_cgroup"
must on_terminal $'y\n' "$HERE/bpffsctl rm --dead $BPF/links/of_cgroup"
said "1 pin removed"
must ctl rm --dead --yes
said "2 pins removed"
must ls "$BPF/links"
[[ $out == $'again\nstays' ]] || unmet "stays what lives"
must ctl rm --yes "$BPF/symbolic"
refused ctl rm --yes "$BPF/links"
said "a directory"
expect test -e "$BPF/hash"

# Outside of the file system.
must ctl expose --mode 444 "$BPF/view" /sys/fs/cgroup/system.slice
must stat -c %a /sys/fs/cgroup/system.slice/bpf.view
said 444
must cat "$units/bpf.view"
said "cgroup system.slice"
must ctl ls -l "$BPF"
said "exposed at cgroup2:/system.slice/bpf.view"
must ctl ls --of "$BPF/view"
said "exposed at cgroup2:/system.slice/bpf.view"
run ctl expose "$BPF/view" "$units/bpf.view" "$units/bpf.more" "$units/x" /tmp/bpf.x
ended_with 3
said "bpf.view: File exists (there is a file of this name"
said "has to begin with"
said "not a directory of a cgroup or of sysfs"
refused ctl unexpose "$units/cgroup.procs"
said "not a file that exposes a pin"
must ctl unexpose "$units/bpf.view" "$units/bpf.more"
must find "$units" -name 'bpf.*'
silent
must ctl expose "$BPF/view" "$units/bpf.view" /sys/fs/cgroup/system.slice/bpf.again
must ctl unexpose --all "$BPF/view"
must find /sys/fs/cgroup -name 'bpf.*'
silent
must ctl unexpose --all "$BPF/view"
silent
# What cannot be removed is named.
must ctl expose "$BPF/view" "$units/bpf.view"
run unshare --mount bash -c 'mount -o remount,bind,ro /sys/fs/cgroup && exec "$@"' bash \
	"$HERE/bpffsctl" unexpose --all "$BPF/view"
ended_with 1
said "/bpf.view: it cannot be made writable: not yours? see ls -l: Read-only file system"
must ctl unexpose --all "$BPF/view"
refused ctl unexpose --all /tmp
said "not on a BPF file system"

# Who is not root.
as_user status
ended_with 0
said "Without root"
said "name:ctl"
as_user ls "$BPF"
ended_with 3
said "Permission denied"
as_user unload
ended_with 1
said "takes root"

# In use.
refused ctl unload
ended_with 1
said "in the way: $BPF is mounted"
said "/tmp/part is mounted in the mount namespace of nspawn container box"
said "agent.service) has the working directory"
stop_others
must umount /tmp/names/kept
must umount /tmp/names

# The livepatch is disabled by hand: attributes still tell, and bpf(2) by id.
must bash -c 'echo 0 >/sys/kernel/livepatch/bpffs/enabled'
soon test ! -e /sys/kernel/livepatch/bpffs
must ctl status
said "disabled"
must ctl ls -lR "$BPF"
said "attached to cgroup /, cgroup_inet_egress"
refused ctl load
said "cannot be undone"
refused ctl release
said "its livepatch is not enabled"
must umount "$BPF"
must ctl unload
said "unloaded"

# Without the module.
must mount -t bpf bpf "$BPF"
must bpftool map create "$BPF/hash" type hash key 4 value 8 entries 4 name hash
must attach cgroup /sys/fs/cgroup "$BPF/link"
run ctl status
ended_with 4
said "not loaded"
said "the kernel's own"
said "1 map, 1 link"
must ctl ls -l "$BPF"
said "map:hash"
said "attached to cgroup /, cgroup_inet_egress"
refused ctl expose "$BPF/hash" "$units/bpf.hash"
said "the module is not loaded"
run ctl unload
ended_with 4
as_user load --module "$module"
ended_with 1
said "takes root"
refused ctl load --module /etc/passwd
said "the kernel refuses /etc/passwd"
block
refused ctl load --timeout 1 --module "$module" sharing=mount
said "some tasks still run the other code: python3 (${others[0]})"
must ctl status
said "in transition"
said "waits for python3 (${others[0]})"
must ctl unload
said "unloaded"
unblock
must ctl load --module "$module" sharing=mount
expect grep -qx mount /sys/module/bpffs/parameters/sharing
refused ctl load --module "$module"
said "loaded already"
must ctl load
said "loaded already"
must ctl ls "$BPF"
said "map:hash"
block
run ctl unload --timeout 1
ended_with 3
said "in the way of unloading: waiting for python3 (${others[0]})"
unblock
must ctl unload
must umount "$BPF"
must ctl load --module "$module"
said "loaded: "

run ctl ls --of map:1 -R
ended_with 2
must bash -n <("$HERE/bpffsctl" completion bash)

finish
