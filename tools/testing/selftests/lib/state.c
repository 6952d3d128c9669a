// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "file.h"
#include "module.h"
#include "state.h"
#include "subject.h"
#include "wait.h"

/* What ends late is waited for. */
#define SETTLE_MS 5000

static void add_file(FILE *out, const char *path)
{
	char buf[16384];

	if (read_file(path, buf, sizeof(buf)) > 0)
		fputs(buf, out);
}

/* Their number is the size. */
static void add_fds(FILE *out)
{
	struct stat st;

	if (!stat("/proc/self/fd", &st))
		fprintf(out, "open files %lld\n", (long long)st.st_size);
}

static void add_xattrs(FILE *out, const char *path)
{
	char names[1024], value[256];
	ssize_t len = llistxattr(path, names, sizeof(names)), i, got;

	for (i = 0; i < len; i += strlen(names + i) + 1) {
		got = lgetxattr(path, names + i, value, sizeof(value));
		fprintf(out, "  %s %zd %.*s\n", names + i, got, got < 0 ? 0 : (int)got, value);
	}
}

static void add_tree(FILE *out, const char *path)
{
	struct dirent **entries = NULL;
	char name[PATH_MAX], to[256] = "";
	int i, cnt = 0;
	struct stat st;

	if (lstat(path, &st)) {
		fprintf(out, "%s: %s\n", path, strerror(errno));
		return;
	}
	fprintf(out, "%s ino %llu mode %o nlink %llu owner %u.%u size %lld", path,
		(unsigned long long)st.st_ino, st.st_mode, (unsigned long long)st.st_nlink,
		st.st_uid, st.st_gid, (long long)st.st_size);
	if (S_ISLNK(st.st_mode) && readlink(path, to, sizeof(to) - 1) >= 0)
		fprintf(out, " -> %s", to);
	fputc('\n', out);
	add_xattrs(out, path);
	if (S_ISDIR(st.st_mode))
		cnt = scandir(path, &entries, NULL, alphasort);
	for (i = 0; i < cnt; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (strcmp(entries[i]->d_name, ".") && strcmp(entries[i]->d_name, ".."))
			add_tree(out, name);
		free(entries[i]);
	}
	free(entries);
}

char *state_read(const char *dir)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	if (subject.add_state)
		subject.add_state(out);
	add_fds(out);
	add_file(out, "/proc/self/mountinfo");
	fprintf(out, "module references %d\n", module_refcnt());
	if (dir)
		add_tree(out, dir);
	fclose(out);
	return text;
}

static bool state_is(const char *state, const char *dir, char **now)
{
	free(*now);
	*now = state_read(dir);
	return !strcmp(state, *now);
}

/* The first line that differs. */
static void print_difference(const char *before, const char *after)
{
	while (*before || *after) {
		int a = strcspn(before, "\n"), b = strcspn(after, "\n");

		if (a != b || strncmp(before, after, a)) {
			fprintf(stderr, "#   before: %.*s\n#   after:  %.*s\n", a, before, b, after);
			return;
		}
		before += a + (before[a] == '\n');
		after += b + (after[b] == '\n');
	}
}

int state_check(const char *state, const char *dir)
{
	char *now = NULL;
	bool same = wait_until(state_is(state, dir, &now), SETTLE_MS);

	if (!same)
		print_difference(state, now);
	free(now);
	return !same;
}
