#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bpffsctl takeover and release: trees that are in use are moved to the module and back, in all mount
# namespaces, and nobody notices; also when bpffsctl is killed, and where something is in the way.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

ctl() { "$HERE/bpffsctl" "$@"; }
ended_with() { [[ $status == "$1" ]] || unmet "status must be $1"; }
others=()
background() { "$@" & others+=($!); }
stop_others() {
	[[ ${#others[@]} -eq 0 ]] || { kill -9 "${others[@]}" && wait "${others[@]}"; } 2>/dev/null || true
	others=()
}
trap stop_others EXIT
# What there is, with all that a tree is to keep.
tree() {
	(
		cd "$1"
		find . -printf '%P %y %m %U:%G %n %l %T@\n' | sort
		find . | sort | xargs getfattr -hd -m 'trusted\.[^b]'
	)
}
# moved COMMAND: the times that each run tells are no two times the same. An agent may have a directory open
# that very moment, which is told, and status 3.
moved() {
	status=0
	out=$(ctl "$@" 2>&1) || status=$?
	[[ $status == 0 || $status == 3 && $out =~ python3\ \(.*stays|stays.*as\ another\ mount\ is\ over\ it ]] || {
		printf '%s\n' "$out"
		unmet "bpffsctl $*: status $status"
	}
	[[ $out == *"moved "* ]] || unmet "bpffsctl $* moves nothing"
}
# everywhere builtin|rust: whose instance is at each place.
everywhere() {
	local pid whose
	for pid in "$$" "${others[@]}"; do
		[[ $pid != "${covering:-}" ]] || continue
		whose=$(nsenter -t "$pid" -m getfattr -n bpf.instance --only-values "$BPF" 2>/dev/null || echo builtin)
		[[ $whose == "$1"* ]] || unmet "$BPF of process $pid is $whose, not $1"
	done
}

# groups: how all mounts propagate to each other. The numbers of groups are no two times the same.
groups() {
	local pid
	for pid in "$$" "${others[@]}"; do
		awk -v pid="$pid" '/ - bpf / { $1 = $2 = $3 = ""; print pid $0 }' "/proc/$pid/mountinfo"
	done | sort | awk '{
		line = $1 " " $2 " " $3 " " $4
		for (i = 5; $i != "-"; i++) {
			split($i, tag, ":")
			if (!(tag[2] in number))
				number[tag[2]] = ++last
			if (tag[1] != "propagate_from")
				line = line " " tag[1] ":" number[tag[2]]
		}
		print line
	}'
}

mount --make-rshared /
must mount -t bpf -o builtin,mode=755 bpf "$BPF"
mkdir -p "$BPF/part/inner" bind other
must mount --bind "$BPF/part" bind
must mount -t bpf -o builtin,nosuid,nodev bpf other
must bpftool map create "$BPF/map" type array key 4 value 4 entries 1 name map
must bpftool map create "$BPF/part/hash" type hash key 4 value 4 entries 1 name hash
ln "$BPF/map" "$BPF/part/hard"
ln -s ../map "$BPF/part/soft"
chmod 640 "$BPF/map"
setfattr -n trusted.x -v y "$BPF/map"
chown 5:6 "$BPF/part"
touch -d 2001-02-03 "$BPF/part"
for propagation in private slave shared; do
	background unshare -m --propagation "$propagation" sleep 1000
done
# As a service has it with BindPaths= of one path, and one with PrivateBPF= or a cover of another kind.
background unshare -m --propagation slave bash -c \
	"mount --bind $BPF/part $BPF/part && mount --make-rshared / && exec sleep 1000"
repeating=$!
background unshare -m --propagation private bash -c "mount -t tmpfs tmpfs $BPF && exec sleep 1000"
covering=$!
background unshare -m --propagation private bash -c "mount --bind $BPF $BPF && exec sleep 1000"
over_itself=$!
# As a container has it whose volume is to follow the host, while its own root is nobody's.
background unshare -m --propagation slave bash -c \
	"mount -t tmpfs tmpfs /mnt && mkdir /mnt/x /mnt/y && mount --bind $BPF /mnt/x && \
	mount --bind $BPF/part /mnt/y && mount --make-shared /mnt/y && exec sleep 1000"
following=$!
background unshare -m --propagation private bash -c \
	"for i in {1..30}; do mount -t tmpfs tmpfs /mnt; done && exec sleep 1000"
crowded=$!
soon grep -q sleep "/proc/$crowded/comm"
soon grep -q sleep "/proc/$following/comm"
soon grep -q sleep "/proc/$repeating/comm"
soon grep -q sleep "/proc/$over_itself/comm"
soon grep -q sleep "/proc/$covering/comm"
before=$(tree "$BPF")
ids=$(id_of map "$BPF/map")
grouped=$(groups)
expect grep -q '/mnt/y.* shared:.* master:' <<<"$grouped"

# A namespace that has as many mounts as the kernel allows keeps all where it is, also what has moved already.
most=$(</proc/sys/fs/mount-max)
wc -l <"/proc/$crowded/mountinfo" >/proc/sys/fs/mount-max
status=0
out=$(ctl takeover 2>&1) || status=$?
echo "$most" >/proc/sys/fs/mount-max
ended_with 3
said "nothing was moved"
said "No space left on device"
everywhere builtin
expect [ "$(tree "$BPF")" == "$before" ]
expect [ "$(groups)" == "$grouped" ]

must ctl takeover --dry-run
said "at $BPF"
everywhere builtin
moved takeover
everywhere rust
expect [ "$(tree "$BPF")" == "$before" ]
expect [ "$(groups)" == "$grouped" ]
expect [ "$(id_of map "$BPF/map")" == "$ids" ]
expect [ "$(id_of map bind/hash)" == "$(id_of map "$BPF/part/hash")" ]
expect grep -q ' /part .*/bind ' /proc/self/mountinfo
# Once, and as it was.
expect [ "$(grep -c " $BPF/part " "/proc/$repeating/mountinfo")" == 1 ]
expect [ "$(nsenter -t "$repeating" -m getfattr -n bpf.instance --only-values "$BPF/part")" == \
	"$(nsenter -t "$repeating" -m getfattr -n bpf.instance --only-values "$BPF")" ]
expect [ "$(grep -c " - bpf " "/proc/$repeating/mountinfo")" == "$(($(grep -c " - bpf " /proc/self/mountinfo) + 1))" ]
# Twice, and nothing of the old one below.
expect [ "$(awk -v at="$BPF" '$5 == at { print $3 }' "/proc/$over_itself/mountinfo" | sort -u | wc -l)" == 1 ]
expect [ "$(grep -c " / $BPF " "/proc/$over_itself/mountinfo")" == 2 ]
expect grep -q "other rw,nosuid,nodev,relatime.* bpf bpf " /proc/self/mountinfo
kill -9 "$covering"
wait "$covering" || true
must ctl takeover
said "nothing is to be moved"
moved release
everywhere builtin
expect [ "$(tree "$BPF")" == "$before" ]

# In use.
agents=()
for place in "$BPF" bind "$BPF/part"; do
	python3 -BSEs "$HERE/busy.py" "$place" &
	agents+=($!)
done
unshare -m --propagation private python3 -BSEs "$HERE/busy.py" "$BPF" &
agents+=($!)
sleep 1
moved takeover
moved release
kill "${agents[@]}"
for agent in "${agents[@]}"; do
	expect wait "$agent"
done
find "$BPF" bind -mindepth 1 -maxdepth 2 -name '[0-9]*' -type d -exec rm -rf {} + 2>/dev/null || true

# A link that is replaced by another one while its tree is copied: no copy keeps it attached.
attach() { python3 -BSEs "$HERE/attach.py" xdp lo "$1"; }
must ip link set lo up
mkdir "$BPF/many"
must python3 -c 'import os, sys; [os.link(sys.argv[1] + "/map", f"{sys.argv[1]}/many/{i}") for i in range(8000)]' "$BPF"
must attach "$BPF/part/link"
refused attach "$BPF/second"
said "Device or resource busy"
"$HERE/bpffsctl" takeover >/tmp/takeover.said 2>&1 &
moving=$!
# Each of its directories is watched then, the one with many names as the last: all else is copied.
are_watched() { (($(cat /proc/$moving/fdinfo/* | grep -c "^inotify ") >= $1)); }
soon are_watched 4
expect kill -STOP $moving
# Should it be holding changes back already, nothing below would ever end.
(sleep 60; kill -CONT $moving) 2>/dev/null &
guard=$!
must rm "$BPF/part/link"
must attach "$BPF/part/link"
link=$(id_of link "$BPF/part/link")
kill -CONT $moving
kill $guard
wait $moving || [[ $? == 3 ]] || unmet "bpffsctl takeover: $(cat /tmp/takeover.said)"
expect grep -q "moved " /tmp/takeover.said
everywhere rust
expect [ "$(id_of link "$BPF/part/link")" == "$link" ]
expect [ "$(find "$BPF/many" -links 8002 | wc -l)" == 8000 ]
moved release
expect [ "$(id_of link "$BPF/part/link")" == "$link" ]
rm -r "$BPF/many" "$BPF/part/link"

# Killed at any moment, the machine works, and the next run finishes.
touch -d 2001-02-03 "$BPF/part"
before=$(tree "$BPF")
for delay in 0.2 0.4 0.6; do
	timeout -s KILL "$delay" "$HERE/bpffsctl" takeover >/dev/null 2>&1 || true
	expect [ "$(id_of map "$BPF/map")" == "$ids" ]
	expect touch -d 2001-02-03 "$BPF/part"
done
ctl takeover >/dev/null || true
everywhere rust
expect [ "$(tree "$BPF")" == "$before" ]
moved release

# What is in the way.
(cd "$BPF/part" && exec sleep 1000) &
staying=$!
others+=("$staying")
soon grep -q sleep "/proc/$staying/comm"
refused ctl takeover --strict
said "stays in the old tree with its working directory"
everywhere builtin
must mount -t tmpfs tmpfs "$BPF/part/inner"
run ctl takeover
ended_with 3
said "/part/inner is mounted on"
umount "$BPF/part/inner"
# Links are there for who stays, and attached for as long.
must attach "$BPF/part/link"
link=$(id_of link "$BPF/part/link")
run ctl takeover
ended_with 3
said "stays in the old tree with its working directory"
expect [ "$(id_of link "$BPF/part/link")" == "$link" ]
expect [ "$(id_of link "/proc/$staying/cwd/link")" == "$link" ]
must rm "$BPF/part/link"
expect not link_gone "$link"
kill -9 $staying
soon link_gone "$link"
moved release
stop_others

# A container's own moves, and stays its own: its root may remount it, and makes files in it.
background unshare --user --mount --propagation private sleep 1000
container=$!
soon grep -q sleep "/proc/$container/comm"
for map in uid_map gid_map; do
	echo 0 100000 65536 >"/proc/$container/$map"
done
inside() { nsenter -t "$container" -U -m -S 0 -G 0 "$@"; }
must python3 -BSEs "$HERE/container.py" "$container" /mnt
its=$(inside find /mnt -printf '%P %y %m %U:%G %l %T@\n' | sort)
umount other
for direction in release takeover; do
	moved "$direction"
	expect [ "$(inside find /mnt -printf '%P %y %m %U:%G %l %T@\n' | sort)" == "$its" ]
	must inside mount -o remount,mode=700 bpf /mnt
	expect [ "$(nsenter -t "$container" -m grep -c ' /mnt .*delegate_cmds=any' "/proc/$container/mountinfo")" == 1 ]
	must inside mkdir /mnt/new
	must inside rmdir /mnt/new
	inside touch -r /mnt/link /mnt
	inside chmod 777 /mnt
	its=$(inside find /mnt -printf '%P %y %m %U:%G %l %T@\n' | sort)
done
everywhere rust
stop_others
moved release
refused setpriv --reuid 1000 --clear-groups --bounding-set -all "$HERE/bpffsctl" takeover
said "takes root"
umount bind "$BPF"

finish
