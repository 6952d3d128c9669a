// SPDX-License-Identifier: GPL-2.0
/*
 * Makes sequences of calls from a seed. Most of what is made is right or nearly
 * so and meets few names, so that calls succeed and have to do with each other;
 * the rest is hostile.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <linux/fs.h>
#include <linux/openat2.h>

#include "fuzz.h"

/* ---- chance ---- */

static uint64_t state;

static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned int below(unsigned int n)
{
	return next() % n;
}

static bool chance(unsigned int percent)
{
	return below(100) < percent;
}

#define PICK(array) ((array)[below(ARRAY_SIZE(array))])

/* ---- remounts ---- */

/*
 * What a remount changes, or refuses to change, is not what it is with C's, which looks at the
 * options and forgets them. So the options of a remount are such that nothing comes of them.
 */
static struct {
	/* File descriptors of contexts that may be for a remount. */
	bool fs[SLOTS];
	/* The call that is being made up may be one. */
	bool call;
} remounts;

/* Takes note of what a call makes of a file descriptor. */
static void note_remounts(const char *line)
{
	unsigned int fs;

	/* The context of a mount that was made is for remounting that. */
	if ((sscanf(line, "fspick f%u", &fs) == 1 || sscanf(line, "fsmount f%*u f%u", &fs) == 1) &&
	    fs < SLOTS)
		remounts.fs[fs] = true;
}

/* A value that no option has, whatever its name; of one that delegates, maybe nothing. */
static const char *not_taken(const char *key)
{
	static const char * const bad[] = {
		"", "abc", "12abc", "-1", " 1", "1 ", "0x", "none", "18446744073709551616",
	};

	if (!strncmp(key, "delegate", 8) && chance(40))
		return chance(50) ? "0" : "0x0";
	return PICK(bad);
}

/* ---- numbers ---- */

/*
 * What a parameter "#name" of a call is: one of @v, the first of them more often
 * than the others, or some of them together if they are @bits.
 */
struct set {
	const char *name;
	bool bits, octal;
	uint64_t v[32];
	unsigned int cnt;
};

#define V(...)		{ __VA_ARGS__ }, sizeof((uint64_t[]){ __VA_ARGS__ }) / 8
#define ONE(...)	false, false, V(__VA_ARGS__)
#define MODE(...)	false, true, V(__VA_ARGS__)
#define BITS(...)	true, false, V(__VA_ARGS__)

