// SPDX-License-Identifier: GPL-2.0
/* Who may pin and fetch, and what a pin's owner and mode are. */
#include <stdio.h>
#include <sys/fsuid.h>

#include "bpffs_harness.h"

#define USER	1000
#define GROUP	2000

FIXTURE(perms) {
	int map;
};

FIXTURE_SETUP(perms)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	self->map = map_new();
	ASSERT_EQ(0, obj_pin(self->map, "bpf/map"));
}

FIXTURE_TEARDOWN(perms)
{
}

static int mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -errno : (int)(st.st_mode & 07777);
}

/* A pin that is wider than the umask allows, or executable. */
TEST_F(perms, umask)
{
	static const struct {
		mode_t umask;
		int mode;
	} cases[] = {
		{ 0, 0600 }, { 022, 0600 }, { 077, 0600 }, { 0200, 0400 },
		{ 0400, 0200 }, { 0777, 0 }, { 0177, 0600 },
	};
	char path[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "bpf/%u", i);
		umask(cases[i].umask);
		ASSERT_EQ(0, obj_pin(self->map, path));
		EXPECT_EQ(cases[i].mode, mode_of(path));
	}
}

/* A pin that belongs to somebody else than who made it. */
TEST_F(perms, owner)
{
	struct stat st;
	int status;

	in_child(&status) {
		become(USER, GROUP);
		EXPECT_EQ(0, obj_pin(self->map, "bpf/user"));
	}
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, sys(stat("bpf/user", &st)));
	EXPECT_EQ(USER, st.st_uid);
	EXPECT_EQ(GROUP, st.st_gid);
	/* The file system ids count, not the effective ones. */
	setfsuid(USER + 1);
	setfsgid(GROUP + 1);
	EXPECT_EQ(0, obj_pin(self->map, "bpf/fsuid"));
	setfsuid(0);
	setfsgid(0);
	ASSERT_EQ(0, sys(stat("bpf/fsuid", &st)));
	EXPECT_EQ(USER + 1, st.st_uid);
	EXPECT_EQ(GROUP + 1, st.st_gid);
}

/* A set-group-id directory whose group the pin does not get. */
TEST_F(perms, setgid_directory)
{
	struct stat st;
	int status;

	ASSERT_EQ(0, sys(mkdir("bpf/dir", 0755)));
	ASSERT_EQ(0, sys(chown("bpf/dir", 0, GROUP)));
	ASSERT_EQ(0, sys(chmod("bpf/dir", 02777)));
	in_child(&status) {
		become(USER, USER);
		EXPECT_EQ(0, obj_pin(self->map, "bpf/dir/map"));
	}
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, sys(stat("bpf/dir/map", &st)));
	EXPECT_EQ(USER, st.st_uid);
	EXPECT_EQ(GROUP, st.st_gid);
	EXPECT_EQ(0600, st.st_mode & 07777);
}

/* Mode bits that get does not heed, or takes for another class's. */
TEST_F(perms, get_by_mode)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		mode_t mode;
		int rdwr, rdonly, wronly;
	} cases[] = {
		/* owner */
		{ USER, 0,	0600,	0,	0,	0 },
		{ USER, 0,	0400,	-EACCES, 0,	-EACCES },
		{ USER, 0,	0200,	-EACCES, -EACCES, 0 },
		{ USER, 0,	0177,	-EACCES, -EACCES, -EACCES },
		/* group; the group's bits hide the others' */
		{ 0, GROUP,	0060,	0,	0,	0 },
		{ 0, GROUP,	0040,	-EACCES, 0,	-EACCES },
		{ 0, GROUP,	0020,	-EACCES, -EACCES, 0 },
		{ 0, GROUP,	0606,	-EACCES, -EACCES, -EACCES },
		/* others */
		{ 0, 0,		0006,	0,	0,	0 },
		{ 0, 0,		0004,	-EACCES, 0,	-EACCES },
		{ 0, 0,		0002,	-EACCES, -EACCES, 0 },
		{ 0, 0,		0660,	-EACCES, -EACCES, -EACCES },
	};
	int status, fd;
	unsigned int i;

