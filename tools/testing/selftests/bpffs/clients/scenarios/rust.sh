#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Rust libraries: libbpf-rs, and aya, which has nothing of libbpf.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

for library in libbpf_rs aya; do
	mount_bpf
	must unshare -n "$HERE/use_$library" "$HERE" "$BPF"
	must find "$BPF" -printf '%y %M %n %P\n'
	said shared
	must umount "$BPF"
done

finish