static const struct set sets[] = {
	{ "zero", ONE(0, 0, 0, 0, 1) },
	{ "bool", ONE(0, 1) },
	{ "small", ONE(0, 1, 2, 3, 0x800, 0x4000) },
	{ "pinflag", ONE(0, 0, 0, BPF_F_PATH_FD, BPF_F_PATH_FD, 1, BPF_F_RDONLY, 1u << 31) },
	{ "getflag", ONE(0, 0, BPF_F_PATH_FD, BPF_F_RDONLY, BPF_F_WRONLY,
			 BPF_F_RDONLY | BPF_F_WRONLY, BPF_F_PATH_FD | BPF_F_RDONLY, 1, 1u << 31) },
	{ "attrsize", ONE(20, 20, 20, 24, 16, 0, 1, 8, 12, 19, 21, 32, 168, 200, 4096, 4097, -1) },
	{ "tokensize", ONE(8, 8, 0, 4, 7, 9, 168, 4096, 4097) },
	{ "tail", ONE(0, 0, 0, 0, 0, 0, 1, 255) },
	{ "bpfcmd", ONE(BPF_OBJ_PIN, BPF_OBJ_GET, BPF_TOKEN_CREATE) },
	{ "maptype", ONE(BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_LRU_HASH) },
	{ "fscmd", ONE(FSCONFIG_CMD_CREATE, FSCONFIG_CMD_RECONFIGURE, FSCONFIG_SET_STRING,
		       FSCONFIG_SET_FLAG, FSCONFIG_SET_BINARY, FSCONFIG_SET_PATH,
		       FSCONFIG_SET_PATH_EMPTY, FSCONFIG_SET_FD, FSCONFIG_CMD_CREATE_EXCL, 9) },
	{ "aux", ONE(0, 0, 1, 4, 5, 60, 67, 100, 4096, (1 << 20) + 1, -100, -1) },
	{ "mntattr", BITS(MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV,
			  MOUNT_ATTR_NOEXEC, 0x10, 0x20, 0x40, 0x80, 0x100000, 0x200000) },
	{ "setattrsize", ONE(32, 32, 0, 31, 64, 4097) },
	{ "pickflag", BITS(1, 2, 4, 8, 16) },
	{ "treeflag", BITS(1, O_CLOEXEC, AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW) },
	{ "atflag", BITS(AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW,
			 AT_NO_AUTOMOUNT, AT_EACCESS, 0x2000, 0x4000) },
	{ "atremove", ONE(0, 0, 0, AT_REMOVEDIR, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, -1) },
	/* Without MS_MANDLOCK, of which the kernel warns. */
	{ "msflag", BITS(MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_REMOUNT, MS_BIND, MS_SYNCHRONOUS,
			 MS_NOEXEC, MS_NODEV, MS_DIRSYNC, MS_NOATIME, MS_NODIRATIME, MS_MOVE,
			 MS_SILENT, 256, MS_PRIVATE, MS_STRICTATIME, MS_LAZYTIME,
			 MS_KERNMOUNT, 1u << 30, 1u << 31) },
	{ "umountflag", ONE(0, MNT_DETACH, MNT_EXPIRE, MNT_FORCE, UMOUNT_NOFOLLOW, 16) },
	{ "uid", ONE(0, 0, 1000, 65534, -1) },
	{ "mode", MODE(0755, 0777, 0644, 0600, 0, 0700, 01777, 02755, 04711, 07777, 0444, 0100644,
		       0200000) },
	{ "nodmode", MODE(S_IFREG | 0644, S_IFIFO | 0644, S_IFCHR | 0644, S_IFBLK | 0644,
			  S_IFSOCK | 0644, S_IFDIR | 0755, S_IFLNK | 0777, 0644, 0170000) },
	{ "rdev", ONE(0, 0x103, 0x101) },
	{ "oflag", ONE(O_RDONLY, O_RDONLY | O_DIRECTORY, O_RDONLY, O_PATH, O_RDWR, O_WRONLY,
		       O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_EXCL, O_TMPFILE | O_RDWR,
		       O_PATH | O_NOFOLLOW, O_RDONLY | O_NOFOLLOW, O_WRONLY | O_TRUNC, O_TRUNC,
		       O_RDONLY | O_DIRECT, O_RDONLY | O_NOATIME, O_WRONLY | O_APPEND, 3,
		       O_CREAT | O_DIRECTORY, O_RDONLY | O_CLOEXEC, O_PATH | O_CLOEXEC,
		       O_PATH | O_DIRECTORY, O_RDWR | O_SYNC, O_TMPFILE | O_WRONLY | O_EXCL,
		       1 << 30) },
	{ "resolve", BITS(RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS,
			  RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_CACHED, 64) },
	{ "howsize", ONE(24, 24, 24, 32, 23, 0, 88) },
	{ "renameflag", ONE(0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE,
			    RENAME_WHITEOUT, RENAME_NOREPLACE | RENAME_EXCHANGE,
			    RENAME_EXCHANGE | RENAME_WHITEOUT, 8, -1) },
	{ "bufsize", ONE(4096, 100, 256, 0, 1, 2, 7, 24, 32, 65, 4095, 65536, 65537, -1) },
	{ "statxmask", ONE(0x7ff, 0xfff, 0, 0xffff, 0x3fff, 1u << 31, 0x1000, 0x4000) },
	{ "access", ONE(0, 1, 2, 4, 7, 6, 8) },
	{ "time", ONE(1000, 0, 1, -1, 2000, 77777) },
	{ "nsec", ONE(0, 5, 999999999, 1000000000, UTIME_NOW, UTIME_OMIT, -1) },
	{ "length", ONE(0, 1, 5, 100, 4096, 65536, -1, 1ull << 40, INT64_MAX, INT64_MIN) },
	{ "xsize", ONE(1, 0, 2, 3, 100, 65535, 65536, 65537, 131072, -1) },
	{ "xflag", ONE(0, 0, 0, XATTR_CREATE, XATTR_REPLACE, 3, 4, -1) },
	{ "fill", ONE(20, 129, 130, 260) },
	{ "fillsize", ONE(0, 1, 100, 1024, 4096, 65536) },
	{ "whence", ONE(SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 5, -1) },
	{ "maplen", ONE(4096, 1, 0, 8192, -1) },
	{ "prot", ONE(PROT_READ, PROT_READ | PROT_WRITE, 0, PROT_EXEC, PROT_READ | PROT_EXEC) },
	{ "mapflag", ONE(MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE | MAP_SYNC, 0) },
	{ "falloc", ONE(0, 1, 3, 0x10, -1) },
	{ "ioctl", ONE(FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR,
		       FS_IOC_GETVERSION, FIONREAD, FIBMAP, FIGETBSZ, FIFREEZE, FITHAW,
		       0x5460 /* FIOQSIZE */, FICLONE, FS_IOC_GETFSLABEL, FS_IOC_GETFSUUID,
		       0x5401, 0, -1) },
	{ "fcntl", ONE(F_GETFD, F_GETFL, F_SETFL, F_GETLEASE, F_NOTIFY, F_GETPIPE_SZ, F_ADD_SEALS,
		       F_GET_SEALS, F_GETOWN, F_GETSIG, 1027, 1028, 1035, 9999) },
	{ "lockcmd", ONE(F_GETLK, F_SETLK, F_OFD_GETLK, F_OFD_SETLK) },
	{ "locktype", ONE(F_RDLCK, F_WRLCK, F_UNLCK, 4, -1) },
	{ "flock", ONE(LOCK_SH, LOCK_EX, LOCK_UN, 0, 32) },
	{ "handleflag", ONE(0, 0x200 /* AT_HANDLE_FID */, 0x2, 0x1 /* AT_HANDLE_MNT_ID_UNIQUE */,
			    AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, 0x201) },
	{ "handlesize", ONE(128, 8, 0, 4, 129, -1) },
	{ "inmask", ONE(IN_ALL_EVENTS, IN_CREATE | IN_DELETE | IN_MOVE, IN_ATTRIB | IN_OPEN,
			IN_ALL_EVENTS | IN_ONLYDIR, IN_ALL_EVENTS | IN_DONT_FOLLOW, 0,
			IN_ALL_EVENTS | IN_ONESHOT, IN_ALL_EVENTS | IN_MASK_CREATE) },
	{ "fanclass", ONE(FAN_CLASS_NOTIF, 0x200 /* FAN_REPORT_FID */, 0xc00, 0x4, 0xe00) },
	{ "fanflag", ONE(FAN_MARK_ADD, FAN_MARK_ADD | FAN_MARK_MOUNT,
			 FAN_MARK_ADD | 0x100 /* FAN_MARK_FILESYSTEM */, FAN_MARK_ADD | 4,
			 FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_MARK_FLUSH, FAN_MARK_REMOVE) },
	{ "fanmask", ONE(FAN_OPEN, FAN_ACCESS | FAN_MODIFY | FAN_CLOSE, 0x100 /* FAN_CREATE */,
			 0x8 | FAN_ONDIR, 0x10000000, 0, 0x1000) },
};

