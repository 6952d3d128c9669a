#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What copies files with their attributes is not misled by bpf.*, which getfattr reads on ours.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

# Instances of C's have no such attributes, also while ours serves.
ours() { [[ -e /sys/kernel/livepatch/bpffs && -z ${BPFFS_CONTEXTS:-} ]]; }

# says PATH ATTRIBUTE VALUE: what getfattr prints, which differs, so that it is not shown.
says() {
	if ours; then
		[[ $(getfattr -h -n "$2" --only-values "$1" 2>&1) == "$3" ]]
	else
		[[ $(getfattr -h -n "$2" --only-values "$1" 2>&1) == *"Operation not supported" ]]
	fi
}

# attached yes|no: the pins of links in the tree of which bpf.attached says so.
attached() {
	find . -type f -exec sh -c \
		'[ "$(getfattr -n bpf.attached --only-values "$2" 2>/dev/null)" = "$1" ]' sh "$1" {} \; -print
}
# finds yes|no PATH: it says so of that one, on ours, and of no other.
finds() {
	local want=''
	if ours; then want=$2; fi
	[[ $(attached "$1") == "$want" ]]
}

mount_bpf
must bpftool map create "$BPF/map" type array key 4 value 8 entries 2 name numbers
must bpftool prog load "$HERE/plain.bpf.o" "$BPF/prog"
must bpftool prog load "$HERE/attach.bpf.o" "$BPF/link" autoattach
cd "$BPF"
must mkdir dir
must ln -s map symlink
link=$(find link -type f -print -quit)

# Read.
expect says map bpf.type map:array
expect says map bpf.id "$(id_of map map)"
expect says map bpf.name numbers
expect says prog bpf.tag "$(bpftool -j prog show pinned prog | sed -E 's/.*"tag":"([0-9a-f]+)".*/\1/')"
expect says "$link" bpf.attached yes
expect finds yes "./$link"
expect finds no ""
expect says dir bpf.instance "$(getfattr -n bpf.instance --only-values . 2>/dev/null || true)"
expect says map bpf.tag "map: bpf.tag: No such attribute"
refused setfattr -n bpf.name -v other map
said "Operation not supported"
refused setfattr -x bpf.name map
said "Operation not supported"

# Listed neither here nor by whatever copies what is listed.
must getfattr -R -d -m - .
silent
must ls -lR --time-style=+
must ls -Z map
must setfattr -n trusted.note -v value dir
must mkdir -p /tmp/copies
must cp -a dir symlink /tmp/copies
silent
must getfattr -R -h -d -m - /tmp/copies
must cp -a dir copy
silent
must getfattr -d -m - copy
said 'trusted.note="value"'
refused cp -a map /tmp/copies
said "Input/output error"
must tar --xattrs --xattrs-include='*' --warning=no-file-removed -cf /tmp/archive.tar dir symlink
silent
run tar --xattrs --xattrs-include='*' -tvvf /tmp/archive.tar
must tar --xattrs --xattrs-include='*' -xf /tmp/archive.tar -C /tmp/copies
silent
must getfattr -R -h -d -m - /tmp/copies
must mv dir moved
silent
must busybox ls -l

cd /
must umount "$BPF"

finish
