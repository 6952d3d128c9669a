#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Show what bpffs does, on the running kernel, as a transcript.
#
#	BPFFS_MODULE=<path of bpffs.ko> SAMPLES=<what make -C samples built> demo.sh
#
# Wants a machine to itself, such as a virtual one: it unmounts /sys/fs/bpf,
# loads and unloads the module. Whatever a step claims is checked: when it did
# not happen, the demo says so and fails.
set -euo pipefail

BPF=/sys/fs/bpf
OTHER=/run/bpffs-demo
CGROUP=/sys/fs/cgroup/bpffs-demo
LIVEPATCH=/sys/kernel/livepatch/bpffs

say() { printf '\n%s\n' "$*" | fold -s -w 79; }

fail() {
	printf '\ndemo: FAILED: %s\n' "$*" >&2
	exit 1
}

# Show a command as one would type it, run it, show and keep what it prints.
output=
run() {
	local status=0
	printf '# %s\n' "$*"
	output=$(bash -euo pipefail -c "$*" 2>&1) || status=$?
	[[ -z $output ]] || printf '%s\n' "$output"
	return "$status"
}

must() { run "$@" || fail "\`$*\` exited with $?"; }

# expect CLAIM TEST...: the claim holds if the test succeeds.
expect() {
	local claim=$1
	shift
	"$@" || fail "not so: $claim"
}

expect_output() {
	[[ $output == *"$1"* ]] || fail "the output has no \"$1\""
}

# wait_for WHAT TEST...: until the test succeeds, 30 seconds at most.
wait_for() {
	local what=$1 end=$((SECONDS + 30))
	shift
	until "$@" 2>/dev/null; do
		((SECONDS < end)) || fail "30 seconds, and still not: $what"
		sleep 0.1
	done
}

reads() { [[ $(<"$1") == "$2" ]]; }
reads_line() { grep -qx "$2" "$1"; }
gone() { [[ ! -e $1 ]]; }
no_object() { ! bpftool "$1" show id "$2" &>/dev/null; }
object() { bpftool "$1" show id "$2" &>/dev/null; }
tree() { find "$1" -printf '%y %i %P\n' | sort; }
device() { stat -c %d "$1"; }

get() { ./get-c $BPF/demo/classify $BPF/demo/maps/counters dns-query.bin; }
stands_still() {
	local first second
	first=$(get) && second=$(get) && [[ $first == "$second" ]]
}
packets() { printf 'IP protocol 17: %d packets,' "$1"; }
id_of() { bpftool -j "$1" show pinned "$2" | sed -n 's/^{"id":\([0-9]*\),.*/\1/p'; }

unmount_all() {
	local dir
	for dir in "$OTHER" "$BPF"; do
		while mountpoint -q "$dir"; do umount "$dir" || return; done
	done
}

# With what runs there.
remove_cgroups() {
	[[ -e $CGROUP ]] || return 0
	echo 1 >$CGROUP/cgroup.kill
	wait_for "the cgroups are empty" reads_line $CGROUP/cgroup.events "populated 0"
	find $CGROUP -depth -type d -exec rmdir {} +
}

# Leave nothing behind, whatever happened.
clean_up() {
	local status=$?
	trap - EXIT
	set +e
	unmount_all
	rmdir "$OTHER"
	remove_cgroups
	if [[ -e $LIVEPATCH ]]; then
		echo 0 >"$LIVEPATCH/enabled"
		wait_for "the livepatch is gone" gone "$LIVEPATCH"
	fi
	if [[ -e /sys/module/bpffs ]]; then
		rmmod bpffs
	fi
	exit "$status"
}

[[ $EUID == 0 ]] || fail "not root: run it as root, best by \`make demo\`"
[[ -r ${BPFFS_MODULE:?is not set: give the path of bpffs.ko} ]] ||
	fail "$BPFFS_MODULE: no such module: build it with \`make\`"
[[ -x ${SAMPLES:?is not set: give the directory that make -C samples built}/get-rust ]] ||
	fail "$SAMPLES: no samples there: build them with \`make -C samples OUT=$SAMPLES\`"
[[ ! -e /sys/module/bpffs ]] || fail "bpffs is loaded: unload it with \`make unload\`"

BPFFS_MODULE=$(realpath "$BPFFS_MODULE")
cd "$SAMPLES"
unmount_all
mkdir -p "$OTHER"
trap clean_up EXIT

say "A stock Debian kernel, not patched, not rebuilt:"
must uname -srv
expect_output Debian

say "Its own bpf file system, in C: a second mount is a new and empty one, so it hides every pin."
must mount -t bpf bpf $BPF
must mkdir $BPF/mine
must mount -t bpf bpf $OTHER
must ls -A $OTHER
[[ -z $output ]] || fail "C's second mount is not empty"
must stat -c "'device %d: %n'" $BPF $OTHER
expect "two devices" test "$(device $BPF)" != "$(device $OTHER)"
must umount $BPF
must ./pin-c $OTHER/from_before 41

