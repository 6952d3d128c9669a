#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Clients that mount the file system themselves where there is none.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

# In a network namespace of its own, and in this mount namespace.
[[ -n ${inside:-} ]] || inside=yes exec unshare -n bash "$0"

# bpftool, over the directory of the pin.
refused findmnt -n "$BPF"
must bpftool map create "$BPF/first" type array key 4 value 8 entries 2 name first
must findmnt -n -o TARGET,SOURCE,FSTYPE,OPTIONS "$BPF"
must stat -f -c '%T %s' "$BPF"
must stat -c '%A %U %G %h' "$BPF" "$BPF/first"
must bpftool map show pinned "$BPF/first"
must umount "$BPF"

# tc.
must ip link add d0 type dummy
must findmnt -n -t bpf
silent
must tc qdisc add dev d0 clsact
must tc filter add dev d0 ingress bpf direct-action object-file "$HERE/byname.bpf.o" section classifier
must findmnt -n -o TARGET,SOURCE,FSTYPE,OPTIONS -t bpf
must find "$BPF" -printf '%y %M %n %P -> %l\n'
said shared
must tc filter show dev d0 ingress
must tc qdisc del dev d0 clsact
must umount "$BPF"

# ip netns exec has a /sys of its own, and so no file system until somebody mounts one.
must ip netns add bpffs_client
refused ip netns exec bpffs_client findmnt -n -M "$BPF"
must ip -n bpffs_client link add d0 type dummy
must ip netns exec bpffs_client bash -c "tc qdisc add dev d0 clsact &&
	tc filter add dev d0 egress bpf direct-action object-file $HERE/byname.bpf.o section classifier &&
	findmnt -n -o TARGET,FSTYPE,OPTIONS -t bpf && find $BPF -printf '%y %M %P\n'"
must tc -n bpffs_client filter show dev d0 egress
must ip netns del bpffs_client

finish
