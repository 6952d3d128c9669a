#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# ip and tc with pinned programs and maps that they pin by name.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

# In a network namespace of its own, and in this mount namespace.
[[ -n ${inside:-} ]] || inside=yes exec unshare -n bash "$0"

must ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02
! built_with IPV6 || sysctl -qw net.ipv6.conf.all.disable_ipv6=1
must ip address add 10.9.9.1/24 dev v0
must ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:02 dev v0
must ip link set v0 up
must ip link set v1 up
packet() { echo packet >/dev/udp/10.9.9.2/9; }
# counted MAP KEY: whether a program has counted something.
counted() { bpftool -j map lookup pinned "$1" key "$2" 0 0 0 | grep -q '"value":[1-9]'; }

mount_bpf
must tc qdisc add dev v1 clsact
must tc filter add dev v1 ingress bpf direct-action object-file "$HERE/byname.bpf.o" section classifier
must findmnt -n -o TARGET,SOURCE,FSTYPE,OPTIONS -t bpf
must find "$BPF" -printf '%y %M %n %P -> %l\n'
said shared
shared=$(find "$BPF" -name shared)
must tc filter show dev v1 ingress
packet
soon counted "$shared" 2
# What is pinned is taken by the next, which is XDP.
must ip link set dev v1 xdpgeneric object "$HERE/byname.bpf.o" section xdp
must find "$BPF" -printf '%y %M %n %P -> %l\n'
must ip -d link show dev v1
must ip -j -d link show dev v1
packet
shared=$(find "$BPF" -name shared | tail -n 1)
soon counted "$shared" 1
must ip link set dev v1 xdpgeneric off
must tc filter del dev v1 ingress

# Pinned programs.
must bpftool prog loadall "$HERE/plain.bpf.o" "$BPF/all" pinmaps "$BPF/maps"
must tc filter add dev v1 ingress bpf direct-action object-pinned "$BPF/all/pass_tc"
must tc -d filter show dev v1 ingress
must tc -j -d filter show dev v1 ingress
packet
soon counted "$BPF/maps/runs" 1
must ip link set dev v1 xdp pinned "$BPF/all/pass_xdp"
must ip link show dev v1
packet
soon counted "$BPF/maps/runs" 0
refused ip link set dev v1 xdp pinned "$BPF/all/pass_tc"
refused ip link set dev v1 xdp pinned "$BPF/maps/runs"
refused ip link set dev v1 xdp pinned "$BPF/none"
refused tc filter add dev v1 ingress bpf direct-action object-pinned "$BPF/all/pass_xdp"
refused tc filter add dev v1 ingress bpf direct-action object-pinned "$BPF/none"
refused tc filter add dev v1 ingress bpf direct-action object-pinned /etc/passwd
# Attached without the pin.
must rm -r "$BPF/all"
must tc filter show dev v1 ingress
must ip link set dev v1 xdp off
must tc qdisc del dev v1 clsact

must find "$BPF" -printf '%y %M %n %P -> %l\n'

finish
