# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the stages have in common; sourced by them. A stage runs in a guest whose first process is systemd.

export DEBIAN_FRONTEND=noninteractive
bpf=/sys/fs/bpf
pin=$bpf/kept

# check WHAT COMMAND...: the stage ends if that fails.
check() {
	local what=$1
	shift
	"$@" || {
		echo "    $what: NOT SO"
		bpffsctl status || true
		journalctl -b --no-pager -q -u bpffs.service -n 20 || true
		exit 1
	}
	echo "    $what"
}
not() { ! "$@"; }

is_ours() { getfattr -n bpf.instance "${1:-$bpf}" >/dev/null 2>&1; }
is_loaded() { [[ -d /sys/module/bpffs ]]; }
id() { bpftool map show pinned "$pin" | sed -n '1s/:.*//p'; }
make_pin() { bpftool map create "$pin" type array key 4 value 4 entries 1 name kept; }
# loading: a number that is another one when the module is loaded anew.
loading() { stat -c %i /sys/module/bpffs; }
state() { [[ $(systemctl is-active bpffs.service) == "$1" ]]; }
has_id() { [[ $(id) == "$1" ]]; }
# hold: a process that works in the tree.
hold() {
	(cd $bpf && exec sleep 1000) &
	holder=$!
	until [[ $(readlink "/proc/$holder/cwd") == "$bpf" ]]; do sleep 0.1; done
}
# let_go: so that nothing of it is left.
let_go() {
	kill "$holder"
	wait "$holder" || true
}
