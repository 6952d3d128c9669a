#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# systemd as the first process, and services with an instance of their own (PrivateBPF=, since
# systemd 258). Run by on_systemd.
# The commands of services are theirs to expand.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"
# shellcheck source=tools/testing/selftests/bpffs/clients/service.sh
. "$HERE/service.sh"

# An instance of its own for a service without privileges, and what it may do there.
private() {
	local name=$1 commands=$2
	shift 2
	service "$name" "$commands" PrivateUsers=yes PrivateMounts=yes DelegateNamespaces=mnt PrivateBPF=yes "$@"
}

must cat /proc/1/comm
said systemd
must systemctl is-system-running
must findmnt -n -o TARGET,SOURCE,FSTYPE,OPTIONS -M "$BPF"
must bpftool prog loadall "$HERE/plain.bpf.o" "$BPF/all" pinmaps "$BPF/maps"

look='findmnt -n -o SOURCE,FSTYPE,OPTIONS -M $BPF; stat -c "%A %u:%g %h" $BPF; ls -A $BPF'
load="bpftool prog loadall $HERE/plain.bpf.o \$BPF/own pinmaps \$BPF/own_maps; ls -l \$BPF/own \$BPF/own_maps; cat \$BPF/own_maps/runs"
private alone "$look; mkdir \$BPF/mine; ls \$BPF"
started
said mine
private without "$load"
failed
said "-EPERM"
# All commands: C's implementation shifts too far to show single ones, and the kernel complains.
private delegated "$look; $load" BPFDelegateCommands=any BPFDelegateMaps=any BPFDelegatePrograms=any \
	BPFDelegateAttachments=any
started
said "delegate_cmds=any,delegate_maps=any,delegate_progs=any,delegate_attachs=any"
said "0: 0"
private maps "$look; $load" BPFDelegateCommands=any BPFDelegateMaps=BPFMapTypeHash,BPFMapTypeRingbuf \
	BPFDelegatePrograms=any BPFDelegateAttachments=any
failed
said "delegate_maps=hash:ringbuf"
said "'runs': failed to create: -EPERM"
private programs "$look; $load" BPFDelegateCommands=any BPFDelegateMaps=BPFMapTypeArray \
	BPFDelegatePrograms=BPFProgTypeTracepoint,BPFProgTypeXdp \
	BPFDelegateAttachments=BPFFlowDissector,BPFCgroupSysctl,BPFNetfilter
failed
said "delegate_progs=tracepoint:xdp,delegate_attachs=flow_dissector:cgroup_sysctl:netfilter"
said "-EPERM"
# Nothing of all that is seen here.
must findmnt -n -o SOURCE,FSTYPE,OPTIONS -M "$BPF"
must ls "$BPF"
soon bash -c 'bpftool map list | grep -c "name runs" | grep -qx 1'

must rm -r "${BPF:?}/all" "$BPF/maps"
# But for what a kernel with BPF_PRELOAD puts there.
must find "$BPF" -mindepth 1 ! -name '*.debug'
silent

finish
