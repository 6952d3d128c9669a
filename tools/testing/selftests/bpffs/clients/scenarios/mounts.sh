#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# util-linux and busybox: mounting, and what the tools tell of mounts. One instance at
# a time: how mounts share one is where the implementations differ on purpose.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

refused mountpoint "$BPF/none"
must mount -t bpf bpf "$BPF"
must mountpoint "$BPF"
must findmnt -J -T "$BPF"
must findmnt -J -t bpf
said '"fstype": "bpf"'
must findmnt -n -o TARGET,SOURCE,FSTYPE,OPTIONS,VFS-OPTIONS,FS-OPTIONS,PROPAGATION,FSROOT -M "$BPF"
run findmnt --df -t bpf
must mount -t bpf
must grep -w bpf /proc/filesystems
must grep -c " bpf " /proc/self/mounts
must umount "$BPF"
run mountpoint -d "$BPF"
run findmnt -t bpf
silent

# Options, and what is shown of them.
for options in mode=750 mode=1777,uid=5,gid=6 ro nosuid,nodev,noexec,relatime,mode=700 \
	delegate_attachs=0x1 delegate_cmds=any,delegate_maps=hash:array,delegate_progs=0x3,delegate_attachs=xdp \
	nosuch=option mode=750,nosuch; do
	must mount -t bpf -o "$options" source "$BPF"
	must findmnt -n -o SOURCE,OPTIONS -M "$BPF"
	must stat -c '%A %u:%g' "$BPF"
	must umount "$BPF"
done
for options in mode=9 uid=x gid=-1 uid=5000000000 delegate_cmds=nonesuch delegate_maps=0x1ffffffffffffffff mode; do
	refused mount -t bpf -o "$options" bpf "$BPF"
done

# busybox has its own, by mount(2).
must busybox mount -t bpf -o nosuid,mode=750,uid=5 source "$BPF"
must findmnt -n -o SOURCE,OPTIONS -M "$BPF"
must stat -c '%A %u:%g' "$BPF"
must busybox umount "$BPF"
refused mountpoint -q "$BPF"
refused busybox mount -t bpf -o mode=9 bpf "$BPF"

# Again, elsewhere, otherwise.
must mount -t bpf bpf "$BPF"
must bpftool map create "$BPF/map" type array key 4 value 4 entries 1 name map
must mkdir -p "$BPF/sub/dir" /tmp/bound /tmp/moved
must mount --bind "$BPF/sub" /tmp/bound
must findmnt -n -o TARGET,SOURCE,FSROOT,OPTIONS -t bpf
must bpftool map pin pinned "$BPF/map" /tmp/bound/map
must ls "$BPF/sub"
said map
must mount -o remount,bind,ro /tmp/bound
refused rm /tmp/bound/map
said "Read-only"
refused bpftool map pin pinned "$BPF/map" /tmp/bound/again
must bpftool map show pinned /tmp/bound/map
must rm "$BPF/sub/map"
must mount --move /tmp/bound /tmp/moved
must ls -A /tmp/moved
must umount /tmp/moved
must mount -o remount,ro "$BPF"
must findmnt -n -o OPTIONS,VFS-OPTIONS,FS-OPTIONS -M "$BPF"
refused mkdir "$BPF/new"
refused bpftool map pin pinned "$BPF/map" "$BPF/again"
must mount -o remount,rw "$BPF"
must mkdir "$BPF/new"
must mount -o remount,nosuch "$BPF"
must findmnt -n -o OPTIONS -M "$BPF"
must unshare -m --propagation private bash -c "umount $BPF && ! mountpoint -q $BPF"
must mountpoint "$BPF"
must unshare -m ls "$BPF"
must unshare -m --map-root-user ls "$BPF"
refused unshare -m --map-root-user mount -t bpf bpf /tmp/bound
# Busy, then lazily.
cd "$BPF/sub"
refused umount "$BPF"
said "busy"
must umount -l "$BPF"
refused mountpoint -q "$BPF"
must ls -A .
refused pwd -P
cd /tmp
must mount -t bpf -o X-mount.mkdir,X-mount.owner=7,X-mount.mode=710 bpf /tmp/made/here
must stat -c '%A %u:%g' /tmp/made/here
must umount -R /tmp/made/here

finish
