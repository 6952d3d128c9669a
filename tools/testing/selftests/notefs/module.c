// SPDX-License-Identifier: GPL-2.0
/* The module: what it is made of, its coming and going, and what keeps it. */
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "notefs_harness.h"
#include "slab.h"

FIXTURE(module) { };
FIXTURE_VARIANT(module) { const char *type; };
NOTEFS_VARIANT(module)
FIXTURE_SETUP(module)
{
	ASSERT_EQ(0, kind_use(variant->type));
	if (module_refcnt() >= 0)
		ASSERT_EQ(0, module_remove());
}
FIXTURE_TEARDOWN(module)
{
	/* The next one begins without it, whatever became of this one. */
	if (module_refcnt() >= 0)
		EXPECT_EQ(0, module_remove());
}

/* Number of lines of the file that are just that. */
static int lines(const char *path, const char *line)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	int cnt = 0;

	while (file && getline(&text, &size, file) >= 0)
		cnt += !strcmp(text, line);
	free(text);
	if (file)
		fclose(file);
	return cnt;
}

static int delete_module(void)
{
	return sys(syscall(SYS_delete_module, NOTEFS, O_NONBLOCK));
}

static bool nothing_left(void)
{
	return !exists("/sys/module/" NOTEFS) && !exists("/sys/kernel/slab/" NOTEFS_CACHE) &&
	       slab_objects(NOTEFS_CACHE) < 0 && !lines("/proc/filesystems", "nodev\t" NOTEFS "\n");
}

/* ---- the file ---- */

/* The file in memory; its size. */
static const char *file_map(size_t *size)
{
	int fd = open(getenv("NOTEFS_MODULE") ?: "", O_RDONLY | O_CLOEXEC);
	const char *file;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	*size = st.st_size;
	return file == MAP_FAILED ? NULL : file;
}

/*
 * Catches: a notefs that stands on livepatching: relocations to symbols that the kernel
 * does not export, or the mark of a livepatch.
 */
TEST_F(module, is_no_livepatch)
{
	const char *file, *names, *text;
	unsigned int i, symbols = 0;
	const Elf64_Shdr *sections;
	bool modinfo = false, gpl = false;
	const Elf64_Ehdr *elf;
	size_t size, at;

	file = file_map(&size);
	ASSERT_NE(NULL, file)
		TH_LOG("NOTEFS_MODULE is to be the path of notefs.ko");
	elf = (const void *)file;
	ASSERT_LT(sizeof(*elf), size);
	ASSERT_EQ(0, memcmp(elf->e_ident, ELFMAG, SELFMAG));
	ASSERT_EQ(ELFCLASS64, elf->e_ident[EI_CLASS]);
	sections = (const void *)(file + elf->e_shoff);
	names = file + sections[elf->e_shstrndx].sh_offset;
	for (i = 0; i < elf->e_shnum; i++) {
		const char *name = names + sections[i].sh_name;
		const char *data = file + sections[i].sh_offset;

		EXPECT_NE(0, strncmp(name, ".klp.", 5))
			TH_LOG("%s", name);
		if (!strcmp(name, ".modinfo")) {
			modinfo = true;
			for (text = data; text < data + sections[i].sh_size; text += strlen(text) + 1) {
				EXPECT_NE(0, strncmp(text, "livepatch=", 10));
				gpl |= !strcmp(text, "license=GPL");
				if (!strncmp(text, "depends=", 8))
					EXPECT_STREQ("depends=", text);
			}
		}
		if (sections[i].sh_type == SHT_SYMTAB) {
			const Elf64_Sym *syms = (const void *)data;
			const char *strings = file + sections[sections[i].sh_link].sh_offset;

			for (at = 0; at < sections[i].sh_size / sizeof(*syms); at++) {
				symbols++;
				/* SHN_LIVEPATCH */
				EXPECT_NE(0xff20, syms[at].st_shndx);
				EXPECT_NE(0, strncmp(strings + syms[at].st_name, ".klp.", 5));
			}
		}
	}
	EXPECT_LT(10, symbols);
	EXPECT_TRUE(modinfo);
	EXPECT_TRUE(gpl);
}