#define GET(error, flags) do {						\
		fd = obj_get_at(0, "bpf/map", flags);			\
		EXPECT_EQ(error, fd < 0 ? fd : 0)			\
			TH_LOG("case %u, flags %u", i, (unsigned int)(flags)); \
	} while (0)

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, sys(chown("bpf/map", cases[i].uid, cases[i].gid)));
		ASSERT_EQ(0, sys(chmod("bpf/map", cases[i].mode)));
		in_child(&status) {
			become(USER, GROUP);
			GET(cases[i].rdwr, 0);
			GET(cases[i].rdonly, BPF_F_RDONLY);
			GET(cases[i].wronly, BPF_F_WRONLY);
		}
		ASSERT_EQ(0, status);
		/* CAP_DAC_OVERRIDE */
		GET(0, 0);
	}
#undef GET
}

/* The program and the link: access that only maps' pins are asked for. */
TEST_F(perms, get_other_kinds)
{
	enum obj_kind kind;
	int status, fd;

	for (kind = OBJ_PROG; kind <= OBJ_LINK; kind++) {
		int obj = obj_new(kind);

		ASSERT_EQ(0, obj_pin(obj, "bpf/obj"));
		in_child(&status) {
			become(USER, GROUP);
			EXPECT_EQ(-EACCES, obj_get("bpf/obj"));
			/* The mode comes first, then what links refuse. */
			EXPECT_EQ(-EACCES, obj_get_at(0, "bpf/obj", BPF_F_RDONLY));
		}
		ASSERT_EQ(0, status);
		ASSERT_EQ(0, sys(chmod("bpf/obj", 0604)));
		in_child(&status) {
			become(USER, GROUP);
			EXPECT_EQ(-EACCES, obj_get("bpf/obj"));
			fd = obj_get_at(0, "bpf/obj", BPF_F_RDONLY);
			EXPECT_EQ(kind == OBJ_LINK ? -EINVAL : 0, fd < 0 ? fd : 0);
		}
		ASSERT_EQ(0, status);
		ASSERT_EQ(0, sys(chmod("bpf/obj", 0606)));
		in_child(&status) {
			become(USER, GROUP);
			EXPECT_LE(0, obj_get("bpf/obj"));
		}
		ASSERT_EQ(0, status);
		ASSERT_EQ(0, sys(unlink("bpf/obj")));
	}
}

/* A directory that is searched or written to without permission. */
TEST_F(perms, directory)
{
	static const struct {
		mode_t mode;
		int pin, again, get;
	} cases[] = {
		{ 0755,	-EACCES, -EEXIST, 0 },
		{ 0751,	-EACCES, -EEXIST, 0 },
		{ 0757,	0,	-EEXIST, 0 },
		{ 0753,	0,	-EEXIST, 0 },
		{ 0752,	-EACCES, -EACCES, -EACCES },
		{ 0756,	-EACCES, -EACCES, -EACCES },
		{ 0770,	-EACCES, -EACCES, -EACCES },
	};
	int status, fd;
	unsigned int i;

	ASSERT_EQ(0, sys(mkdir("bpf/dir", 0755)));
	ASSERT_EQ(0, obj_pin(self->map, "bpf/dir/map"));
	ASSERT_EQ(0, sys(chmod("bpf/dir/map", 0666)));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, sys(chmod("bpf/dir", cases[i].mode)));
		in_child(&status) {
			become(USER, GROUP);
			EXPECT_EQ(cases[i].pin, obj_pin(self->map, "bpf/dir/new"))
				TH_LOG("mode %o", cases[i].mode);
			EXPECT_EQ(cases[i].again, obj_pin(self->map, "bpf/dir/map"))
				TH_LOG("mode %o", cases[i].mode);
			fd = obj_get("bpf/dir/map");
			EXPECT_EQ(cases[i].get, fd < 0 ? fd : 0)
				TH_LOG("mode %o", cases[i].mode);
		}
		ASSERT_EQ(0, status);
		EXPECT_EQ(cases[i].pin ? -ENOENT : 0, sys(unlink("bpf/dir/new")));
	}
}

