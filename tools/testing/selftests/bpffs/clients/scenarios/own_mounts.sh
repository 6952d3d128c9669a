#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Programs that rely on a file system of their own for each mount: as with C, so with ours and
# the module's parameter sharing=mount.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

sharing mount
create=(bpftool map create)
kind=(type array key 4 value 4 entries 1)

# A driver that has an instance for each pod, and binds it into the pod's directory.
must mount -t bpf bpf "$BPF"
must mkdir "$BPF/of_the_host"
for pod in one two; do
	must mkdir -p "/tmp/csi/$pod" "/tmp/pods/$pod"
	must mount -t bpf -o mode=770 "bpf-$pod" "/tmp/csi/$pod"
	must chown 1000:1000 "/tmp/csi/$pod"
	must mount --bind "/tmp/csi/$pod" "/tmp/pods/$pod"
	must ls -A "/tmp/pods/$pod"
	# The same name in each.
	must "${create[@]}" "/tmp/pods/$pod/xsk" "${kind[@]}" name "$pod"
done
must stat -c '%A %u:%g' /tmp/csi/one /tmp/csi/two "$BPF"
must ls -A "$BPF"
expect test "$(id_of map /tmp/pods/one/xsk)" != "$(id_of map /tmp/pods/two/xsk)"
must umount /tmp/pods/one /tmp/csi/one
soon not bash -c "bpftool map show | grep -q 'name one'"
must bpftool map show pinned /tmp/pods/two/xsk
must findmnt -n -t bpf -o TARGET,SOURCE,OPTIONS
must umount /tmp/pods/two /tmp/csi/two
soon not bash -c "bpftool map show | grep -q 'name two'"

# An instrumenter with an instance for each process, in the host's mount namespace.
for process in 1 2 3; do
	must mkdir -p "/tmp/run/$process"
	must mount -t bpf bpf "/tmp/run/$process"
	must "${create[@]}" "/tmp/run/$process/events" "${kind[@]}" name "events$process"
done
must find /tmp/run -type f
for process in 3 1 2; do
	must umount "/tmp/run/$process"
	must ls -A "/tmp/run/$process"
done

# bpftool mounts one where the directory of a pin is of something else.
must mkdir -m 700 /tmp/tool
must "${create[@]}" /tmp/tool/map "${kind[@]}" name tool
must findmnt -n -o FSTYPE,OPTIONS -M /tmp/tool
must ls -A /tmp/tool
must umount /tmp/tool

# A mount over another hides it.
must mount -t bpf over "$BPF"
must ls -A "$BPF"
must umount "$BPF"
must ls -A "$BPF"
said of_the_host
must umount "$BPF"

finish