/* Catches: a module of which modinfo cannot say what it is. */
TEST_F(module, modinfo)
{
	static const char *const fields[] = { "license", "author", "description", "vermagic" };
	char command[512], line[256];
	unsigned int i;
	FILE *out;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin modinfo -F %s '%s'",
			 fields[i], getenv("NOTEFS_MODULE") ?: NOTEFS);
		out = popen(command, "r");
		ASSERT_NE(NULL, out);
		line[0] = '\0';
		EXPECT_NE(NULL, fgets(line, sizeof(line), out))
			TH_LOG("no %s", fields[i]);
		EXPECT_EQ(0, pclose(out));
	}
	/* The alias by which mount(8) has it loaded. */
	snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin modinfo -F alias '%s'",
		 getenv("NOTEFS_MODULE") ?: NOTEFS);
	out = popen(command, "r");
	ASSERT_NE(NULL, out);
	line[0] = '\0';
	EXPECT_NE(NULL, fgets(line, sizeof(line), out));
	EXPECT_STREQ("fs-" NOTEFS "\n", line);
	pclose(out);
}

/* ---- coming and going ---- */

/* Catches: a type that is not there, or twice, or still; a cache that stays. */
TEST_F(module, load_and_unload)
{
	EXPECT_TRUE(nothing_left());
	EXPECT_EQ(-ENODEV, mount_notes(M, NULL));
	ASSERT_EQ(0, module_insert(NULL));
	EXPECT_EQ(0, module_refcnt());
	EXPECT_EQ(1, lines("/proc/filesystems", "nodev\t" NOTEFS "\n"));
	EXPECT_EQ(-EEXIST, module_insert(NULL));
	EXPECT_EQ(1, lines("/proc/filesystems", "nodev\t" NOTEFS "\n"));
	EXPECT_EQ(0, mount_notes(M, NULL));
	EXPECT_EQ(0, umount_notes(M));
	ASSERT_EQ(0, module_remove());
	EXPECT_TRUE(nothing_left());
}

/* Catches: a module that goes while something of it is in use. */
TEST_F(module, in_use)
{
	char buf[5000];
	int fs, fd;

	ASSERT_EQ(0, module_insert(NULL));
	ASSERT_EQ(0, mount_notes(M, "size=64k"));
	EXPECT_LT(0, module_refcnt());
	/* To which rmmod says that the module is in use. */
	EXPECT_EQ(-EAGAIN, delete_module());
	ASSERT_EQ(0, put_pattern(M "/file", 5000, 1));
	EXPECT_TRUE(is_pattern(M "/file", 5000, 1));
	fd = sys(open(M "/file", O_RDONLY));
	ASSERT_LE(0, fd);
	/* Unmounted, but still open. */
	ASSERT_EQ(0, sys(umount2(M, MNT_DETACH)));
	EXPECT_EQ(-ENOENT, size_of(M "/file"));
	EXPECT_EQ(-EAGAIN, delete_module());
	EXPECT_EQ(5000, pread(fd, buf, sizeof(buf), 0));
	EXPECT_TRUE(pattern_at(buf, 5000, 1, 0));
	close(fd);
	EXPECT_TRUE(wait_until(!module_refcnt(), 5000));
	/* A context that is being configured. */
	fs = fs_open_type(NOTEFS);
	ASSERT_LE(0, fs);
	EXPECT_EQ(-EAGAIN, delete_module());
	ASSERT_EQ(0, fs_create(fs));
	EXPECT_EQ(-EAGAIN, delete_module());
	close(fs);
	EXPECT_TRUE(wait_until(!module_refcnt(), 5000));
	EXPECT_EQ(0, module_remove());
	EXPECT_TRUE(nothing_left());
}

