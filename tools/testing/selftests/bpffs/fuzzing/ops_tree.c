// SPDX-License-Identifier: GPL-2.0
/* A call of the fuzzer that shows everything below a directory. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <linux/magic.h>

#include "fuzz.h"
#include "results.h"

static void put_xattrs(const char *path)
{
	char *names = text_buffer(MAX_BUF), *name, value[1024];
	long len = sys(llistxattr(path, names, 65536)), ret;

	if (len < 0) {
		put(" xattrs:");
		put_ret(len);
	}
	for (name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		put(" xattr");
		put_bytes(name, strlen(name));
		ret = sys(lgetxattr(path, name, value, sizeof(value)));
		if (ret < 0)
			put_ret(ret);
		else
			put_bytes(value, ret);
	}
}

/* What is there depends on what else runs. */
static bool is_proc(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

static void put_tree(const char *path, unsigned int depth, unsigned int *left)
{
	char sub[4096], to[4096];
	struct dirent *entry;
	struct stat st;
	long ret;
	DIR *dir;

	if (!*left || !--*left)
		return;
	put(" {");
	put_bytes(path, strlen(path));
	ret = sys(lstat(path, &st));
	if (ret) {
		put_ret(ret);
		put("}");
		return;
	}
	put(" %o", st.st_mode);
	if (S_ISDIR(st.st_mode) && is_proc(path)) {
		put("}");
		return;
	}
	put(" %lu %u:%u %ld", st.st_nlink, st.st_uid, st.st_gid, st.st_size);
	put_inode(st.st_dev, st.st_ino);
	put_time("a", st.st_atim.tv_sec, st.st_atim.tv_nsec);
	put_time("m", st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	put_xattrs(path);
	if (S_ISLNK(st.st_mode)) {
		ret = sys(readlink(path, to, sizeof(to)));
		put_bytes(to, ret > 0 ? ret : 0);
	}
	dir = S_ISDIR(st.st_mode) && depth ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		put(" t%d", entry->d_type);
		if (snprintf(sub, sizeof(sub), "%s/%s", path, entry->d_name) < sizeof(sub))
			put_tree(sub, depth - 1, left);
	}
	if (dir)
		closedir(dir);
	put("}");
}

/* PATH: everything below. */
static void op_tree(const struct arg *a)
{
	unsigned int left = 60;
	char path[4096];

	/* It may end with its page, which is for the kernel to cope with. */
	snprintf(path, sizeof(path), "%.*s", (int)a[0].len, (char *)a[0].ptr ?: "");
	put_tree(path, 6, &left);
}

const struct op tree_ops[] = {
	{ "tree", op_tree, 2, "path" },
	{ },
};
