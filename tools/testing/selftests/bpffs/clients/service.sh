# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the scenarios that on_systemd runs: services.

# service NAME COMMANDS PROPERTY...: runs a service with these properties, shows how it
# ended and what it said.
service() {
	local name=bpffs-$1 commands=$2
	shift 2
	echo "$commands" > "/run/$name.sh"
	{
		printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\n'
		printf 'StandardOutput=truncate:/run/%s.said\nStandardError=inherit\n' "$name"
		printf 'ExecStart=/bin/bash /run/%s.sh\nEnvironment=BPF=%s\n' "$name" "$BPF"
		printf '%s\n' "$@"
	} > "/run/systemd/system/$name.service"
	: > "/run/$name.said"
	status=0
	systemctl start "$name.service" 2>/dev/null || status=$?
	echo "$ service $name ($*): $commands"
	out=$(<"/run/$name.said")
	echo "$out"
	systemctl show "$name.service" -p Result -p ExecMainStatus
	[[ $status == 0 ]] || systemctl reset-failed "$name.service"
}
started() { [[ $status == 0 ]] || unmet "must work"; }
failed() { [[ $status != 0 ]] || unmet "must fail"; }
