#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# iptables: the kernel looks the program up by the path in the rule.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

[[ -n ${inside:-} ]] || inside=yes exec unshare -n bash "$0"

must ip link set lo up
mount_bpf
must bpftool prog loadall "$HERE/plain.bpf.o" "$BPF/all" pinmaps "$BPF/maps"
packet() { echo packet >/dev/udp/127.0.0.1/9; }
counted() { bpftool -j map lookup pinned "$BPF/maps/runs" key 2 0 0 0 | grep -q '"value":[1-9]'; }

must iptables-legacy -A OUTPUT -p udp -m bpf --object-pinned "$BPF/all/match_all" -j DROP
must iptables-legacy -S
said "--object-pinned $BPF/all/match_all"
must iptables-legacy -L -n
refused packet
expect counted
must iptables-legacy -vnL OUTPUT -x
# Rules come back by their text, with the path.
must bash -c 'iptables-legacy-save | grep -v "^#" >rules; grep bpf rules'
must iptables-legacy -F
must iptables-legacy-restore rules
must iptables-legacy -S OUTPUT
must iptables-legacy -D OUTPUT 1
if built_with IPV6; then
	must ip6tables-legacy -A INPUT -m bpf --object-pinned "$BPF/all/match_all" -j ACCEPT
	must ip6tables-legacy -S INPUT
	must ip6tables-legacy -F
fi
if built_with NF_TABLES; then
	must iptables-nft -A OUTPUT -p udp -m bpf --object-pinned "$BPF/all/match_all" -j DROP
	must iptables-nft -S OUTPUT
	must iptables-nft -F
fi

for path in all/pass_xdp maps/runs none all '' ; do
	refused iptables-legacy -A OUTPUT -m bpf --object-pinned "$BPF/$path" -j DROP
done
refused iptables-legacy -A OUTPUT -m bpf --object-pinned /etc/passwd -j DROP
must iptables-legacy -S
# A rule holds its program; the next change of the table has to find the path again.
must iptables-legacy -A OUTPUT -p udp -m bpf --object-pinned "$BPF/all/match_all" -j DROP
must rm "$BPF/all/match_all"
must iptables-legacy -S OUTPUT
refused iptables-legacy -A OUTPUT -p tcp -j ACCEPT
must iptables-legacy -F

finish