/* The root of the mount: its mode and owner options rule who may pin. */
TEST_F(perms, root_directory)
{
	int status;

	ASSERT_EQ(0, mount_bpf("mine", "newinstance,mode=0700,uid=1000,gid=2000"));
	in_child(&status) {
		become(USER, NOBODY);
		EXPECT_EQ(0, obj_pin(self->map, "mine/map"));
		EXPECT_LE(0, obj_get("mine/map"));
	}
	ASSERT_EQ(0, status);
	in_child(&status) {
		become(NOBODY, GROUP);
		EXPECT_EQ(-EACCES, obj_pin(self->map, "mine/other"));
		EXPECT_EQ(-EACCES, obj_get("mine/map"));
	}
	ASSERT_EQ(0, status);
}

/* A read-only mount that is written to, or whose pins cannot be fetched. */
TEST_F(perms, readonly_mount)
{
	ASSERT_EQ(0, sys(mount(NULL, "bpf", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)));
	EXPECT_EQ(-EROFS, obj_pin(self->map, "bpf/new"));
	EXPECT_EQ(-EEXIST, obj_pin(self->map, "bpf/map"));
	EXPECT_EQ(-EPERM, obj_pin(self->map, "bpf/a.b"));
	EXPECT_EQ(-ENOENT, obj_pin(self->map, "bpf/none/x"));
	EXPECT_LE(0, obj_get("bpf/map"));
	EXPECT_LE(0, obj_get_at(0, "bpf/map", BPF_F_RDONLY));
	EXPECT_FALSE(exists("bpf/new"));
}

/* The same for the file system: what is fetched for writing counts as written. */
TEST_F(perms, readonly_superblock)
{
	ASSERT_EQ(0, sys(mount(NULL, "bpf", NULL, MS_REMOUNT | MS_RDONLY, NULL)));
	EXPECT_EQ(-EROFS, obj_pin(self->map, "bpf/new"));
	EXPECT_EQ(-EEXIST, obj_pin(self->map, "bpf/map"));
	EXPECT_EQ(-EROFS, obj_get("bpf/map"));
	EXPECT_EQ(-EROFS, obj_get_at(0, "bpf/map", BPF_F_WRONLY));
	EXPECT_LE(0, obj_get_at(0, "bpf/map", BPF_F_RDONLY));
	EXPECT_FALSE(exists("bpf/new"));
	ASSERT_EQ(0, sys(mount(NULL, "bpf", NULL, MS_REMOUNT, NULL)));
	EXPECT_EQ(0, obj_pin(self->map, "bpf/new"));
}

/* Pins in a container's file system: ids that have no meaning there. */
TEST_F(perms, user_namespace)
{
	int userns, mnt, status;
	struct stat st;

	mnt = container_mount(&userns, (const char *[]){ NULL });
	ASSERT_LE(0, mnt);
	EXPECT_EQ(-EOVERFLOW, obj_pin_at(self->map, mnt, "outside", BPF_F_PATH_FD));
	/* The container's root is no stranger there. */
	in_child(&status) {
		ASSERT_EQ(0, sys(setns(userns, 0)));
		ASSERT_EQ(0, become(0, 0));
		EXPECT_EQ(0, obj_pin_at(self->map, mnt, "inside", BPF_F_PATH_FD));
		EXPECT_LE(0, obj_get_at(mnt, "inside", BPF_F_PATH_FD));
	}
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, sys(fstatat(mnt, "inside", &st, 0)));
	EXPECT_EQ(CONTAINER_ROOT, st.st_uid);
	EXPECT_LE(0, obj_get_at(mnt, "inside", BPF_F_PATH_FD));
	EXPECT_EQ(-ENOENT, obj_get_at(mnt, "outside", BPF_F_PATH_FD));
}

int main(int argc, char **argv)
{
	links_prepare();
	return run_all_guarded(argc, argv);
}
