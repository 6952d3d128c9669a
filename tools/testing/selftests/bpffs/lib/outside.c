// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "file.h"
#include "fsmount.h"
#include "outside.h"
#include "slab.h"
#include "wait.h"

#define CACHE "kernfs_node_cache"
/* Below the time that a test has, so that the test can say what is wrong. */
#define SETTLE_MS 15000

/* Removes the cgroup and those below it. */
static int remove_cgroup(const char *path)
{
	DIR *dir = opendir(path);
	char name[PATH_MAX];
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		remove_cgroup(name);
	}
	closedir(dir);
	return sys(rmdir(path));
}

int cgroups_enter(void)
{
	if (mkdir(CGROUPS, 0755) || mount("cgroup2", CGROUPS, "cgroup2", 0, NULL))
		return -errno;
	return remove_cgroup(CGROUP);
}

int cgroups_leave(void)
{
	return remove_cgroup(CGROUP) ?: sys(umount2(CGROUPS, MNT_DETACH));
}

/* In the directory, which is closed. */
static void list(FILE *out, int fd, const char *path)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	char name[PATH_MAX];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR)
			list(out, openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), name);
		else if (!strncmp(entry->d_name, "bpf.", 4))
			fprintf(out, "%s\n", name);
	}
	if (dir)
		closedir(dir);
	else
		close(fd);
}

char *outside_files(void)
{
	int fs = fs_open_type("cgroup2"), mnt = fs < 0 ? fs : fs_create(fs) ?: fs_mount(fs, 0);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	if (mnt >= 0)
		list(out, openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "");
	fclose(out);
	close(mnt);
	close(fs);
	return text;
}

static long count_nodes(void)
{
	/* A cached inode holds its node, also when the node is not in the tree any more. */
	write_file("/proc/sys/vm/drop_caches", "2");
	return slab_objects(CACHE);
}

long kernfs_nodes(void)
{
	long last, now = count_nodes();
	unsigned int quiet;

	/* A cgroup is taken apart by workers, one after the other. */
	for (quiet = 0; quiet < 5; quiet++) {
		last = now;
		sleep_ms(20);
		now = count_nodes();
		if (now != last)
			quiet = 0;
	}
	return now;
}

int kernfs_nodes_check(long before)
{
	if (wait_until(count_nodes() == before, SETTLE_MS))
		return 0;
	fprintf(stderr, "# nodes of kernfs: %ld -> %ld\n", before, count_nodes());
	return 1;
}