say "Load bpffs. The kernel's livepatching lets it take over, and is done when no task" \
	"runs the old code any more:"
must insmod "$BPFFS_MODULE"
wait_for "the livepatch transition ends" reads $LIVEPATCH/transition 0
must cat $LIVEPATCH/transition
must "dmesg | grep -w bpffs | tail -n 5"

say "What was pinned before stays where it is, and works:"
must bpftool map lookup pinned $OTHER/from_before key 0 0 0 0
expect_output "value: 29 00 "
must umount $OTHER

say "A mount is ours from now on, so it uses the module:"
users=$(</sys/module/bpffs/refcnt)
must mount -t bpf bpf $BPF
must grep "' $BPF '" /proc/mounts
must "lsmod | grep -w ^bpffs"
expect "one more user of the module" test "$(</sys/module/bpffs/refcnt)" -eq $((users + 1))

say "A real BPF program, compiled by clang: classify tail calls, through the program" \
	"array jump, into count_ipv4, which counts packets in the map counters."
say "bpftool loads and pins all of it:"
must bpftool prog loadall counter.bpf.o $BPF/demo pinmaps $BPF/demo/maps
must find $BPF/demo

say "bpftool has exited. The pins alone keep programs and maps alive:"
must bpftool prog show pinned $BPF/demo/classify
must bpftool map show pinned $BPF/demo/maps/jump
objects=()
for path in $BPF/demo/{classify,count_ipv4,count_ipv6}; do
	objects+=("prog $(id_of prog "$path")")
done
for path in $BPF/demo/maps/{counters,jump}; do
	objects+=("map $(id_of map "$path")")
done
for o in "${objects[@]}"; do
	# shellcheck disable=SC2086 # kind and id
	expect "the ids that bpftool shows are those of live objects" object $o
done

say "Another process, in C with libbpf, fetches program and map by path, runs the program" \
	"on a packet 10 times (a DNS query over UDP, which is IP protocol 17), and reads the" \
	"counter:"
must ./get-c --repeat 10 $BPF/demo/classify $BPF/demo/maps/counters dns-query.bin
expect_output "$(packets 10)"

say "Yet another one, in Rust, runs it once more. It is the same program, and the same map:"
must ./get-rust $BPF/demo/classify $BPF/demo/maps/counters dns-query.bin
expect_output "$(packets 11)"

say "Programs of one's own can pin, too, in C and in Rust:"
must ./pin-c $BPF/from_c 42
must ./pin-rust $BPF/from_rust 43
must bpftool map lookup pinned $BPF/from_c key 0 0 0 0
expect_output "value: 2a 00 "
must bpftool map lookup pinned $BPF/from_rust key 0 0 0 0
expect_output "value: 2b 00 "

say "A pin says what it is, in extended attributes:"
must "getfattr -n bpf.type --only-values $BPF/demo/maps/jump; echo"
expect_output "map:prog_array"
must ./whatis-c $BPF/demo/classify $BPF/from_c $BPF
expect_output "bpf.tag"
said_in_c=$output
must ./whatis-rust $BPF/demo/classify $BPF/from_c $BPF
expect "both samples say the same" test "$output" == "$said_in_c"

say "An iterator over cgroups formats the state of one, as whoever administers the machine" \
	"wants to see it. Its link is pinned as ever, and the pin shows the root:"
must ./view-load-c view.bpf.o $BPF/view
must cat $BPF/view
expect_output "cgroup /"

say "What is pinned can be exposed outside of the BPF file system: as a file in the directory" \
	"of a cgroup. Whoever reads that file runs the program for that very cgroup:"
must "echo +memory >/sys/fs/cgroup/cgroup.subtree_control"
must mkdir $CGROUP
must "echo +memory >$CGROUP/cgroup.subtree_control"
must mkdir $CGROUP/app $CGROUP/idle
must "sleep 1000 &>/dev/null & echo \$! >$CGROUP/app/cgroup.procs"
must ./bpffs-expose-c $BPF/view $CGROUP/app/bpf.view
must ./bpffs-expose-rust $BPF/view $CGROUP/idle/bpf.view
must ls -l $CGROUP/app/bpf.view
must cat $CGROUP/app/bpf.view
expect_output "cgroup app"
expect_output "processes 1"
expect_output "memory_bytes"
must grep -r --include=bpf.view processes $CGROUP
expect_output "idle/bpf.view:processes 0"

say "The pin knows its files. One can be removed alone, and the file is in nobody's way when the" \
	"cgroup is:"
