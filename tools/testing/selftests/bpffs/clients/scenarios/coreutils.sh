#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# coreutils, findutils, tree, attr and busybox on a tree of all kinds of files.
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"

mount_bpf
must bpftool map create "$BPF/map" type array key 4 value 8 entries 2 name map
must bpftool prog load "$HERE/plain.bpf.o" "$BPF/prog" pinmaps "$BPF/maps"
must bpftool prog load "$HERE/attach.bpf.o" "$BPF/link" autoattach
cd "$BPF"

# Making and naming.
must mkdir -p a/b/c d
must mkdir -m 2775 setgid
must chgrp daemon setgid
must mkdir setgid/inherits
must ln -s ../map a/symlink
must ln -s nowhere a/dangling
must ln map a/hardlink
must ln a/symlink a/hard_symlink
refused ln -T map d
refused ln a/b d/directory
must mv prog a/b/renamed
must mv -T d a/moved
refused mv -T a/b a/moved/none/x
refused mv a /tmp/a
said "cannot"
must mv -n map a/b/renamed
must mv --exchange map a/b/renamed
must stat -c '%n %F %h' map a/b/renamed
must mv --exchange map a/b/renamed
refused mkdir a
refused mkdir "with.dot"
refused mkdir "$(printf '%0256d' 0)"
refused touch new
said "Permission denied"
refused mkfifo fifo
refused mknod device c 1 3
refused ln -s x "link.dot"
refused cp -T /etc/hostname copy
refused bash -c 'echo >map'
refused truncate -s 0 map
refused rmdir a
said "not empty"
must rmdir -p a/b/c --ignore-fail-on-non-empty

# Seeing.
must touch -d '2020-01-02 03:04:05.678' a/b map maps link
must touch -h -d '2020-02-03' a/symlink
must ls -lR --time-style=long-iso a
must ls -laR
must ls -U
must ls -liF a
must ls -1FR --color=always
must tree
must tree -a -p -s -u -g --inodes --noreport a
must tree -J a
must find . -printf '%y %M %n %s %b %u %g %p -> %l\n'
must find . -type l
must find . -type f
must find . -type d -empty
must find . -perm 600
must find . -perm /g+s
must find . -newermt 2021-01-01 -type f
must find . ! -newer a/b
must find . -samefile map
said "a/hardlink"
must find -L . -samefile map
must find -L . -type l
must find . -links +1 -type f
must find . -fstype bpf -maxdepth 1
must find . -size 0 -type f
must stat -c '%n %F %A %a %u:%g %h %s %b %B %o %t %T %x' map a/b a/symlink
must stat -c 'inode %i device %d %n' map a/hardlink a/b a a/symlink a/hard_symlink
must stat -f -c '%T %s %S %b %f %a %c %d %l' map
must du -a a
must du -sh --apparent-size .
must df -T .
must df -i .
must realpath a/symlink
must readlink -e a/symlink
refused readlink -e a/dangling
for test in e f d h L p S b c r w x s u g k O G; do
	for path in map a a/symlink a/dangling setgid .; do
		result=no
		test "-$test" "$path" && result=yes
		echo "test -$test $path: $result"
	done
done
must test map -ef a/hardlink
must test a -nt map
refused test -e none

# Reading and writing.
refused cat map
said "Input/output error"
must cat maps/runs
said "0: 0"
must dd if=maps/runs bs=7 skip=3 status=none
must tail -n 2 maps/runs
said "3: 0"
must wc maps/runs
must md5sum maps/runs
must head -c 10 maps/runs
refused dd if=/dev/zero of=maps/runs bs=8 count=1 status=none conv=notrunc
refused grep -r 0 a
must cmp maps/runs maps/runs
refused diff -r a maps

# Copying.
run cp -a a /tmp/copy
run ls -lR --time-style=long-iso /tmp/copy
must cp -a maps /tmp/copied_maps
must cat /tmp/copied_maps/runs
run cp -a a b
must find b -printf '%y %M %n %p\n'
must cp -al a linked
must find linked -printf '%y %M %n %p\n'
must cp -as "$BPF/a" symlinked
must find symlinked -printf '%y %M %p -> %l\n'
run tar -cf /tmp/archive.tar a maps setgid
run tar -tvf /tmp/archive.tar --exclude=*/b
run tar -xf /tmp/archive.tar -C setgid
must find setgid -printf '%y %M %u %g %n %p\n'

# Changing.
must chmod -R u=rwX,g=rX,o= a
must chmod 1777 setgid
must chmod 0 map
must chown -R 1:2 a
must chown -h 3:4 a/symlink
must stat -c '%n %A %u:%g' a a/b a/b/renamed a/symlink map a/hardlink setgid
must setfattr -n trusted.note -v value map
must setfattr -n trusted.note -v directory a
must setfattr -h -n trusted.note -v symlink a/symlink
must getfattr -d -m - map a
said 'trusted.note="value"'
must getfattr -h -d -m - a/symlink
must getfattr -n trusted.note --only-values a/hardlink
said value
must setfattr -x trusted.note map
refused getfattr -n trusted.note map
said "No such attribute"
refused setfattr -n user.note -v value map
said "not supported"
refused setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff04000600ffffffff20000000ffffffff a
run getfattr -R -d -m - .
must install -d -m 750 -o 5 -g 6 installed
must stat -c '%n %A %u:%g' installed

# As somebody else.
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
refused "${nobody[@]}" ls a
refused "${nobody[@]}" rm -f map
said "Operation not permitted"
refused "${nobody[@]}" chmod 777 setgid
must "${nobody[@]}" mkdir setgid/nobodys
must "${nobody[@]}" stat -c '%n %A %u:%g' setgid/nobodys
must "${nobody[@]}" rmdir setgid/nobodys
refused "${nobody[@]}" rmdir setgid/inherits
refused "${nobody[@]}" cat maps/runs

# busybox has its own of all of it.
bb=(busybox)
must "${bb[@]}" mkdir -p busy/box
must "${bb[@]}" ln -s box busy/symlink
must "${bb[@]}" ln map busy/map
must "${bb[@]}" ls -lan --color=never busy
must "${bb[@]}" ls -R a
must "${bb[@]}" find . -type l
must "${bb[@]}" stat -c '%n %f %h %s %u:%g %t' busy busy/map busy/symlink
must "${bb[@]}" stat -f -c '%t %T %s' .
must "${bb[@]}" mv busy/map busy/moved
must "${bb[@]}" cat maps/runs
refused "${bb[@]}" cat busy/moved
run "${bb[@]}" cp -a busy /tmp/busy
run "${bb[@]}" find /tmp/busy
must "${bb[@]}" du -a busy
must "${bb[@]}" df -T .
must "${bb[@]}" touch -d '2020-01-01 00:00:00' busy
must "${bb[@]}" chmod 700 busy
refused "${bb[@]}" touch busy/new
must "${bb[@]}" rm -r busy

# Removing.
refused rm a
refused rmdir map
refused rm -r none
must rm -r a
must test -e map
id=$(id_of link link)
must rm -rf -- *
silent
must ls -A
silent
soon link_gone "$id"
cd /
must umount "$BPF"

finish
