#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What an instance lets whom do: a group of readers, an agent with CAP_BPF only, a container that
# reads, one that must not fill the memory; and remounts that take effect.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

create=(bpftool map create)
kind=(type array key 4 value 4 entries 1)
as() { local id=$1; shift; run setpriv --reuid 1000 --regid "$id" --clear-groups "$@"; }

# A group of readers needs no chmod(1) after each pin.
must mount -t bpf -o newinstance,gid=1234,mode=2750,pinmode=640 bpf "$BPF"
must bpftool prog loadall "$HERE/plain.bpf.o" "$BPF/progs" pinmaps "$BPF"
must stat -c '%A %u:%g %n' "$BPF" "$BPF/runs"
said "-rw-r----- 0:1234"
as 1234 cat "$BPF/runs"
expect test "$status" = 0
said "0:"
as 1234 bpftool map update pinned "$BPF/runs" key 0 0 0 0 value 1 0 0 0 0 0 0 0
said "Permission denied"
as 1235 cat "$BPF/runs"
said "Permission denied"
must umount "$BPF"

# An agent with CAP_BPF and nothing else, and a directory for it.
must mount -t bpf -o newinstance,uid=1000,mode=700,pinmode=660 bpf "$BPF"
as 1000 --inh-caps -all,+bpf --ambient-caps +bpf --bounding-set -all,+bpf \
	bpftool map create "$BPF/agent" "${kind[@]}" name agent
expect test "$status" = 0
must stat -c '%A %u:%g' "$BPF/agent"
as 1000 rm "$BPF/agent"
expect test "$status" = 0
soon not bash -c "bpftool map show | grep -q 'name agent'"
must umount "$BPF"

# A container with a read-only volume sees pins and cannot change what is pinned.
must mount -t bpf -o newinstance,rdonly_strict bpf "$BPF"
must bpftool prog loadall "$HERE/plain.bpf.o" "$BPF/progs" pinmaps "$BPF"
must mkdir -p /tmp/volume
must mount --bind "$BPF" /tmp/volume
must mount -o remount,bind,ro /tmp/volume
must cat /tmp/volume/runs
said "0:"
refused bpftool map update pinned /tmp/volume/runs key 0 0 0 0 value 1 0 0 0 0 0 0 0
said "Read-only file system"
must bpftool map update pinned "$BPF/runs" key 0 0 0 0 value 1 0 0 0 0 0 0 0
must umount /tmp/volume "$BPF"

# One that must not fill the kernel's memory.
must mount -t bpf -o newinstance,nr_inodes=4 bpf "$BPF"
must mkdir "$BPF/1" "$BPF/2"
must "${create[@]}" "$BPF/3" "${kind[@]}" name third
refused mkdir "$BPF/4"
said "No space left on device"
refused "${create[@]}" "$BPF/4" "${kind[@]}" name fourth
said "No space left on device"
refused ln "$BPF/3" "$BPF/4"
must df -i "$BPF"
said "4     4     0"
must rmdir "$BPF/2"
must mkdir "$BPF/4"

# A remount takes effect, or says why not.
refused mount -o remount,nr_inodes=3 "$BPF"
said "nr_inodes=3 is too few: 4 are in use"
must mount -o remount,nr_inodes=1k,mode=751,pinmode=600 "$BPF"
must findmnt -n -o OPTIONS -M "$BPF"
said "mode=751,nr_inodes=1024"
must mkdir "$BPF/5"
refused mount -o remount,delegate_maps=any "$BPF"
said "a remount does not change what is delegated"
refused mount -o remount,instance=other "$BPF"
said "a remount does not change which instance it is"
must mount -o remount,ro "$BPF"
must findmnt -n -o OPTIONS -M "$BPF"
said "ro"
said "mode=751,nr_inodes=1024"
must mount -o remount,rw "$BPF"

# Names with dots.
refused mkdir "$BPF/app.v2"
said "Operation not permitted"
must mount -o remount,dots "$BPF"
must mkdir "$BPF/app.v2"
must "${create[@]}" "$BPF/app.v2/map.1" "${kind[@]}" name dotted
refused rm "$BPF/none.such"
said "No such file"
refused mkdir "$BPF/progs.debug"
must umount "$BPF"

finish