must getfattr --absolute-names -n bpf.exposed_at --only-values $BPF/view
expect_output "/idle/bpf.view"
must ./bpffs-expose-c --remove $CGROUP/app/bpf.view
expect "one file is gone" gone $CGROUP/app/bpf.view
must rmdir $CGROUP/idle
must ./whatis-c $BPF/view
expect_output "bpf.exposed  0"

say "view-follow has a file of it in each cgroup of a tree, also in those that are made later:"
./view-follow-rust $BPF/view $CGROUP >/dev/null &
must mkdir $CGROUP/later
wait_for "the new cgroup has a file" test -e $CGROUP/later/bpf.view
must find $CGROUP -name bpf.view
must cat $CGROUP/later/bpf.view
expect_output "cgroup later"

say "With the pin, all its files go:"
must rm $BPF/view
must find $CGROUP -name bpf.view
[[ -z $output ]] || fail "files stay behind"
wait
remove_cgroups

say "A second mount elsewhere shows the same tree, on the same device: nothing is hidden."
must mount -t bpf bpf $OTHER
must find $OTHER
expect "both mounts show the same" test "$(tree $BPF)" == "$(tree $OTHER)"
must stat -c "'device %d: %n'" $BPF $OTHER
expect "one device" test "$(device $BPF)" == "$(device $OTHER)"
must ./get-rust $OTHER/demo/classify $BPF/demo/maps/counters dns-query.bin
expect_output "$(packets 12)"
must umount $OTHER

say "A new mount namespace, such as a container's, gets a bpf file system of its own, and" \
	"an empty one:"
must "unshare -m sh -c 'mount -t bpf bpf $OTHER; ls -A $OTHER; stat -c \"device %d: %n\" $BPF $OTHER'"
mapfile -t lines <<<"$output"
expect "two lines, so that the new one is empty" test ${#lines[@]} == 2
expect "two devices" test "${lines[0]%:*}" != "${lines[1]%:*}"

say "By a name, containers share an instance, wherever and whenever they are started. A mount" \
	"on the host keeps it:"
must mount -t bpf -o instance=demo bpf $OTHER
must "unshare -m sh -c 'umount $BPF; mount -t bpf -o instance=demo bpf $BPF; ./pin-c $BPF/shared 44'"
must "unshare -m sh -c 'umount $BPF; mount -t bpf -o instance=demo bpf $BPF; bpftool map lookup pinned $BPF/shared key 0 0 0 0'"
expect_output "value: 2c 00 "
must rm $OTHER/shared
must umount $OTHER

say "A container with a user namespace of its own has no right to make maps. With a token of" \
	"an instance that was given to it, it has; and the instance takes three inodes at most," \
	"the root among them:"
must "./container-c ./pin-c $BPF/mine 45 2>&1 || true"
expect_output "Operation not permitted"
delegated=delegate_cmds=map_create,delegate_maps=array
must ./container-c -o $delegated,nr_inodes=3 sh -c "'./pin-c --token $BPF $BPF/mine 45; df -i $BPF; cd $BPF; mkdir 1; mkdir 2 || true'"
expect_output "is pinned to $BPF/mine"
expect_output "No space left on device"

say "rm unpins. The program array loses its last user that way, so the kernel empties it," \
	"soon after: the tail call leads nowhere, and the counter stands still."
must rm $BPF/demo/maps/jump
wait_for "the counter stands still" stands_still
before=$(get | grep "^IP protocol 17:")
must ./get-c $BPF/demo/classify $BPF/demo/maps/counters dns-query.bin
expect_output "$before"

say "With the last pin, the objects themselves go, and their ids:"
must rm -r $BPF/demo $BPF/from_c $BPF/from_rust
for o in "${objects[@]}"; do
	# shellcheck disable=SC2086
	wait_for "$o is gone" no_object $o
	run "bpftool ${o/ / show id }" && fail "$o is still there"
done

say "Unmount, disable, unload:"
must umount $BPF
must "echo 0 >$LIVEPATCH/enabled"
wait_for "the livepatch is gone" gone $LIVEPATCH
must rmmod bpffs
expect "the module is gone" gone /sys/module/bpffs

say "C's file system is back, and works: a second mount is a new one again, and pins are" \
	"fetched as before."
must mount -t bpf bpf $BPF
must bpftool prog loadall counter.bpf.o $BPF/demo pinmaps $BPF/demo/maps
must ./get-rust $BPF/demo/classify $BPF/demo/maps/counters dns-query.bin
expect_output "$(packets 1)"
must mount -t bpf bpf $OTHER
must stat -c "'device %d: %n'" $BPF $OTHER
expect "two devices" test "$(device $BPF)" != "$(device $OTHER)"
must ls -A $OTHER
[[ -z $output ]] || fail "C's second mount is not empty"

say "demo: every step did what it says."
