// SPDX-License-Identifier: GPL-2.0
/* See testfs.h. */
#include "testfs.h"

int mount_at(const char *dir, const char *type, const char *opts)
{
	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	return sys(mount("none", dir, type, 0, opts));
}

int umount_at(const char *dir)
{
	return sys(umount2(dir, 0));
}

/* ---- what is counted ---- */

static const char *const kinds[KINDS] = {
	"contexts", "super_blocks", "inodes", "open", "sequences", "waiting", "fills", "lookups",
	"releases", "ends", "deferred",
};

/* By a mount that nobody else sees, and that has nothing but the file. */
struct tally tally(void)
{
	int fs = fs_open_type(TESTFS), mnt, fd, i;
	struct tally tally;
	char name[32];
	long dropped;
	FILE *file;

	if (fs < 0 || fs_flag(fs, "counts_only") || fs_create(fs))
		abort();
	mnt = fs_mount(fs, 0);
	fd = openat(mnt, "counts", O_RDONLY | O_CLOEXEC);
	file = fdopen(fd, "r");
	if (!file)
		abort();
	for (i = 0; i < KINDS; i++) {
		if (fscanf(file, "%31s %ld %ld", name, &tally.made[i], &dropped) != 3 ||
		    strcmp(name, kinds[i]))
			abort();
		tally.live[i] = tally.made[i] - dropped;
	}
	fclose(file);
	close(mnt);
	close(fs);
	return tally;
}

long live(int kind)
{
	return tally().live[kind];
}

long made(int kind)
{
	return tally().made[kind];
}

/* ---- the mount at M ---- */

bool logged(const char *text)
{
	char log[512];
	ssize_t len = read_file(M "/log", log, sizeof(log));

	if (len > 0 && log[len - 1] == '\n' && !strncmp(log, text, len - 1) && !text[len - 1])
		return true;
	fprintf(stderr, "# log: %s", len > 0 ? log : "nothing\n");
	return false;
}

int control(const char *command)
{
	return write_file(M "/control", command);
}
