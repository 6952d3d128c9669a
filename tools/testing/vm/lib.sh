# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Where things are in the cache; sourced by the scripts next to it.

vmdir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
clone=$(cd "$vmdir/../../.." && pwd)
cache=${BPFFS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bpffs}
newer_suite=forky

# shellcheck source=tools/testing/vm/say.sh
. "$vmdir/say.sh"

# Debian's release whose kernels are built for, in a root with that release's compilers: those that its kernels
# are made with. Experimental is no release of its own, but goes on top of sid.
# A release under development is valid for a week, and a mirror may lag behind.
suite=${SUITE:-trixie}
# shellcheck disable=SC2034 # not all that source this use it
case $suite in
trixie) root_suite=trixie root_options='' kernel_suite=trixie-backports gcc=14 llvm=19 ;;
forky) root_suite=forky root_options='check-valid-until=no' kernel_suite=forky gcc=16 llvm=22 ;;
sid | experimental) root_suite=sid root_options='check-valid-until=no' kernel_suite=$suite gcc=16 llvm=22 ;;
*) die "SUITE=$suite is none of trixie, forky, sid, experimental" ;;
esac

key() { sha256sum | cut -c1-12; }

# A root is made of a package list, a kernel of a root and of how it is
# prepared: when one of these changes, so does the name of the cache's entry.
packages() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' -e "s/@GCC@/$gcc/; s/@LLVM@/$llvm/" "$vmdir/$1"
}
root_key=$({ echo "$root_suite"; packages packages; cat "$vmdir/make-root"; } | key)
newer_key=$({ echo "$newer_suite"; packages packages-newer; cat "$vmdir/make-root"; } | key)
kernel_key=$({ echo "$root_key"; [[ $suite == "$root_suite" ]] || echo "$suite"; cat "$vmdir"/{make-kernel,unpack-source,prepare-source}; } | key)
root_dir=$cache/root-$root_key
# shellcheck disable=SC2034 # not all that source this use it
newer_dir=$cache/newer-$newer_key

# What cargo makes, in the build directory: each root has a compiler of its own.
# shellcheck disable=SC2034 # not all that source this use it
cargo_target=build/cargo
[[ $root_suite == trixie ]] || cargo_target+=-$root_suite

# The crates that the tools are built of: fetched once for each set of lock files.
cargo_projects=(tools/klp-relocate tools/bpffsctl tools/testing/vm samples/rust tools/testing/selftests/bpffs/clients/rust
	tools/testing/rounds)
crates() { printf '%s\n' "$cache/cargo/fetched-$(cd "$clone" && cat "${cargo_projects[@]/%//Cargo.lock}" | key)"; }

# A debugging kernel takes minutes to build, so that it is made anew only when it would become
# another: for another compiler, not for any change to the root.
debug_key() {
	{
		grep -A 9 -xE "Package: (bindgen|clang-$llvm|lld-$llvm|pahole|rustc)" "$root_dir/var/lib/dpkg/status" |
			grep -E '^(Package|Version):'
		cat "$vmdir/make-debug-kernel" "$vmdir/debug.config"
	} | key
}

# flavour KERNEL: what the name ends in of the kernels that a series or a version stands for: the cloud's,
# unless another one is named (7.2-amd64, 7.2-rt-amd64).
flavour() {
	case ${1%+debug} in
	*-*) echo "${1##*[0-9]-}" ;;
	*) echo cloud-amd64 ;;
	esac
}

# cached_kernel KERNEL: the cache's directory for a series (7.2), a version (7.2.12), one of these with a
# flavour (7.2-rt-amd64) or a release (7.2.12+deb13-cloud-amd64), the newest that fits; fails if there is
# none. With +debug behind one of these it is the debugging kernel from the same source.
cached_kernel() {
	local want=${1%+debug} key=$kernel_key base flavour patterns dir found=''
	base=${want%%[+-]*}
	case $1 in
	*+debug)
		[[ -d $root_dir ]] || return 1
		key=$(debug_key)
		patterns=("$base+debug" "$base.*+debug") ;;
	*+*) patterns=("$want") ;;
	*)
		# No flavour is part of another one's name. What is not released yet may be 7.3-cloud-amd64.
		flavour=$(flavour "$1")
		patterns=("$base-$flavour" "$base"{+,.}"*[0-9]-$flavour") ;;
	esac
	found=$(for dir in "${patterns[@]}"; do compgen -G "$cache/kernels/${dir}_*_$key" || true; done | sort -V | tail -n 1)
	[[ -n $found ]] || return 1
	printf '%s\n' "$found"
}

# machine_dir RELEASE...: the machine with these kernels that packages are installed on.
machine_dir() { printf '%s\n' "$cache/machine-$({ echo "$suite" "$@"; cat "$vmdir/setup-machine"; } | key)"; }

# Where this machine gets Debian from. An origin may be of several words, so it comes last.
find_mirror() {
	[[ -z ${MIRROR:-} ]] || { echo "$MIRROR"; return; }
	# shellcheck disable=SC2016 # apt is to see these dollars
	apt-get indextargets --format '$(CREATED_BY) $(COMPONENT) $(SITE) $(ORIGIN)' |
		awk '$1 == "Packages" && $2 == "main" && $3 !~ /security/ && NF == 4 && $4 == "Debian" && !seen++ { print $3 }'
}

# The release that a directory of the cache is for.
kernel_release() { basename "$1" | cut -d_ -f1; }

# keep_mounts_here: what is mounted in this process's mount namespace stays there.
# In a chroot, "/" may be no mount whose propagation can be set; the namespace's own
# root is one, and a process gets there by entering its own namespace.
keep_mounts_here() {
	mount --make-rprivate / 2>/dev/null ||
		nsenter --mount=/proc/self/ns/mnt mount --make-rprivate / ||
		die "cannot keep mounts to this process: is /proc mounted?"
}
