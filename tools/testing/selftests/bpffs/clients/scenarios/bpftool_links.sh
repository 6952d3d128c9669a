#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bpftool: links, iterators, struct_ops.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

mount_bpf

# Pins links instead of programs.
must bpftool prog loadall "$HERE/attach.bpf.o" "$BPF/links" autoattach
must find "$BPF/links" -printf '%P %M %n\n'
for link in renamed ended put; do
	run bpftool link show pinned "$BPF/links/$link"
	run bpftool -j link show pinned "$BPF/links/$link"
	said '"prog_id":'
done
refused bpftool prog show pinned "$BPF/links/renamed"
refused bpftool map show pinned "$BPF/links/renamed"
refused cat "$BPF/links/renamed"
said "Input/output error"
id=$(id_of link "$BPF/links/renamed")
must bpftool link pin id "$id" "$BPF/links/again"
must bpftool link pin pinned "$BPF/links/again" "$BPF/links/once_more"
run bpftool -f link show pinned "$BPF/links/again"
said "pinned $BPF/links/once_more"
run bpftool -f -j link show id "$id"
said once_more
refused bpftool link pin id "$id" "$BPF/links/again"
must rm "$BPF/links/again" "$BPF/links/renamed"
run bpftool link show id "$id"
said task_rename
must rm "$BPF/links/once_more"
soon link_gone "$id"
# Detached, and still pinned.
refused bpftool link detach pinned "$BPF/links/ended"
must rm -r "$BPF/links"

# Iterators: files that run.
must bpftool map create "$BPF/hash" type hash key 4 value 8 entries 4 name hash
must bpftool map update pinned "$BPF/hash" key 5 0 0 0 value 42 0 0 0 0 0 0 0
must bpftool iter pin "$HERE/iter.bpf.o" "$BPF/elements" map pinned "$BPF/hash"
must stat -c '%A %h %F %s' "$BPF/elements"
must cat "$BPF/elements"
said "5: 42"
said "end"
run bpftool link show pinned "$BPF/elements"
must bpftool map update pinned "$BPF/hash" key 5 0 0 0 value 43 0 0 0 0 0 0 0
must dd if="$BPF/elements" bs=1 status=none
said "5: 43"
refused dd of="$BPF/elements" if=/dev/zero bs=1 count=1 status=none
must cp "$BPF/elements" copy
must cat copy
said "5: 43"
refused bpftool iter pin "$HERE/iter.bpf.o" "$BPF/elements" map pinned "$BPF/hash"
must rm "$BPF/elements"

# struct_ops: registered as long as the link is pinned.
must bpftool struct_ops register "$HERE/ops.bpf.o" "$BPF/ops"
must find "$BPF/ops" -printf '%P %M %n\n'
run bpftool link show pinned "$BPF/ops/slow"
must grep -o bpf_slow /proc/sys/net/ipv4/tcp_available_congestion_control
refused bpftool struct_ops register "$HERE/ops.bpf.o" "$BPF/ops2"
must rm "$BPF/ops/slow"
soon not grep -q bpf_slow /proc/sys/net/ipv4/tcp_available_congestion_control

# Attached by path.
cgroup=/sys/fs/cgroup/bpffs_client
mkdir "$cgroup"
must bpftool prog loadall "$HERE/plain.bpf.o" "$BPF/all" pinmaps "$BPF/maps"
must bpftool cgroup attach "$cgroup" egress pinned "$BPF/all/allow" multi
must bpftool cgroup show "$cgroup"
must bpftool -f cgroup show "$cgroup"
must bpftool cgroup detach "$cgroup" egress pinned "$BPF/all/allow"
rmdir "$cgroup"
must unshare -n bash -c "ip link add d0 type dummy && ip link set d0 up &&
	bpftool net attach xdpgeneric pinned $BPF/all/pass_xdp dev d0 &&
	bpftool net attach tcx_egress pinned $BPF/all/pass_tc dev d0 &&
	bpftool net show dev d0 && bpftool net detach xdpgeneric dev d0"
must rm -r "$BPF/all" "$BPF/maps"

finish