static void number(char *to, const char *name)
{
	static const uint64_t edges[] = {
		0, 1, -1, 127, 128, 1 << 15, 1 << 16, INT32_MAX, 1u << 31, UINT32_MAX, 1ull << 32,
	};
	const struct set *set = sets;
	uint64_t v = 0;

	while (strcmp(set->name, name)) {
		if (++set == sets + ARRAY_SIZE(sets))
			abort();
	}
	if (set->bits) {
		unsigned int n = chance(50) ? 0 : chance(60) ? 1 : 1 + below(3);

		while (n--)
			v |= set->v[below(set->cnt)];
		/* All it sees must not be joined by what is mounted where. */
		if (chance(2) && strcmp(name, "msflag"))
			v ^= 1ull << below(64);
	} else {
		v = chance(40) ? set->v[0] : set->v[below(set->cnt)];
		if (chance(2) && strcmp(name, "bpfcmd") && strcmp(name, "fillsize") &&
		    strcmp(name, "fill") && strcmp(name, "ioctl") && strcmp(name, "fcntl") &&
		    strcmp(name, "lockcmd"))
			v = PICK(edges);
	}
	if (!strcmp(name, "msflag"))
		remounts.call = v & MS_REMOUNT;
	if ((int64_t)v < 0 && (int64_t)v > -4096)
		sprintf(to, "%ld", v);
	else
		sprintf(to, set->octal ? v ? "0%lo" : "%lo" : v < 10 ? "%lu" : "0x%lx", v);
}

/* ---- bytes and names ---- */

#define TEXT 3000

/* @n bytes at random, as text. */
static void random_bytes(char *to, unsigned int n)
{
	to += sprintf(to, "\"");
	while (n--)
		to += sprintf(to, "\\x%02x", chance(30) ? 0 : below(256));
	strcpy(to, "\"");
}

static const char *pointer(void)
{
	static const char * const pointers[] = { "null", "bad", "kernel", "\"\"", "end:\"\"" };

	return PICK(pointers);
}

