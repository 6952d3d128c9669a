// SPDX-License-Identifier: GPL-2.0
/*
 * Who keeps an object: fds, pins, open files, and nobody else. A pin is a user
 * of a map as an fd is; the last user to go empties a program array, however
 * many programs still refer to it.
 */
#include <stdio.h>
#include <string.h>

#include "bpffs_harness.h"

FIXTURE(refs) {
	struct calls calls;
};

FIXTURE_SETUP(refs)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, calls_new(&self->calls));
	ASSERT_EQ(CALLED, prog_run(self->calls.caller));
}

FIXTURE_TEARDOWN(refs)
{
}

/* A pin that is a plain reference only: the array is emptied on close. */
TEST_F(refs, pin_keeps_entries)
{
	struct calls *calls = &self->calls;
	int array, entry = prog_array_entry(calls->array);

	ASSERT_EQ(0, obj_pin(calls->array, "bpf/array"));
	close(calls->array);
	EXPECT_TRUE(calls_kept(calls, "bpf"));

	array = obj_get("bpf/array");
	ASSERT_LE(0, array);
	EXPECT_EQ(entry, prog_array_entry(array));
	EXPECT_EQ(CALLED, prog_run(calls->caller));
	close(array);
	EXPECT_TRUE(calls_kept(calls, "bpf"));
}

/* A pinned caller gone with its fd, or its array with it. */
TEST_F(refs, pinned_caller_runs)
{
	struct calls *calls = &self->calls;
	int caller;

	ASSERT_EQ(0, obj_pin(calls->array, "bpf/array"));
	ASSERT_EQ(0, obj_pin(calls->caller, "bpf/caller"));
	close(calls->array);
	close(calls->caller);

	caller = obj_get("bpf/caller");
	ASSERT_LE(0, caller);
	EXPECT_EQ(CALLED, prog_run(caller));
	ASSERT_EQ(0, sys(unlink("bpf/caller")));
	EXPECT_EQ(CALLED, prog_run(caller));
}

/* Unpinning that empties the array although an fd is left, or leaks. */
TEST_F(refs, unpin_leaves_fd)
{
	struct calls *calls = &self->calls;

	ASSERT_EQ(0, obj_pin(calls->array, "bpf/array"));
	ASSERT_EQ(0, sys(unlink("bpf/array")));
	EXPECT_TRUE(calls_kept(calls, "bpf"));
	close(calls->array);
	EXPECT_TRUE(calls_flushed(calls));
}

/* A pin whose user is not dropped when it goes: never emptied. */
TEST_F(refs, last_unpin_flushes)
{
	struct calls *calls = &self->calls;

	ASSERT_EQ(0, obj_pin(calls->array, "bpf/array"));
	close(calls->array);
	ASSERT_EQ(CALLED, prog_run(calls->caller));
	ASSERT_EQ(0, sys(unlink("bpf/array")));
	EXPECT_TRUE(calls_flushed(calls));
}

/* The yardstick of this file: no pin at all, emptied on the last close. */
TEST_F(refs, last_close_flushes)
{
	struct calls *calls = &self->calls;
	int again = dup(calls->array);

	close(calls->array);
	EXPECT_TRUE(calls_kept(calls, "bpf"));
	close(again);
	EXPECT_TRUE(calls_flushed(calls));
}

/* An fd from a pin that is no user of its own, or one too many. */
TEST_F(refs, get_is_a_user)
{
	struct calls *calls = &self->calls;
	int array;

	ASSERT_EQ(0, obj_pin(calls->array, "bpf/array"));
	array = obj_get_at(0, "bpf/array", BPF_F_RDONLY);
	ASSERT_LE(0, array);
	close(calls->array);
	ASSERT_EQ(0, sys(unlink("bpf/array")));
	EXPECT_TRUE(calls_kept(calls, "bpf"));
	close(array);
	EXPECT_TRUE(calls_flushed(calls));
}

/* Pins of one object that share a user. */
TEST_F(refs, every_pin_counts)
{
	struct calls *calls = &self->calls;

	ASSERT_EQ(0, obj_pin(calls->array, "bpf/a"));
	ASSERT_EQ(0, obj_pin(calls->array, "bpf/b"));
	close(calls->array);
	ASSERT_EQ(0, sys(unlink("bpf/a")));
	EXPECT_TRUE(calls_kept(calls, "bpf"));
	ASSERT_EQ(0, sys(unlink("bpf/b")));
	EXPECT_TRUE(calls_flushed(calls));
}

