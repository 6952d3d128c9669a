#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# One instance, wherever it is mounted: instance=NAME in network namespaces, and in containers that
# come and go.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

[[ -n ${inside:-} ]] || inside=yes exec unshare -n bash "$0"

create=(bpftool map create)
kind=(type array key 4 value 4 entries 1)
shared=(mount -t bpf -o instance=shared_mounts bpf)
# container COMMAND: with mounts of its own, without those of the host.
container() {
	unshare --mount --pid --fork --propagation private bash -euc \
		"umount $BPF; mount -t tmpfs run /run; $1" </dev/null
}

must mount -t bpf bpf "$BPF"
must mkdir -p /tmp/keeper
must "${shared[@]}" /tmp/keeper
must findmnt -n -o FSTYPE,OPTIONS -M /tmp/keeper
said instance=shared_mounts

# ip netns exec mounts a /sys of its own, over what was there.
must ip netns add bpffs_shared
must ip netns exec bpffs_shared bash -euc "${shared[*]} $BPF && ${create[*]} $BPF/by_netns ${kind[*]} name by_netns"
must bpftool map show pinned /tmp/keeper/by_netns
must ip netns exec bpffs_shared bash -euc "mount -t bpf bpf $BPF && ls -A $BPF"
silent
must ip netns del bpffs_shared

# A container that is started again: by name it finds its pins, without a name it does not.
must container "mount -t bpf bpf $BPF; ${create[*]} $BPF/lost ${kind[*]} name lost"
must container "mount -t bpf bpf $BPF; ls -A $BPF"
silent
soon not bash -c "bpftool map show | grep -q 'name lost'"
must container "${shared[*]} $BPF; ${create[*]} $BPF/kept ${kind[*]} name kept"
must container "${shared[*]} $BPF; ls -A $BPF; bpftool map show pinned $BPF/kept | grep -o 'name kept'"
said kept
said by_netns

# One that was started before anything was shared.
mkfifo /tmp/go /tmp/done
container "read <>/tmp/go; ${shared[*]} $BPF; ls -A $BPF >/tmp/done" &
must "${create[@]}" /tmp/keeper/later "${kind[@]}" name later
echo >/tmp/go
must cat /tmp/done
said later
wait

# What a mount does not get, it is told; by mount(2) in the kernel's log.
must mount -v -t bpf -o instance=shared_mounts,mode=700 bpf /mnt
said "mode ignored: joined the instance shared_mounts, which has mode=777"
must findmnt -n -o OPTIONS -M /mnt
said instance=shared_mounts
expect not grep -q mode= <<<"$out"
must umount /mnt
must busybox mount -t bpf -o instance=shared_mounts,mode=711 bpf /mnt
expect grep -q "mode ignored: joined the instance shared_mounts" <(dmesg)
must umount /mnt
refused mount -t bpf -o instance=shared_mounts,mode=700,join_strict bpf /mnt
said "join_strict was given"
refused mount -t bpf -o instance=a.b bpf /mnt
said "instance: a name is"
refused mount -t bpf -o instance=shared_mounts,newinstance bpf /mnt
said "give one of them"

# The lines of mount.rst.
printf 'bpf /run/pins bpf instance=shared_mounts,mode=777,X-mount.mkdir 0 0\n' >/tmp/fstab
must mount -T /tmp/fstab /run/pins
must ls -A /run/pins
said kept
must mount -T /tmp/fstab -o remount,ro /run/pins
must findmnt -n -o OPTIONS -M /run/pins
must mount -T /tmp/fstab -o remount,rw /run/pins
must umount /run/pins

# Without a keeper it goes.
must umount /tmp/keeper
must "${shared[@]}" /tmp/keeper
must ls -A /tmp/keeper
silent
must umount /tmp/keeper

finish