static const char *const names[] = {
	"m", "m", "p", "l", "t", "i", "a", "a", "c", "d", "d", "d/m", "d/a", "d/a", "d/d", "s",
	"n", "d/s",
};

/* A path within quotes that may well be right. */
static void good_path(char *to)
{
	if (chance(80))
		sprintf(to, "\"/b/%s\"", PICK(names));
	else if (chance(50))
		strcpy(to, "\"/b\"");
	else if (chance(40))
		sprintf(to, "\"%s\"", PICK(names));
	else if (chance(50))
		sprintf(to, "\"/proc/self/fd/%u\"", SLOT_FD + below(SLOTS));
	else
		sprintf(to, "\"/proc/self/fd/%u/%s\"", SLOT_FD + below(SLOTS), PICK(names));
}

static void odd_path(char *to)
{
	static const char * const odd[] = {
		"/b/x.y", "/b/.", "/b/..", "/b/...", "/b/.x", "/b/x.", "/b/d/x.y", "/b/d/..",
		"/b/d/../a", "/b//a", "/b/a/", "/b/d/", "/b/m/", "/b/m/a", "/b/m/..", "/b/s/a",
		"/b/loop", "/b/loop/a", "/b/none/a", "", ".", "..", "/", "//b//m", "/o", "/o/x",
		"/o/d", "/o/s", "/o/s/m", "/o/new", "/c", "/c/m", "/c/d", "/b/\\n", "/b/a b",
		"/b/ ", "/b/,", "/b/=", "/b/:", "/b/\\\"", "/b/\\\\", "/b/-", "/b/d/d/../../m",
		"/b/x.y/z", "/b/../o/x", "/proc/self/fd/60", "/proc/self/fd/61", "/proc/self/fd/68",
		"/proc/self/fd/-1", "/b/d/.",
	};
	static const unsigned int lengths[] = { 100, 254, 255, 256, 300, 4090 };

	switch (below(12)) {
	case 0:
		sprintf(to, "\"/b/\\x%02x\"", 1 + below(255));
		break;
	case 1:
		sprintf(to, "\"/b/%s\\x%02x%s\"", PICK(names), 1 + below(255), PICK(names));
		break;
	case 2:
		sprintf(to, "\"/b/\"\"n\"*%u", PICK(lengths));
		break;
	case 3:
		/* Around PATH_MAX. */
		sprintf(to, "\"/b\"\"/\"*%u\"%s\"", 4085 + below(14), PICK(names));
		break;
	case 4:
		sprintf(to, "\"/b\"\"/.\"*%u\"/%s\"", 1 + below(2050), PICK(names));
		break;
	case 5:
		sprintf(to, "%s\"/b/%s\"", chance(50) ? "end:" : "cross:", PICK(names));
		break;
	case 6:
		strcpy(to, pointer());
		break;
	default:
		sprintf(to, "\"%s\"", PICK(odd));
	}
}

static void path(char *to)
{
	if (chance(80))
		good_path(to);
	else
		odd_path(to);
}

static void target(char *to)
{
	static const char * const targets[] = {
		"m", "d", "a", "/b/m", "/b/d", "../b/m", "loop", "x.y", "/o", "/o/x", "d/../m", "",
		"none", "/proc/self/fd/60", ".", "..",
	};

	if (chance(85))
		sprintf(to, "\"%s\"", PICK(targets));
	else if (chance(50))
		sprintf(to, "\"x\"*%u", 4090 + below(10));
	else
		odd_path(to);
}

static void xattr(char *to)
{
	static const char * const xattrs[] = {
		"trusted.a", "trusted.a", "trusted.a", "trusted.a", "security.a", "trusted.b", "security.a", "security.a", "security.bpf.x",
		"user.a", "trusted.", "security.", "trusted", "security", "", ".", "a",
		"system.posix_acl_access", "system.a", "security.capability", "security.selinux",
		"security.ima", "security.SMACK64", "Trusted.a", "trusted.a.b.c", "trusted.\\xff",
		"btrfs.a", "trusted..", "trusted.overlay.a", "system.posix_acl_default",
	};

	if (chance(90))
		sprintf(to, "\"%s\"", PICK(xattrs));
	else if (chance(60))
		sprintf(to, "\"%s.\"\"n\"*%u", chance(50) ? "trusted" : "security",
			244 + below(6));
	else
		strcpy(to, pointer());
}

/* ---- mount options ---- */

#define CMDS "delegate_cmds"