/* A hard link that is not one more name of the same pin. */
TEST_F(refs, hard_links)
{
	struct calls *calls = &self->calls;
	int array;

	ASSERT_EQ(0, obj_pin(calls->array, "bpf/a"));
	ASSERT_EQ(0, sys(link("bpf/a", "bpf/b")));
	close(calls->array);
	ASSERT_EQ(0, sys(unlink("bpf/a")));
	EXPECT_TRUE(calls_kept(calls, "bpf"));
	array = obj_get("bpf/b");
	EXPECT_LE(0, array);
	close(array);
	ASSERT_EQ(0, sys(unlink("bpf/b")));
	EXPECT_TRUE(calls_flushed(calls));
}

/* A pin that is renamed away or over, and its user forgotten or dropped twice. */
TEST_F(refs, rename_over)
{
	struct calls *calls = &self->calls, over;

	ASSERT_EQ(0, calls_new(&over));
	ASSERT_EQ(0, obj_pin(calls->array, "bpf/victim"));
	ASSERT_EQ(0, obj_pin(over.array, "bpf/over"));
	close(calls->array);
	close(over.array);
	ASSERT_EQ(0, sys(rename("bpf/over", "bpf/victim")));
	EXPECT_TRUE(calls_flushed(calls));
	EXPECT_TRUE(calls_kept(&over, "bpf"));
	ASSERT_EQ(0, sys(unlink("bpf/victim")));
	EXPECT_TRUE(calls_flushed(&over));
}

/* An exchange that drops or leaks one of the two. */
TEST_F(refs, rename_exchange)
{
	struct calls *calls = &self->calls, other;

	ASSERT_EQ(0, calls_new(&other));
	ASSERT_EQ(0, obj_pin(calls->array, "bpf/a"));
	ASSERT_EQ(0, obj_pin(other.array, "bpf/b"));
	close(calls->array);
	close(other.array);
	ASSERT_EQ(0, sys(renameat2(AT_FDCWD, "bpf/a", AT_FDCWD, "bpf/b",
				   RENAME_EXCHANGE)));
	EXPECT_TRUE(calls_kept(calls, "bpf"));
	EXPECT_EQ(CALLED, prog_run(other.caller));
	ASSERT_EQ(0, sys(unlink("bpf/b")));
	EXPECT_TRUE(calls_flushed(calls));
	EXPECT_EQ(CALLED, prog_run(other.caller));
	ASSERT_EQ(0, sys(unlink("bpf/a")));
	EXPECT_TRUE(calls_flushed(&other));
}

/* The user dropped on unlink instead of with the inode, or never. */
TEST_F(refs, open_file_keeps)
{
	struct calls *calls = &self->calls;
	int file;

	ASSERT_EQ(0, obj_pin(calls->array, "bpf/array"));
	close(calls->array);
	file = sys(open("bpf/array", O_PATH));
	ASSERT_LE(0, file);
	ASSERT_EQ(0, sys(unlink("bpf/array")));
	EXPECT_TRUE(calls_kept(calls, "bpf"));
	close(file);
	EXPECT_TRUE(calls_flushed(calls));
}

/* An array and a program that hold each other, alive for ever. */
TEST_F(refs, cycle_is_freed)
{
	static const char *const how[] = { "never pinned", "unpinned", "unmounted" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(how); i++) {
		int array = prog_array_new(), prog = prog_caller(array);
		int array_id = obj_id(array, OBJ_MAP);
		int prog_id = obj_id(prog, OBJ_PROG);

		ASSERT_EQ(0, prog_array_set(array, prog));
		/* It calls itself until the kernel's limit on tail calls. */
		ASSERT_EQ(FELL_THROUGH, prog_run(prog));
		ASSERT_EQ(0, mount_bpf("cycle", "newinstance"));
		if (i)
			ASSERT_EQ(0, obj_pin(array, "cycle/array"));
		close(array);
		close(prog);
		if (i) {
			array = obj_get("cycle/array");
			EXPECT_EQ(prog_id, prog_array_entry(array));
			close(array);
		}
		if (i == 1)
			ASSERT_EQ(0, sys(unlink("cycle/array")));
		ASSERT_EQ(0, umount_bpf("cycle"));
		EXPECT_TRUE(obj_gone(OBJ_PROG, prog_id) &&
			    obj_gone(OBJ_MAP, array_id))
			TH_LOG("%s", how[i]);
	}
}

