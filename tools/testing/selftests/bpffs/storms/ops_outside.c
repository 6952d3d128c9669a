// SPDX-License-Identifier: GPL-2.0
/* Operations of a storm: what is exposed outside, in cgroups that come and go. C refuses that. */
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "outside.h"
#include "storm.h"

/* The cgroup that stays, or one of two that do not. */
static const char *some_cgroup(struct storm_worker *w)
{
	static const char *const names[] = { CGROUP, CGROUP "/a", CGROUP "/b" };

	return names[pick(w, ARRAY_SIZE(names))];
}

static void some_file(struct storm_worker *w, char *path)
{
	char name = STORM_NAMES[pick(w, strlen(STORM_NAMES))];

	snprintf(path, STORM_PATH, "%s/bpf.%c", some_cgroup(w), name);
}

/* On C, that there is no such thing is all that can be seen. */
static long result(struct storm_worker *w, long ret)
{
	if (w->storm->ours)
		return ret;
	if (ret >= 0)
		storm_wrong(w, "C does that: %ld", ret);
	return 0;
}

static long op_expose(struct storm_worker *w)
{
	char path[STORM_PATH];

	some_file(w, path);
	return result(w, obj_pin(some_obj(w)->fd, path));
}

/* What is pinned, unless it goes at that moment; nobody else may have it. */
static long op_expose_got(struct storm_worker *w)
{
	char pin[STORM_PATH], path[STORM_PATH];
	long err;
	int fd;

	some_path(w, pin);
	some_file(w, path);
	fd = obj_get(pin);
	if (fd < 0)
		return fd;
	err = obj_pin(fd, path);
	close(fd);
	return result(w, err);
}

static long op_read_exposed(struct storm_worker *w)
{
	static const char header[] = "# WARNING!!";
	char path[STORM_PATH], text[512] = "";
	long len;
	int fd;

	some_file(w, path);
	fd = sys(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return result(w, fd);
	len = sys(read(fd, text, sizeof(text) - 1));
	close(fd);
	/* A readable map of the set, or the iterator, which prints nothing. */
	if (len > 0 && (strncmp(text, header, strlen(header)) || !strstr(text, "\n0: 1001\n")))
		storm_wrong(w, "read %ld: %s", len, text);
	return result(w, len);
}

static long op_get_exposed(struct storm_worker *w)
{
	char path[STORM_PATH];
	int fd;

	some_file(w, path);
	fd = obj_get(path);
	if (fd >= 0) {
		storm_check(w, fd, true);
		close(fd);
	}
	return result(w, fd);
}

static long op_remove_exposed(struct storm_worker *w)
{
	char path[STORM_PATH];

	some_file(w, path);
	return result(w, write_file(path, "remove"));
}

/* Held while it goes. */
static long op_hold_exposed(struct storm_worker *w)
{
	unsigned int slot = pick(w, STORM_HELD);
	char path[STORM_PATH];
	int fd;

	some_file(w, path);
	fd = sys(open(path, O_RDONLY | O_CLOEXEC));
	if (fd >= 0 && w->held[slot] < 0)
		w->held[slot] = fd;
	else if (fd >= 0)
		close(fd);
	return result(w, fd);
}

/* How often it is exposed, or where. */
static long op_exposed(struct storm_worker *w)
{
	bool at = pick(w, 2);
	char path[STORM_PATH], value[1024];
	long len;

	some_path(w, path);
	len = sys(lgetxattr(path, at ? "bpf.exposed_at" : "bpf.exposed", value, sizeof(value) - 1));
	if (len >= 0)
		value[len] = '\0';
	if (len >= 0 && (at ? strncmp(value, "cgroup2:/bpffs_test/", 20) :
			      len != strspn(value, "0123456789")))
		storm_wrong(w, "%s says %s", path, value);
	return result(w, len);
}

static long op_mkdir_cgroup(struct storm_worker *w)
{
	return sys(mkdir(some_cgroup(w), 0755));
}

static long op_rmdir_cgroup(struct storm_worker *w)
{
	const char *path = some_cgroup(w);

	return strcmp(path, CGROUP) ? sys(rmdir(path)) : NOT_TRIED;
}

#define GROUP STORM_FILES
/* Of what is found and goes at that moment. */
#define GONE ENOENT, ENODEV

const struct storm_op storm_outside_ops[] = {
	/* EPERM: it is not pinned in an instance of ours. */
	{ "expose", GROUP, 10, op_expose, { GONE, EEXIST, EPERM } },
	{ "expose_got", GROUP, 6, op_expose_got, { PATH_ERRNOS, ENODEV, EEXIST, EPERM, EACCES, EROFS } },
	/* EIO: what has no content. */
	{ "read_exposed", GROUP, 8, op_read_exposed, { GONE, EIO } },
	{ "get_exposed", GROUP, 6, op_get_exposed, { GONE }, .may_switching = { EACCES } },
	{ "remove_exposed", GROUP, 4, op_remove_exposed, { GONE } },
	{ "hold_exposed", GROUP, 4, op_hold_exposed, { GONE, EIO } },
	/* ENODATA: a directory, or what is nowhere. EOPNOTSUPP: C's, or what is below a mount. */
	{ "exposed", GROUP, 4, op_exposed, { PATH_ERRNOS, ENODATA, EACCES, EOPNOTSUPP } },
	{ "mkdir_cgroup", GROUP, 4, op_mkdir_cgroup, { EEXIST } },
	{ "rmdir_cgroup", GROUP, 2, op_rmdir_cgroup, { ENOENT } },
	{ }
};