static const char *const keys[] = {
	"mode", "mode", "uid", "gid", CMDS, "delegate_maps", "delegate_progs",
	"delegate_attachs", "source", "unknown", "ro", "rw", "sync", "async", "dirsync", "lazytime",
	"context", "fscontext", "defcontext", "rootcontext", "seclabel", "smackfsdef", "",
	"Mode", "mode ", "size", "nr_blocks", "silent", "subtype",
};

static const char *const numbers[] = {
	"0", "1", "700", "755", "1777", "7777", "17777", "8", "9", "1000", "65534", "65536",
	"4294967294", "4294967295", "4294967296", "-1", "+5", "0x10", "0X1F", "010", " 1", "1 ", "",
	"abc", "12abc", "0x", "1\\n", "1\\n\\n", "37777777777", "40000000000", "18446744073709551616",
};

/* Names of one or the other enumeration, and others. */
static const char *const masks[] = {
	"any", "map_create", "prog_load", "obj_pin", "token_create", "btf_load", "link_detach",
	"prog_run", "prog_test_run", "hash", "array", "lru_hash", "cgroup_storage",
	"cgroup_storage_deprecated", "percpu_cgroup_storage", "arena", "unspec", "kprobe",
	"socket_filter", "xdp", "lsm", "netfilter", "syscall", "cgroup_inet_ingress",
	"trace_fentry", "trace_kprobe_multi", "trace_iter", "perf_event", "PROG_LOAD", "Hash", "ANY", "",
	"none", "0", "1", "0x3", "3", "010", "0xffffffffffffffff", "18446744073709551615",
	"0x10000000000000000", "0x8000000000000000", "-1", "+1", "bpf_map_create", "map create",
	" any", "any ", "max_bpf_cmd", "__max_bpf_cmd", "0x40000000", "0xffffffff", "1\\n",
	"prog_stream_read_by_fd", "insn_array", "netkit_primary", "trace_uprobe_session",
	"prog_assoc_struct_ops", "trace_fsession",
};

static const char *const cmds[] = {
	"any", "any", "any", "0", "0xffffffffffffffff", "18446744073709551615", "none", "", "-1",
	"0x10000000000000000", "any ", " any", "bpf_prog_load",
};

/* Without quotes. */
static void option_value(char *to, const char *key)
{
	unsigned int n = 1 + (chance(40) ? below(4) : 0);

	if (remounts.call) {
		strcpy(to, not_taken(key));
	} else if (!strncmp(key, "delegate", 8)) {
		*to = '\0';
		/* A list that ends with all, as C cannot show any other. */
		if (!strcmp(key, CMDS)) {
			while (--n)
				sprintf(to + strlen(to), "%s:", PICK(masks));
			strcat(to, PICK(cmds));
			return;
		}
		if (chance(10)) {
			sprintf(to, "0x%lx", next() >> below(64));
			return;
		}
		while (n--) {
			strcat(to, PICK(masks));
			if (n || chance(3))
				strcat(to, ":");
		}
	} else if (chance(90)) {
		strcpy(to, PICK(numbers));
	} else {
		sprintf(to, "%u", (unsigned int)next());
	}
}

/* For a value that does not depend on it. */
static void key(char *to)
{
	const char *key = PICK(keys);

	if (chance(92) && strcmp(key, CMDS))
		sprintf(to, "\"%s\"", key);
	else if (chance(60))
		sprintf(to, "\"k\"*%u", 254 + below(4));
	else
		strcpy(to, pointer());
}

static void value(char *to, const char *key)
{
	char text[512];

	option_value(text, key);
	if (remounts.call || chance(85))
		sprintf(to, "%s\"%s\"", remounts.call && chance(20) ? "end:" : "", text);
	else if (chance(30))
		sprintf(to, "\"%s\"*%u", *text ? text : "a", 1 + below(300 / (strlen(text) + 1) + 1));
	else if (chance(50))
		sprintf(to, "\"1\"*%u", 250 + below(12));
	else if (chance(50))
		sprintf(to, "%s\"%s\"", chance(50) ? "end:" : "cross:", text);
	else if (chance(50) && strcmp(key, CMDS))
		random_bytes(to, 1 + below(12));
	else
		strcpy(to, pointer());
}

/* Options as mount(2) takes them. */
static void options(char *to)
{
	unsigned int n = below(4);
	char text[512];

	if (chance(30)) {
		strcpy(to, "null");
		return;
	}
	if (chance(4)) {
		strcpy(to, pointer());
		return;
	}
	if (chance(4)) {
		sprintf(to, "\"%s\"\"x\"*%u", !remounts.call && chance(50) ? "mode=700," : "a=",
			4080 + below(20));
		return;
	}
	if (chance(4)) {
		random_bytes(to, below(40));
		return;
	}
	to += sprintf(to, "\"");
	while (n--) {
		const char *key = PICK(keys);

		option_value(text, key);
		to += sprintf(to, "%s%s%s%s", key, chance(90) ? "=" : "", text, n ? "," : "");
		if (chance(4))
			to += sprintf(to, ",");
	}
	if (!remounts.call && chance(10))
		to += sprintf(to, ",newinstance");
	strcpy(to, "\"");
}

