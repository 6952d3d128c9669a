// SPDX-License-Identifier: GPL-2.0
/* See notefs.h. */
#include <linux/magic.h>

#include "notefs.h"
#include "slab.h"
#include "subject.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const struct kind kinds[] = {
	{
		.type = "tmpfs",
		.unit = 4096,
		.magic = TMPFS_MAGIC,
	},
	{
		/* What notefs decided. An entry that is not so any more fails a test. */
		.type = NOTEFS,
		.ours = true,
		.unit = 1,
		.zeros_kept = true,
		.link = 0,
		.symlink = -EPERM,
		.fifo = -EPERM,
		.exchange = 0,
		.mmap = -ENODEV,
		.splice_write = 0,
		.user_mount = -EPERM,
		.exec = -EACCES,
		/* "note" */
		.magic = 0x6e6f7465,
	},
};

const struct kind *kind;

int kind_use(const char *type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strcmp(kinds[i].type, type)) {
			kind = &kinds[i];
			return 0;
		}
	}
	return -ENODEV;
}

/* ---- what the library wants to know ---- */

static void note_inodes(void *noted)
{
	*(long *)noted = slab_settled(NOTEFS_CACHE);
}

static int check_inodes(const void *noted)
{
	long before = *(const long *)noted;

	/* A test may load or unload the module: then there is nothing to compare. */
	return before >= 0 && slab_objects(NOTEFS_CACHE) >= 0 && slab_check(NOTEFS_CACHE, before);
}

static bool tmpfs_serves(void)
{
	return kind && !kind->ours;
}

const struct subject subject = {
	.module = NOTEFS,
	.module_path = "NOTEFS_MODULE",
	.note = note_inodes,
	.noted_size = sizeof(long),
	.check = check_inodes,
	.other_serves = tmpfs_serves,
};

/* ---- mounts ---- */

int mount_notes(const char *dir, const char *opts)
{
	char text[256];

	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	/* tmpfs is for everybody unless it is told otherwise. */
	snprintf(text, sizeof(text), "%s%s%s", kind->ours ? "" : "mode=0755",
		 kind->ours || !opts ? "" : ",", opts ?: "");
	return sys(mount("none", dir, kind->type, 0, text));
}

int umount_notes(const char *dir)
{
	return sys(umount2(dir, 0));
}

/* ---- the limit ---- */

uint64_t total_bytes(const char *dir)
{
	struct statfs st;

	return statfs(dir, &st) ? 0 : (uint64_t)st.f_blocks * st.f_bsize;
}

uint64_t free_bytes(const char *dir)
{
	struct statfs st;

	return statfs(dir, &st) ? 0 : (uint64_t)st.f_bfree * st.f_bsize;
}

uint64_t taken(uint64_t size)
{
	return (size + kind->unit - 1) / kind->unit * kind->unit;
}

bool df_says(const char *dir, uint64_t limit, uint64_t used)
{
	struct statfs st;

	if (statfs(dir, &st))
		return false;
	/* What is left of a block is no free block. */
	if (st.f_bsize > 0 && st.f_blocks == limit / st.f_bsize &&
	    st.f_bfree == (limit - used) / st.f_bsize && st.f_bavail == st.f_bfree)
		return true;
	fprintf(stderr, "# df: bsize %lld blocks %llu free %llu avail %llu, not limit %llu used %llu\n",
		(long long)st.f_bsize, (unsigned long long)st.f_blocks,
		(unsigned long long)st.f_bfree, (unsigned long long)st.f_bavail,
		(unsigned long long)limit, (unsigned long long)used);
	return false;
}

/* ---- files ---- */

void pattern(void *buf, size_t size, unsigned int seed, off_t at)
{
	unsigned char *byte = buf;
	size_t i;

	/* Neither a page, nor a power of two, after another is the same. */
	for (i = 0; i < size; i++)
		byte[i] = 1 + ((at + i) * 7 + (at + i) / 251 + seed * 31) % 255;
}

bool pattern_at(const void *buf, size_t size, unsigned int seed, off_t at)
{
	unsigned char *want = malloc(size + 1);
	bool same;

	if (!want)
		return false;
	pattern(want, size, seed, at);
	same = !memcmp(buf, want, size);
	free(want);
	return same;
}

int put_pattern(const char *path, size_t size, unsigned int seed)
{
	void *buf = malloc(size + 1);
	int err;

	if (!buf)
		return -ENOMEM;
	pattern(buf, size, seed, 0);
	err = put(path, buf, size);
	free(buf);
	return err;
}

bool is_pattern(const char *path, size_t size, unsigned int seed)
{
	void *buf = malloc(size + 1);
	bool same;

	if (!buf)
		return false;
	pattern(buf, size, seed, 0);
	same = is_content(path, buf, size);
	free(buf);
	return same;
}

bool zeros(const void *buf, size_t size)
{
	const char *byte = buf;

	while (size && !*byte) {
		byte++;
		size--;
	}
	return !size;
}

ssize_t fill(int fd, size_t piece)
{
	char *buf = calloc(1, piece);
	size_t done = 0;
	ssize_t ret;

	if (!buf)
		return -ENOMEM;
	while ((ret = sys(write(fd, buf, piece))) > 0)
		done += ret;
	free(buf);
	return ret == -ENOSPC ? done : ret ?: -EIO;
}

void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

char *page_before_fault(void)
{
	size_t page = getpagesize();
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED || munmap(memory + page, page))
		abort();
	return memory;
}

uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

unsigned int storm_seconds(void)
{
	const char *text = getenv("BPFFS_STORM");
	unsigned int seconds = text ? strtoul(text, NULL, 0) : 4;

	return seconds ?: 1;
}
