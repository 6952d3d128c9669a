# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the scenarios, which clients.c runs with this: each in a mount namespace of
# its own, in an empty directory. What they print is compared.

BPF=/sys/fs/bpf
failures=0 status=0 out=''

# run COMMAND...: shows command, output and status; they are in $out and $status.
run() {
	printf '$ %s\n' "${*//$HERE\//}"
	status=0
	out=$("$@" 2>&1 </dev/null) || status=$?
	[[ -z $out ]] || printf '%s\n' "$out"
	[[ $status == 0 ]] || echo "=> $status"
}

# A fact that is not so, with the line of the scenario that asserts it.
unmet() {
	echo "UNMET (line ${BASH_LINENO[1]}): $1"
	failures=$((failures + 1))
}

# expect COMMAND...: a fact that has to be so on any implementation.
expect() { "$@" || unmet "$*"; }

# must and refused are run, with the outcome asserted. said TEXT: what was printed.
must() {
	run "$@"
	[[ $status == 0 ]] || unmet "must work"
}
refused() {
	run "$@"
	[[ $status != 0 ]] || unmet "must fail"
}
said() { [[ $out == *"$1"* ]] || unmet "must say: $1"; }
silent() { [[ -z $out ]] || unmet "must say nothing"; }

# soon COMMAND...: waits until it succeeds, for what the kernel does after a while.
soon() {
	local end=$((SECONDS + 120))
	until "$@" >/dev/null 2>&1; do
		[[ $SECONDS -lt $end ]] || { unmet "soon $*"; return 0; }
		sleep 0.05
	done
}
not() { ! "$@"; }

# id_of map|prog|link PATH: id of what is pinned there.
id_of() { { bpftool -j "$1" show pinned "$2" || true; } | sed -E 's/^.?\{"id":([0-9]+).*/\1/'; }

# bpftool 7.5 shows a link well, and fails then: its status tells nothing.
link_gone() { [[ $(bpftool link show id "$1" 2>&1 || true) == *"No such file"* ]]; }

# built_with OPTION: whether the kernel is, also as a module; says so if not. Stock kernels are.
built_with() {
	! grep -qxF "# CONFIG_$1 is not set" "/boot/config-$(uname -r)" ||
		{ echo "the kernel is built without CONFIG_$1"; return 1; }
}

# Where there are contexts of C's, of one of these, as if it were no other.
mount_bpf() {
	if [[ -z ${BPFFS_CONTEXTS:-} ]]; then
		must mount -t bpf bpf "$BPF"
	else
		printf '$ mount -t bpf bpf %s\n' "$BPF"
		expect "$HERE/clients" --mount "$BPF"
	fi
}

# sharing namespace|mount: which instance a mount shows that does not say, where ours serves. It is
# namespace again when the scenario ends.
sharing() {
	local parameter=/sys/module/bpffs/parameters/sharing
	[[ -e $parameter ]] || return 0
	trap 'echo namespace >/sys/module/bpffs/parameters/sharing' EXIT
	echo "$1" >"$parameter"
}

# The last command of each.
finish() { [[ $failures == 0 ]] || exit 1; }