/* ---- calls ---- */

static void file_descriptor(char *to)
{
	if (chance(85))
		sprintf(to, "f%u", below(SLOTS));
	else if (chance(85))
		/* Not the events, which only "events" shows as they compare. */
		sprintf(to, "@%s", fixed_names[below(FIXED_INOTIFY)]);
	else
		strcpy(to, chance(50) ? "-1" : "cwd");
}

static void parameter(char *to, const char *what)
{
	static const char * const types[] = {
		"\"bpf\"", "\"bpf\"", "\"bpf\"", "\"bpf\"", "\"bpf\"", "\"bpf\"", "null", "\"\"",
		"\"bpf.x\"", "\"nofs\"",
	};
	static const char * const objects[] = {
		"@map", "@map", "@prog", "@link", "@typed", "@iter", "@array",
	};
	static const char * const prefixes[] = {
		"trusted.", "security.", "trusted.long_name_", "user.",
	};

	if (*what == '#')
		number(to, what + 1);
	else if (!strcmp(what, "slot"))
		sprintf(to, "f%u", below(SLOTS));
	else if (!strcmp(what, "fd"))
		file_descriptor(to);
	else if (!strcmp(what, "object") && chance(75))
		strcpy(to, PICK(objects));
	else if (!strcmp(what, "object"))
		file_descriptor(to);
	else if (!strcmp(what, "dir") && chance(85))
		strcpy(to, "cwd");
	else if (!strcmp(what, "dir"))
		file_descriptor(to);
	else if (!strcmp(what, "pathfd") && chance(70))
		strcpy(to, "0");
	else if (!strcmp(what, "pathfd"))
		file_descriptor(to);
	else if (!strcmp(what, "path"))
		path(to);
	else if (!strcmp(what, "target"))
		target(to);
	else if (!strcmp(what, "xattr"))
		xattr(to);
	else if (!strcmp(what, "xprefix"))
		sprintf(to, "\"%s\"", PICK(prefixes));
	else if (!strcmp(what, "xvalue"))
		sprintf(to, chance(95) ? "\"v\"*%u" : "null", 1 + below(chance(80) ? 10 : 66000));
	else if (!strcmp(what, "bytes"))
		random_bytes(to, below(64));
	else if (!strcmp(what, "fstype"))
		strcpy(to, PICK(types));
	else if (!strcmp(what, "key"))
		key(to);
	else if (!strcmp(what, "value"))
		value(to, "");
	else if (!strcmp(what, "options"))
		options(to);
	else
		abort();
}

