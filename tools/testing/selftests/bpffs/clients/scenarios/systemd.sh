#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# systemd as the first process: what it has mounted, and services in sandboxes. Run
# by on_systemd.
# The commands of services are theirs to expand.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tools/testing/selftests/bpffs/clients/lib.sh
. "$HERE/lib.sh"
# shellcheck source=tools/testing/selftests/bpffs/clients/service.sh
. "$HERE/service.sh"

counted() { bpftool -j map lookup pinned "$BPF/maps/runs" key "$1" 0 0 0 | grep -q '"value":[1-9]'; }

must cat /proc/1/comm
said systemd
must systemctl is-system-running
must systemctl show sys-fs-bpf.mount -p What -p Where -p Type -p Options -p ActiveState
must findmnt -n -o TARGET,SOURCE,FSTYPE,OPTIONS -M "$BPF"
said "bpf"
must stat -c '%A %u:%g %h' "$BPF"
must bpftool prog loadall "$HERE/plain.bpf.o" "$BPF/all" pinmaps "$BPF/maps"

service plain 'bpftool map show pinned $BPF/maps/runs; cat $BPF/maps/runs; mkdir $BPF/by_plain'
started
must ls "$BPF"
said by_plain

service mounts 'findmnt -n -o FSTYPE,OPTIONS,PROPAGATION -M $BPF; ls $BPF; cat $BPF/maps/runs; mkdir $BPF/by_mounts
	umount $BPF; findmnt -n -M $BPF || mount -t bpf -o mode=750 own $BPF; ls -A $BPF; findmnt -n -o SOURCE,OPTIONS -M $BPF
	bpftool map create $BPF/own type array key 4 value 4 entries 1 name own' PrivateMounts=yes
started
# Neither mount nor pin of its own are seen outside.
must ls "$BPF"
said by_mounts
must findmnt -n -o SOURCE,FSTYPE,OPTIONS -M "$BPF"
soon not bash -c "bpftool map show | grep -q 'name own'"

service tunables 'findmnt -n -o FSTYPE,OPTIONS -M $BPF; cat $BPF/maps/runs; mkdir $BPF/no; rm $BPF/all/pass_tc
	bpftool map pin pinned $BPF/maps/runs $BPF/no' ProtectKernelTunables=yes
failed
must ls "$BPF" "$BPF/all"
service strict 'mkdir $BPF/by_strict; bpftool prog show pinned $BPF/all/pass_tc' ProtectSystem=strict PrivateTmp=yes \
	ProtectHome=yes ProtectKernelModules=yes ProtectControlGroups=yes
service users 'stat -c "%A %u:%g %n" $BPF $BPF/maps/runs; bpftool map show pinned $BPF/maps/runs; mkdir $BPF/by_users' \
	PrivateUsers=yes
service nobody 'id -u; ls $BPF; stat $BPF/maps; bpftool map show pinned $BPF/maps/runs' User=nobody
service bound 'ls /run/elsewhere $BPF; findmnt -n -o FSTYPE,FSROOT,OPTIONS -M /run/elsewhere; touch /run/elsewhere/x
	bpftool map pin pinned $BPF/maps/runs /run/elsewhere/runs' BindReadOnlyPaths=$BPF/maps:/run/elsewhere
service inaccessible 'ls -A $BPF; bpftool map show pinned $BPF/maps/runs; stat -f -c %T $BPF' "InaccessiblePaths=$BPF"
service temporary 'ls -A $BPF; stat -f -c %T $BPF' "TemporaryFileSystem=$BPF:ro"
service nobpf 'cat $BPF/maps/runs; bpftool map show pinned $BPF/maps/runs' SystemCallFilter=~bpf SystemCallErrorNumber=EPERM

# A BPF security module that knows file systems by their numbers.
must grep -o bpf /sys/kernel/security/lsm
service denied 'ls $BPF; cat $BPF/maps/runs; cat /proc/sys/kernel/ostype' RestrictFileSystems=~bpf
said "Operation not permitted"
service allowed 'cat $BPF/maps/runs' "RestrictFileSystems=bpf @basic-api @temporary fuse virtiofs"
service others 'cat $BPF/maps/runs' "RestrictFileSystems=~debugfs"
said "0: 0"

# Programs of its own, and ours by path.
packet='echo packet >/dev/udp/127.0.0.1/9; echo $?'
service open "$packet"
service addresses "$packet" IPAddressDeny=any
service interfaces "$packet" RestrictNetworkInterfaces=~lo
service bind 'python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind((\"127.0.0.1\", 99))"' SocketBindDeny=any
expect not counted 3
service program "$packet" "BPFProgram=egress:$BPF/all/allow"
started
expect counted 3
service none "$packet" "BPFProgram=egress:$BPF/none"
service wrong "$packet" "BPFProgram=egress:$BPF/all/pass_xdp"

# It starts itself again. What it then forgets of a service that runs is its own affair
# (257: file systems and programs); mount and pins stay, and new services are as before.
cat > /run/bpffs-long.sh <<'END'
while sleep 0.2; do
	cat $BPF/maps/runs
	echo packet >/dev/udp/127.0.0.1/9
done
END
cat > /run/systemd/system/bpffs-long.service <<END
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/bash /run/bpffs-long.sh
Environment=BPF=$BPF
RestrictFileSystems=~bpf
BPFProgram=egress:$BPF/all/allow
StandardOutput=truncate:/run/bpffs-long.said
StandardError=inherit
END
must systemctl daemon-reload
must bpftool map update pinned "$BPF/maps/runs" key 3 0 0 0 value 0 0 0 0 0 0 0 0
must systemctl start bpffs-long.service
soon grep -q "Operation not permitted" /run/bpffs-long.said
expect not grep -q "0: " /run/bpffs-long.said
soon counted 3
must systemctl daemon-reexec
must systemctl is-active bpffs-long.service
must systemctl stop bpffs-long.service
service later 'ls $BPF; bpftool map show pinned $BPF/maps/runs' RestrictFileSystems=~bpf
said "Operation not permitted"
must findmnt -n -o SOURCE,FSTYPE,OPTIONS -M "$BPF"
must ls "$BPF" "$BPF/all" "$BPF/maps"

must rm -r "${BPF:?}/all" "$BPF/maps" "$BPF"/by_*
# But for what a kernel with BPF_PRELOAD puts there.
must find "$BPF" -mindepth 1 ! -name '*.debug'
silent

finish
