#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Python: bpf(2) by ctypes, and what watchers of the tree are told.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

mount_bpf
must python3 "$HERE/raw.py" "$BPF"
must bpftool prog load "$HERE/plain.bpf.o" "$BPF/prog" pinmaps "$BPF"
must mv "$BPF/runs" "$BPF/readable"
must rm "$BPF/prog"
must python3 "$HERE/events.py" "$BPF"
said "CREATE"
said "DELETE"

finish