/* Catches: an open stats file, or one that is being read, that does not keep the module. */
TEST_F(module, stats_keeps_it)
{
	char buf[4096];
	int fd;

	ASSERT_EQ(0, module_insert(NULL));
	ASSERT_EQ(0, mount_notes(M, NULL));
	fd = sys(open(M "/stats", O_RDONLY));
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, read(fd, buf, 1));
	ASSERT_EQ(0, sys(umount2(M, MNT_DETACH)));
	EXPECT_EQ(-EAGAIN, delete_module());
	EXPECT_LT(0, read(fd, buf, sizeof(buf)));
	close(fd);
	EXPECT_TRUE(wait_until(!module_refcnt(), 5000));
}

/* Catches: inodes that still wait for a grace period when their cache goes, and the module. */
TEST_F(module, right_after_umount)
{
	char path[32];
	int i, round;

	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, module_insert(NULL));
		ASSERT_EQ(0, mount_notes(M, NULL));
		for (i = 0; i < 500; i++) {
			snprintf(path, sizeof(path), M "/%d", i);
			ASSERT_EQ(0, i % 3 ? put_pattern(path, i * 5, i) : sys(mkdir(path, 0755)));
		}
		for (i = 1; i < 500; i += 3) {
			snprintf(path, sizeof(path), M "/%d", i);
			ASSERT_EQ(0, unlink(path));
		}
		ASSERT_EQ(0, umount_notes(M));
		ASSERT_EQ(0, module_remove());
		EXPECT_TRUE(nothing_left());
	}
}

/* Catches: anything that a load leaves: memory, an id, a name. kmemleak looks afterwards. */
TEST_F_TIMEOUT(module, repeatedly, 1800)
{
	unsigned long times = stress(200), i;
	uint64_t start = now_ms();

	for (i = 0; i < times; i++) {
		ASSERT_EQ(0, module_insert(NULL))
			TH_LOG("load %lu", i);
		if (i % 3) {
			ASSERT_EQ(0, mount_notes(M, "size=64k"));
			ASSERT_EQ(0, put_pattern(M "/file", 5000, i));
			ASSERT_EQ(0, mount_notes("other", "size=8k"));
			ASSERT_EQ(0, sys(mkdir("other/dir", 0755)));
			EXPECT_TRUE(is_pattern(M "/file", 5000, i));
			ASSERT_EQ(0, umount_notes(M));
			ASSERT_EQ(0, umount_notes("other"));
		}
		ASSERT_EQ(0, module_remove())
			TH_LOG("load %lu", i);
		ASSERT_TRUE(nothing_left());
	}
	printf("# report: %lu loads of notefs in %llu ms\n", times,
	       (unsigned long long)(now_ms() - start));
}

/* Catches: a mount that begins when the module is about to go. */
TEST_F_TIMEOUT(module, mounting_while_unloading, 120)
{
	int *stop = shared_memory(sizeof(*stop)), *mounts = shared_memory(sizeof(*mounts)), gone = 0, before;
	uint64_t end;
	pid_t pid;
	int err;

	mkdir(M, 0755);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST)) {
			/* A type that there is not has modprobe run, which takes too long. */
			if (module_refcnt() < 0)
				continue;
			err = mount_notes(M, NULL);
			if (err && err != -ENODEV)
				_exit(1);
			if (err)
				continue;
			__atomic_add_fetch(mounts, 1, __ATOMIC_SEQ_CST);
			if (put_pattern(M "/file", 5000, 1) || !is_pattern(M "/file", 5000, 1) ||
			    umount_notes(M))
				_exit(2);
		}
		_exit(0);
	}
	end = now_ms() + storm_seconds() * 1000;
	while (now_ms() < end) {
		before = __atomic_load_n(mounts, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, module_insert(NULL));
		EXPECT_TRUE(wait_until(__atomic_load_n(mounts, __ATOMIC_SEQ_CST) > before, 20000));
		do
			err = delete_module();
		while (err == -EAGAIN);
		ASSERT_EQ(0, err);
		gone++;
	}
	__atomic_store_n(stop, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, wait_child(pid));
	printf("# report: %d mounts while the module went %d times\n", *mounts, gone);
	EXPECT_LT(1, *mounts);
	EXPECT_LT(1, gone);
	EXPECT_TRUE(nothing_left());
}

int main(int argc, char **argv)
{
	return notefs_main(argc, argv, run_all_guarded, false);
}
