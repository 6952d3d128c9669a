// SPDX-License-Identifier: GPL-2.0
/* Operations of a storm: mounts and namespaces. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "storm.h"

/* One that comes and goes. */
static void some_place(struct storm_worker *w, char *path)
{
	snprintf(path, STORM_PATH, "m%u", 1 + pick(w, STORM_MOUNTS - 1));
}

/* Any. */
static void some_root(struct storm_worker *w, char *path)
{
	snprintf(path, STORM_PATH, "m%u", pick(w, STORM_MOUNTS));
}

/* ---- mounting ---- */

static long op_mount(struct storm_worker *w)
{
	static const char *const options[] = {
		NULL, NULL, "newinstance", "mode=711,uid=0", "instance=storm", "instance=storm",
		"instance=storm,nr_inodes=10k,pinmode=640", "newinstance,dots,rdonly_strict",
		"mode=755,join_strict",
	};
	const char *with = options[pick(w, ARRAY_SIZE(options))];
	char path[STORM_PATH];

	some_place(w, path);
	return sys(mount("bpf", path, "bpf", 0, with));
}

static long op_fsmount(struct storm_worker *w)
{
	unsigned int options = pick(w, 4), attach = pick(w, 4), slot = pick(w, STORM_HELD);
	char path[STORM_PATH], log[256];
	int fs = fs_open(), mnt, err = 0;

	some_place(w, path);
	if (fs < 0)
		storm_wrong(w, "fsopen: %s", strerror(-fs));
	if (options == 1)
		err = fs_flag(fs, "newinstance");
	else if (options == 2)
		err = fs_set(fs, "mode", "711");
	if (err)
		storm_wrong(w, "option: %s", strerror(-err));
	err = options == 3 ? fs_create_excl(fs) : fs_create(fs);
	while (fs_log(fs, log, sizeof(log)))
		;
	if (err) {
		close(fs);
		return err;
	}
	mnt = fs_mount(fs, 0);
	close(fs);
	if (mnt < 0)
		storm_wrong(w, "fsmount: %s", strerror(-mnt));
	if (attach)
		err = sys(move_mount(mnt, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH));
	if (w->held[slot] < 0)
		w->held[slot] = mnt;
	else
		close(mnt);
	return err;
}

static long op_bind(struct storm_worker *w)
{
	char to[STORM_PATH];

	/* Not a place where nothing is mounted: as a mount it could be made writable. */
	some_place(w, to);
	return sys(mount("m0", to, NULL, MS_BIND, NULL));
}