/* Each kind: a pin that does not keep it, or does not let it go. */
TEST_F(refs, every_kind)
{
	enum obj_kind kind;

	for (kind = 0; kind < OBJ_KINDS; kind++) {
		int obj = obj_new(kind), id = obj_id(obj, kind);

		ASSERT_LT(0, id) TH_LOG("%s", obj_kind_names[kind]);
		ASSERT_EQ(0, obj_pin(obj, "bpf/obj"));
		close(obj);
		obj = obj_get("bpf/obj");
		EXPECT_EQ(id, obj_id(obj, kind));
		close(obj);
		ASSERT_EQ(0, sys(unlink("bpf/obj")));
		EXPECT_TRUE(obj_gone(kind, id))
			TH_LOG("%s", obj_kind_names[kind]);
	}
}

static bool link_counts(int counter)
{
	int before, after, status;

	if (map_get(counter, 0, &before))
		return false;
	in_child(&status)
		_exit(0);
	return !status && !map_get(counter, 0, &after) && after > before;
}

/* A pinned link that no longer works, or an unpinned one that still does. */
TEST_F(refs, link_stays_attached)
{
	int counter = map_new(), link = link_new(counter);
	int id = obj_id(link, OBJ_LINK);

	ASSERT_TRUE(link_counts(counter));
	ASSERT_EQ(0, obj_pin(link, "bpf/link"));
	close(link);
	EXPECT_TRUE(calls_kept(&self->calls, "bpf"));
	EXPECT_TRUE(link_counts(counter));
	ASSERT_EQ(0, sys(unlink("bpf/link")));
	EXPECT_TRUE(obj_gone(OBJ_LINK, id));
	/* It loses its id a little before it is detached. */
	EXPECT_TRUE(wait_until(!link_counts(counter), 5000));
}

#define OBJS 24
#define PINS_PER_OBJ 12

/* Pins that umount forgets, or an instance that an open directory lost. */
TEST_F(refs, umount_drops_all)
{
	struct calls *calls = &self->calls;
	int ids[OBJS], i, j, obj, dir;
	char path[64];

	ASSERT_EQ(0, obj_pin(calls->array, "bpf/array"));
	close(calls->array);
	for (j = 0; j < PINS_PER_OBJ; j++) {
		snprintf(path, sizeof(path), "bpf/%d", j);
		ASSERT_EQ(0, sys(mkdir(path, 0755)));
	}
	for (i = 0; i < OBJS; i++) {
		obj = obj_new(i % OBJ_KINDS);
		ids[i] = obj_id(obj, i % OBJ_KINDS);
		for (j = 0; j < PINS_PER_OBJ; j++) {
			snprintf(path, sizeof(path), "bpf/%d/%d", j, i);
			ASSERT_EQ(0, obj_pin(obj, path));
		}
		close(obj);
	}

	dir = sys(open("bpf/3", O_RDONLY | O_DIRECTORY));
	ASSERT_EQ(0, sys(umount2("bpf", MNT_DETACH)));
	EXPECT_FALSE(exists("bpf/3"));
	ASSERT_EQ(0, mount_bpf("other", "newinstance"));
	EXPECT_TRUE(calls_kept(calls, "other"));
	obj = obj_get_at(dir, "0", BPF_F_PATH_FD);
	EXPECT_EQ(ids[0], obj_id(obj, OBJ_MAP));
	close(obj);

	close(dir);
	EXPECT_TRUE(calls_flushed(calls));
	for (i = 0; i < OBJS; i++)
		ASSERT_TRUE(obj_gone(i % OBJ_KINDS, ids[i]));
	ASSERT_EQ(0, umount_bpf("other"));
}

int main(int argc, char **argv)
{
	links_prepare();
	return run_all_guarded(argc, argv);
}