static void call(struct sequence *seq, const struct op *op)
{
	char line[MAX_ARGS * TEXT], params[256], *word, *save;
	size_t len = sprintf(line, "%s", op->name);
	unsigned int fs;

	strcpy(params, op->params);
	for (word = strtok_r(params, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		line[len++] = ' ';
		parameter(line + len, word);
		len += strlen(line + len);
		if (sscanf(line, "fsconfig f%u", &fs) == 1)
			remounts.call = remounts.fs[fs];
	}
	remounts.call = false;
	note_remounts(line);
	sequence_add(seq, line);
}

static unsigned int weight_of_all(void)
{
	unsigned int sum = 0, i;
	const struct op *op;

	for (i = 0; (op = op_nth(i)); i++)
		sum += op->weight;
	return sum;
}

static void any_call(struct sequence *seq)
{
	static unsigned int sum;
	const struct op *op;
	unsigned int i, n;

	if (!sum)
		sum = weight_of_all();
	n = below(sum);
	for (i = 0; (op = op_nth(i)) && n >= op->weight; i++)
		n -= op->weight;
	call(seq, op);
}

static __printf(2, 3) void line(struct sequence *seq, const char *fmt, ...)
{
	char text[2 * TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	note_remounts(text);
	sequence_add(seq, text);
}

/* Options for a context, mostly of the right kind. */
static void configure(struct sequence *seq, unsigned int fs)
{
	unsigned int n = below(5);
	char text[TEXT];

	remounts.call = remounts.fs[fs];
	while (n--) {
		const char *key = PICK(keys);

		if (chance(10)) {
			line(seq, "fsconfig f%u 0 \"%s\" null 0", fs,
			     chance(30) && !remounts.call ? "newinstance" : key);
			continue;
		}
		value(text, key);
		line(seq, "fsconfig f%u 1 \"%s\" %s 0", fs, key, text);
	}
	remounts.call = false;
}

/* A mount by the new interface. */
static void new_mount(struct sequence *seq, const char *at)
{
	unsigned int fs = below(SLOTS), mnt = below(SLOTS);

	line(seq, "fsopen f%u \"bpf\" 1", fs);
	configure(seq, fs);
	line(seq, "fslog f%u", fs);
	line(seq, "fsconfig f%u %d null null 0", fs,
	     chance(90) ? FSCONFIG_CMD_CREATE : FSCONFIG_CMD_CREATE_EXCL);
	line(seq, "fslog f%u", fs);
	line(seq, "fsmount f%u f%u 1 %d", mnt, fs, chance(80) ? 0 : below(16));
	line(seq, "move_mount f%u \"%s\"", mnt, at);
	line(seq, "mountinfo");
}

static void reconfigure(struct sequence *seq)
{
	unsigned int fs = below(SLOTS);

	line(seq, "fspick f%u cwd \"/b\" 0", fs);
	configure(seq, fs);
	line(seq, "fsconfig f%u %d null null 0", fs, FSCONFIG_CMD_RECONFIGURE);
	line(seq, "fslog f%u", fs);
	line(seq, "mountinfo");
}

/*
 * Mounts in one namespace: a further one, over another one, of a context that was opened before
 * another was made, of bind mounts and copies, gone or moved, and what can be seen of them.
 */
static void several_mounts(struct sequence *seq)
{
	static const char * const places[] = { "/b", "/b", "/c", "/c", "/o/d", "/b/d" };
	const char *at = PICK(places), *other = PICK(places);
	unsigned int fs = below(SLOTS), mnt = below(SLOTS);
	char text[TEXT];

	switch (below(9)) {
	case 0:
		options(text);
		line(seq, "mount \"bpf\" \"%s\" \"bpf\" %d %s", at, chance(80) ? 0 : MS_RDONLY, text);
		break;
	case 1:
		new_mount(seq, at);
		break;
	case 2:
		/* The first of them is made when there is another one already. */
		line(seq, "fsopen f%u \"bpf\" 1", fs);
		line(seq, "fsopen f%u \"bpf\" 1", (fs + 1) % SLOTS);
		configure(seq, fs);
		line(seq, "fsconfig f%u 6 null null 0", (fs + 1) % SLOTS);
		line(seq, "fsmount f%u f%u 1 0", mnt, (fs + 1) % SLOTS);
		line(seq, "move_mount f%u \"%s\"", mnt, at);
		line(seq, "fsconfig f%u %d null null 0", fs, chance(50) ? 6 : 8);
		line(seq, "fslog f%u", fs);
		line(seq, "fsmount f%u f%u 1 0", mnt, fs);
		line(seq, "move_mount f%u \"%s\"", mnt, other);
		break;
	case 3:
		line(seq, "mount \"%s\" \"%s\" null 0x%x null", at, other, MS_BIND);
		break;
	case 4:
		line(seq, "mount null \"%s\" null 0x%x null", at,
		     MS_REMOUNT | (chance(50) ? MS_RDONLY : 0) | (chance(30) ? MS_BIND : 0));
		break;
	case 5:
		line(seq, "umount \"%s\" %d", at, chance(50) ? 0 : MNT_DETACH);
		break;
	case 6:
		line(seq, "open_tree f%u cwd \"%s\" 1", mnt, at);
		line(seq, "move_mount f%u \"%s\"", mnt, other);
		break;
	case 7:
		line(seq, "mount \"%s\" \"%s\" null 0x%x null", at, other, MS_MOVE);
		break;
	default:
		/* One that is in no directory, but held. */
		line(seq, "openat f%u cwd \"%s\" 0x10000 0", mnt, at);
		line(seq, "umount \"%s\" %d", at, MNT_DETACH);
		line(seq, "mount \"bpf\" \"%s\" \"bpf\" 0 null", at);
		line(seq, "mkdirat f%u \"held\" 0755", mnt);
		break;
	}
	line(seq, "mountinfo");
	if (chance(50))
		line(seq, "tree \"%s\"", other);
	if (chance(50))
		line(seq, "pin @map \"%s/%s\" 0 0 20 0", other, PICK(names));
}

/* What is delegated to a container, and what it does with that. */
static void container(struct sequence *seq)
{
	static const char * const parts[] = { "cmds", "maps", "progs", "attachs" };
	unsigned int i, n = below(4);
	char text[512], args[3][TEXT];

	for (i = 0; i < 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "delegate_%s", PICK(parts));
		option_value(text, name);
		if (i < n)
			sprintf(args[i], "\"%s=%s\"", name, chance(50) ? "any" : text);
		else
			strcpy(args[i], "null");
	}
	line(seq, "container f7 %s %s %s", args[0], args[1], args[2]);
	line(seq, "mountinfo");
	if (chance(85))
		line(seq, "enter f7");
	line(seq, "openat f6 cwd \"/c\" 0 0");
	line(seq, "token f5 f6 0 8 0");
	line(seq, "fdinfo f5");
	line(seq, "map_create %d f5", 1 + below(3));
	line(seq, "pin @map \"/c/m\" 0 0 20 0");
	line(seq, "tree \"/c\"");
}

/* A tree with something of each kind, each thing maybe missing. */
static void populate(struct sequence *seq)
{
	static const char * const things[] = {
		"mkdirat cwd \"/b/d\" 0777",
		"pin @map \"/b/m\" 0 0 20 0",
		"pin @prog \"/b/p\" 0 0 20 0",
		"pin @link \"/b/l\" 0 0 20 0",
		"pin @typed \"/b/t\" 0 0 20 0",
		"pin @iter \"/b/i\" 0 0 20 0",
		"symlinkat \"m\" cwd \"/b/s\"",
		"symlinkat \"loop\" cwd \"/b/loop\"",
		"mkdirat cwd \"/b/d/d\" 0755",
		"pin @map \"/b/d/m\" 0 0 20 0",
		"openat f0 cwd \"/b\" 0 0",
		"openat f1 cwd \"/b/d\" 0x200000 0",
		"openat f2 cwd \"/b/t\" 0 0",
		"watch \"/b\" 0xfff",
		"utimensat cwd \"/b/m\" 0 1000 0 2000 0",
		"fchmodat2 cwd \"/b/m\" 0666 0",
		"setxattr \"/b/m\" \"trusted.a\" \"v\"*9 9 0 0",
		"setxattr \"/b/d\" \"security.a\" \"v\"*5 5 0 0",
		"setxattr \"/b\" \"trusted.b\" \"\" 0 0 0",
		"getxattr \"/b/m\" \"trusted.a\" 16 0",
		"linkat cwd \"/b/p\" cwd \"/b/d/h\" 0",
		"renameat2 cwd \"/b/d/m\" cwd \"/b/r\" 0",
		"unlinkat cwd \"/b/loop\" 0",
		"get f3 \"/b/m\" 0 0 20 0 0",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(things); i++) {
		if (chance(70))
			line(seq, "%s", things[i]);
	}
}

void sequence_add(struct sequence *seq, const char *text)
{
	seq->lines = realloc(seq->lines, (seq->cnt + 1) * sizeof(*seq->lines));
	seq->lines[seq->cnt++] = strdup(text);
}

void sequence_free(struct sequence *seq)
{
	while (seq->cnt)
		free(seq->lines[--seq->cnt]);
	free(seq->lines);
	seq->lines = NULL;
}

void sequence_generate(struct sequence *seq, uint64_t seed, unsigned int index, bool several)
{
	unsigned int n;
	char text[TEXT];

	memset(seq, 0, sizeof(*seq));
	memset(&remounts, 0, sizeof(remounts));
	snprintf(seq->name, sizeof(seq->name), "seed %lu, sequence %u", seed, index);
	state = seed * 0x9e3779b97f4a7c15 ^ (uint64_t)index << 32;
	next();
	if (chance(70)) {
		line(seq, "mount \"bpf\" \"/b\" \"bpf\" 0 null");
	} else if (chance(50)) {
		options(text);
		line(seq, "mount \"bpf\" \"/b\" \"bpf\" 0 %s", text);
		line(seq, "mountinfo");
	} else {
		new_mount(seq, "/b");
	}
	if (chance(90))
		populate(seq);
	if (chance(10))
		container(seq);
	for (n = 15 + below(25); n; n--) {
		if (chance(2))
			new_mount(seq, "/c");
		else if (chance(2))
			reconfigure(seq);
		else if (several && chance(20))
			several_mounts(seq);
		else
			any_call(seq);
	}
	line(seq, "events");
	line(seq, "user 0");
	line(seq, "tree \"/b\"");
	if (several)
		line(seq, "tree \"/c\"");
	line(seq, "mountinfo");
}
