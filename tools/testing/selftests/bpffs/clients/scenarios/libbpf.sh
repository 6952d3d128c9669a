#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# A C program that uses libbpf.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

mount_bpf
must unshare -n "$HERE/use_libbpf" "$HERE" "$BPF"
must find "$BPF" -printf '%y %M %n %P\n'
said "deep/pass_xdp"

finish