static long op_open_tree(struct storm_worker *w)
{
	unsigned int slot = pick(w, STORM_HELD);
	char path[STORM_PATH];
	int fd;

	some_root(w, path);
	fd = sys(open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
	if (fd >= 0 && w->held[slot] < 0)
		w->held[slot] = fd;
	else if (fd >= 0)
		close(fd);
	return fd;
}

static long op_umount(struct storm_worker *w)
{
	char path[STORM_PATH];

	some_place(w, path);
	return sys(umount2(path, 0));
}

static long op_detach(struct storm_worker *w)
{
	char path[STORM_PATH];

	some_place(w, path);
	return sys(umount2(path, MNT_DETACH));
}

/* Read-only for a moment. */
static long op_remount(struct storm_worker *w)
{
	char path[STORM_PATH];
	long err;

	some_root(w, path);
	err = sys(mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	if (err)
		return err;
	/* It may be unmounted meanwhile. The options make a difference with ours only. */
	return sys(mount(NULL, path, NULL, MS_REMOUNT,
			 pick(w, 2) ? "mode=755,pinmode=600,nr_inodes=20k" : NULL));
}

static long op_reconfigure(struct storm_worker *w)
{
	char path[STORM_PATH];
	long err, back;
	int fs;

	some_root(w, path);
	fs = sys(fspick(AT_FDCWD, path, FSPICK_CLOEXEC));
	if (fs < 0)
		return fs;
	err = fs_flag(fs, "ro") ?: sys(fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	if (!err) {
		back = fs_flag(fs, "rw") ?:
		       sys(fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
		if (back)
			storm_wrong(w, "rw: %s", strerror(-back));
	}
	close(fs);
	return err;
}

/* Options are shown while the mount goes. */
static long op_mountinfo(struct storm_worker *w)
{
	static char text[65536];
	char *at = text;
	long len = read_file("/proc/self/mountinfo", text, sizeof(text));

	while (len > 0 && (at = strstr(at, " - bpf "))) {
		at += strlen(" - bpf ");
		if (strncmp(at, "bpf r", 5) && strncmp(at, "none r", 6) && *at)
			storm_wrong(w, "mountinfo: %.40s", at);
	}
	return len;
}

/* ---- namespaces ---- */

static long op_unshare(struct storm_worker *w)
{
	/* /tmp is private, so that what is mounted here stays here. */
	long err = sys(unshare(CLONE_NEWNS));

	if (!err)
		w->away = true;
	return err;
}

static long op_home(struct storm_worker *w)
{
	if (!w->away)
		return NOT_TRIED;
	if (setns(w->home, CLONE_NEWNS) || chdir(STORM_DIR))
		storm_wrong(w, "way home: %s", strerror(errno));
	w->away = false;
	return 0;
}

/* Into the namespace where another worker is: EACCES if that has just been killed. */
static long op_visit(struct storm_worker *w)
{
	unsigned int who = pick(w, STORM_WORKERS);
	char path[64];
	long err;
	int ns;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", load(&w->storm->workers[who].pid));
	ns = sys(open(path, O_RDONLY | O_CLOEXEC));
	if (ns < 0)
		return ns;
	err = sys(setns(ns, CLONE_NEWNS));
	close(ns);
	if (err)
		return err;
	w->away = true;
	return sys(chdir(STORM_DIR));
}

/* What a container's root may be told. */
static void in_container(struct storm_worker *w, const char *what, long ret)
{
	static const int may[] = {
		PATH_ERRNOS, EACCES, EPERM, EEXIST, EROFS, EINVAL, EBUSY, EISDIR, ENOTEMPTY,
	};
	unsigned int i;

	for (i = 0; ret < 0 && ret != -may[i]; i++) {
		if (i + 1 == ARRAY_SIZE(may))
			storm_wrong(w, "%s in a container: %s", what, strerror(-ret));
	}
}

/* A user namespace, with a mount namespace or without, from where to try. */
static long op_userns(struct storm_worker *w)
{
	int flags = pick(w, 2) ? CLONE_NEWNS : 0, status;
	char path[STORM_PATH], place[STORM_PATH];
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		int err = userns_unshare(CONTAINER_ROOT, flags), i;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (err)
			storm_wrong(w, "user namespace: %s", strerror(-err));
		for (i = 0; i < 3; i++) {
			some_path(w, path);
			some_place(w, place);
			in_container(w, "pin", obj_pin(some_obj(w)->fd, path));
			in_container(w, "get", obj_get_at(0, path, BPF_F_RDONLY));
			in_container(w, "mkdir", sys(mkdir(path, 0700)));
			in_container(w, "umount", umount_bpf(place));
			err = sys(mount("bpf", place, "bpf", 0, NULL));
			if (err != -EPERM)
				storm_wrong(w, "mount in a container: %s", strerror(-err));
			in_container(w, "rmdir", sys(rmdir(path)));
			in_container(w, "unlink", sys(unlink(path)));
		}
		_exit(0);
	}
	status = wait_child(pid);
	if (status)
		_exit(1);
	return 0;
}

/* The container's own part: a token, a pin. */
static void contained(struct storm_worker *w, int userns, int mnt)
{
	const struct storm_obj *obj = some_obj(w);
	union bpf_attr attr = {};
	int fd, err;

	if (setns(userns, 0) || become(0, 0))
		storm_wrong(w, "cannot enter the container");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	attr.token_create.bpffs_fd = openat(mnt, ".", O_RDONLY | O_DIRECTORY);
	err = sys_bpf(BPF_TOKEN_CREATE, &attr);
	/* Other functions than those that made the mount do not know it. */
	if (err < 0 && !(w->storm->switching && err == -EINVAL))
		storm_wrong(w, "token: %s", strerror(-err));
	err = obj_pin_at(obj->fd, mnt, "a", BPF_F_PATH_FD);
	if (err && !(w->storm->switching && err == -EPERM))
		storm_wrong(w, "pin: %s", strerror(-err));
	if (err)
		return;
	fd = obj_get_at(mnt, "a", BPF_F_PATH_FD);
	if (fd < 0 && !(w->storm->switching && fd == -EACCES))
		storm_wrong(w, "get: %s", strerror(-fd));
	if (fd >= 0 && storm_check(w, fd, true) != obj)
		storm_wrong(w, "got another object");
}

/* An instance that is made for a container, and one of its tasks. */
static long op_container(struct storm_worker *w)
{
	int userns = -1, mnt, status;
	pid_t pid;

	mnt = container_mount(&userns, (const char *[]){ "delegate_cmds", "map_create",
							 "delegate_maps", "any", NULL });
	if (mnt < 0)
		return mnt;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		contained(w, userns, mnt);
		_exit(0);
	}
	status = wait_child(pid);
	if (status)
		_exit(1);
	close(mnt);
	close(userns);
	return 0;
}

#define GROUP STORM_MOUNTING

/* EBUSY: an instance that is mounted there already; one that is read-only, or not to be joined. */
const struct storm_op storm_mount_ops[] = {
	{ "mount", GROUP, 4, op_mount, { ENOENT }, .may_ours = { EBUSY } },
	{ "fsmount", GROUP, 4, op_fsmount, { ENOENT }, { EBUSY } },
	/* EINVAL: nothing is mounted there any more. */
	{ "bind", GROUP, 2, op_bind, { ENOENT, EINVAL } },
	{ "open_tree", GROUP, 2, op_open_tree, { ENOENT, EINVAL } },
	{ "umount", GROUP, 6, op_umount, { EINVAL, EBUSY } },
	{ "detach", GROUP, 6, op_detach, { EINVAL } },
	{ "remount", GROUP, 1, op_remount, { EINVAL, EBUSY, EROFS } },
	{ "reconfigure", GROUP, 1, op_reconfigure, { EINVAL, EBUSY, EROFS } },
	{ "mountinfo", GROUP, 1, op_mountinfo, { 0 } },
	{ "unshare", GROUP, 2, op_unshare, { 0 } },
	{ "home", GROUP, 4, op_home, { 0 } },
	/* A task that ends has none. */
	{ "visit", GROUP, 2, op_visit, { ENOENT, ESRCH, EACCES } },
	{ "userns", GROUP, 1, op_userns, { 0 } },
	{ "container", GROUP, 1, op_container, { 0 } },
	{ }
};
