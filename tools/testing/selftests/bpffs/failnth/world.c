// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "kselftest.h"
#include "slab.h"
#include "world.h"

/* What is freed late is waited for. */
#define SETTLE_MS 5000

struct world world;

void world_prepare(void)
{
	links_prepare();
	/* Looks up the type, which takes long. */
	close(iter_new());
}

static int pinned(int obj, const char *path)
{
	return obj < 0 ? obj : obj_pin(obj, path);
}

static int world_make(void)
{
	int btf = btf_int_new(), err = world.mount ? world.mount("bpf") : mount_bpf("bpf", NULL), i;

	world.prog = prog_new(CALLED);
	world.link = link_new(-1);
	world.text = map_typed(btf, BPF_MAP_TYPE_ARRAY, 3);
	world.hash = map_typed(btf, BPF_MAP_TYPE_HASH, 3);
	world.iter = iter_new();
	close(btf);
	for (i = 0; !err && i < 3; i++)
		err = map_set(world.hash, i, i);
	return err ?: calls_new(&world.calls) ?: pinned(world.calls.array, "bpf/array") ?:
	       pinned(world.prog, "bpf/prog") ?: pinned(world.link, "bpf/link") ?:
	       pinned(world.text, "bpf/text") ?: pinned(world.hash, "bpf/hash") ?:
	       pinned(world.iter, "bpf/iter") ?: sys(mkdir("bpf/dir", 0755)) ?:
	       sys(mkdir("bpf/dir/sub", 0755)) ?: sys(symlink("array", "bpf/symlink"));
}

/* The instance may outlive this mount, so not by unmounting alone. */
static int world_remove(void)
{
	static const char *const names[] = {
		"bpf/array", "bpf/prog", "bpf/link", "bpf/text", "bpf/hash", "bpf/iter",
		"bpf/symlink",
	};
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(names); i++)
		err = sys(unlink(names[i]));
	return err ?: sys(rmdir("bpf/dir/sub")) ?: sys(rmdir("bpf/dir")) ?: umount_bpf("bpf");
}

/* Users of the array that were lost or left empty it too early or never. */
static int world_end(void)
{
	int bad = 0, err;

	if (!calls_kept(&world.calls, "bpf")) {
		fprintf(stderr, "# a user of the program array was lost\n");
		bad++;
	}
	err = world_remove();
	if (err) {
		fprintf(stderr, "# cannot remove the world: %s\n", strerror(-err));
		bad++;
	}
	close(world.prog);
	close(world.link);
	close(world.text);
	close(world.hash);
	close(world.iter);
	close(world.calls.array);
	if (!calls_flushed(&world.calls)) {
		fprintf(stderr, "# a user of the program array was left\n");
		bad++;
	}
	close(world.calls.caller);
	return bad;
}

/* ---- inodes and mounts ---- */

static const char *const caches[] = { "bpffs_inode_cache", "bpf_fs_inode_cache", "mnt_cache" };

int fail_all(const struct call *calls, unsigned int cnt)
{
	long before[ARRAY_SIZE(caches)];
	int bad = 0, err;
	unsigned int i;

	if (failnth_error())
		return abs(failnth_error());
	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		before[i] = slab_settled(caches[i]);
		if (before[i] < 0 && (i || impl_rust())) {
			fprintf(stderr, "# %s: not in /proc/slabinfo\n", caches[i]);
			return 1;
		}
	}
	err = world_make();
	if (err) {
		fprintf(stderr, "# cannot make the world: %s\n", strerror(-err));
		return abs(err);
	}
	for (i = 0; i < cnt && bad < MAX_COMPLAINTS; i++)
		bad += fail_each(&calls[i], "bpf");
	bad += world_end();
	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		if (wait_until(slab_objects(caches[i]) == before[i], SETTLE_MS))
			continue;
		fprintf(stderr, "# objects in %s: %ld -> %ld\n", caches[i], before[i],
			slab_objects(caches[i]));
		bad++;
	}
	return bad;
}
