#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bpftool: maps and programs.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

mount_bpf
must bpftool map create "$BPF/first" type array key 4 value 8 entries 2 name first
must findmnt -n -o TARGET,SOURCE,FSTYPE,OPTIONS "$BPF"
must stat -f -c '%T %s' "$BPF"
must stat -c '%A %U %G %h' "$BPF" "$BPF/first"

# Maps.
must bpftool map update pinned "$BPF/first" key 1 0 0 0 value 1 2 3 4 5 6 7 8
must bpftool map lookup pinned "$BPF/first" key 1 0 0 0
said "01 02 03 04 05 06 07 08"
must bpftool map dump pinned "$BPF/first"
said "key: 01 00 00 00  value: 01 02 03 04 05 06 07 08"
must bpftool -j map dump pinned "$BPF/first"
must bpftool map show pinned "$BPF/first"
must bpftool -j map show pinned "$BPF/first"
must bpftool map pin pinned "$BPF/first" "$BPF/second"
expect test "$(id_of map "$BPF/first")" = "$(id_of map "$BPF/second")"
must bpftool -f map show pinned "$BPF/second"
said "pinned $BPF/second"
said "pinned $BPF/first"
must bpftool -f -j map show pinned "$BPF/first"
said '"pinned":['
refused bpftool map pin pinned "$BPF/first" "$BPF/second"
said "already exists"
refused bpftool map pin pinned "$BPF/first" "$BPF/with.dot"
said "Operation not permitted"
refused bpftool map pin pinned "$BPF/first" /tmp/no/such/directory
refused bpftool map show pinned "$BPF/none"
said "No such file or directory"
refused bpftool map show pinned "$BPF"
must bpftool map create "$BPF/outer" type array_of_maps key 4 value 4 entries 1 name outer inner_map pinned "$BPF/first"
must bpftool map update pinned "$BPF/outer" key 0 0 0 0 value pinned "$BPF/second"
# The value is an id.
must bash -o pipefail -c "bpftool -j map dump pinned $BPF/outer | sed 's/0x../0x/g'"
for type in hash lpm_trie queue ringbuf prog_array; do
	flags=0
	case $type in
	queue) sizes='key 0 value 4 entries 4' ;;
	ringbuf) sizes='key 0 value 0 entries 4096' ;;
	lpm_trie) sizes='key 8 value 4 entries 4' flags=1 ;;
	*) sizes='key 4 value 4 entries 4' ;;
	esac
	# shellcheck disable=SC2086 # words
	must bpftool map create "$BPF/$type" type "$type" $sizes name "$type" flags $flags
	must bpftool map show pinned "$BPF/$type"
done
must bpftool map push pinned "$BPF/queue" value 7 0 0 0
must bpftool map dequeue pinned "$BPF/queue"
said "value: 07 00 00 00"
must bpftool map freeze pinned "$BPF/hash"
refused bpftool map update pinned "$BPF/hash" key 0 0 0 0 value 0 0 0 0
must ls -A "$BPF"

# Programs.
must bpftool prog load "$HERE/othertype.bpf.o" "$BPF/one"
must bpftool prog loadall "$HERE/plain.bpf.o" "$BPF/all" pinmaps "$BPF/all_maps"
must find "$BPF/one" "$BPF/all" "$BPF/all_maps" -printf '%p %M %n\n'
said "$BPF/all/pass_xdp"
said "$BPF/all_maps/runs"
must bpftool prog show pinned "$BPF/all/pass_xdp"
must bpftool -j prog show pinned "$BPF/all/pass_tc"
must bpftool -f prog show pinned "$BPF/all/match_all"
said "pinned $BPF/all/match_all"
must bpftool prog dump xlated pinned "$BPF/all/allow"
must bpftool prog pin pinned "$BPF/all/pass_xdp" "$BPF/again"
expect test "$(id_of prog "$BPF/all/pass_xdp")" = "$(id_of prog "$BPF/again")"
head -c 64 /dev/zero > packet
must bpftool prog run pinned "$BPF/again" data_in packet repeat 3
said "Return value: 2"
must bpftool map dump pinned "$BPF/all_maps/runs"
said '"value": 3'
must cat "$BPF/all_maps/runs"
said "0: 3"
# With the maps of another object.
must bpftool prog load "$HERE/plain.bpf.o" "$BPF/reuser" map name runs pinned "$BPF/all_maps/runs"
must bpftool map show pinned "$BPF/all_maps/runs"
must bpftool prog show pinned "$BPF/reuser"
must bpftool prog run pinned "$BPF/reuser" data_in packet repeat 2
must bpftool map lookup pinned "$BPF/all_maps/runs" key 0 0 0 0
said '"value": 5'
must bpftool map update pinned "$BPF/prog_array" key 0 0 0 0 value pinned "$BPF/again"
refused bpftool prog load "$HERE/byname.bpf.o" "$BPF/other"
said "parameter mismatch"
refused bpftool prog show pinned "$BPF/all_maps/runs"
refused bpftool map show pinned "$BPF/again"
refused bpftool prog load "$HERE/plain.bpf.o" "$BPF/one"
refused bpftool prog loadall "$HERE/plain.bpf.o" "$BPF/all"
must find "$BPF" -printf '%P %M %n\n'

# What is unpinned is gone.
id=$(id_of prog "$BPF/one")
must bpftool prog show id "$id"
must rm "$BPF/one"
soon not bpftool prog show id "$id"
must rm -r "$BPF/all"
must find "$BPF" -mindepth 1 -delete
silent
must ls -A "$BPF"
silent

finish
