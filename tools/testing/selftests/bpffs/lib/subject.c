// SPDX-License-Identifier: GPL-2.0
/*
 * What is under test, as the library has it: bpffs, the live BPF objects, and the files
 * outside that objects are exposed in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "bpf_objects.h"
#include "file.h"
#include "implementation.h"
#include "namespace.h"
#include "outside.h"
#include "process.h"
#include "subject.h"
#include "wait.h"

#define MAX_IDS 4096

static const char * const kind_names[OBJ_KINDS] = {
	[OBJ_MAP]  = "map",
	[OBJ_PROG] = "program",
	[OBJ_LINK] = "link",
};

struct ids {
	unsigned int cnt;
	unsigned int id[MAX_IDS];
};

/* Ids for each kind; the files outside, as many as there is space for. */
struct noted {
	struct ids ids[OBJ_KINDS];
	char outside[16384];
};

static void list_ids(enum obj_kind kind, struct ids *ids)
{
	unsigned int id = 0;

	ids->cnt = 0;
	while (ids->cnt < MAX_IDS && (id = obj_next(kind, id)))
		ids->id[ids->cnt++] = id;
}

/*
 * Where the kernel is built with CONFIG_BPF_PRELOAD, the first mount has a module
 * loaded that makes objects, which stay, but for some that go after a while.
 */
static void first_mount(void)
{
	bool loaded = exists("/sys/module/bpf_preload");
	int status;

	in_child(&status) {
		if (!mntns_unshare())
			mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL);
	}
	if (!loaded && exists("/sys/module/bpf_preload"))
		objects_settle();
}

static void list_outside(char *outside, size_t size)
{
	char *files = outside_files();

	snprintf(outside, size, "%s", files);
	free(files);
}

static void note(void *noted)
{
	struct noted *n = noted;
	enum obj_kind kind;

	for (kind = 0; kind < OBJ_KINDS; kind++)
		list_ids(kind, &n->ids[kind]);
	list_outside(n->outside, sizeof(n->outside));
}

static bool ids_equal(const struct ids *a, const struct ids *b)
{
	return a->cnt == b->cnt && !memcmp(a->id, b->id, a->cnt * sizeof(a->id[0]));
}

static bool ids_restored(enum obj_kind kind, const struct ids *before, struct ids *now)
{
	list_ids(kind, now);
	return ids_equal(now, before);
}

static void print_extra(const char *what, const char *kind, const struct ids *a,
			const struct ids *b)
{
	unsigned int i, j = 0;

	for (i = 0; i < a->cnt; i++) {
		while (j < b->cnt && b->id[j] < a->id[i])
			j++;
		if (j == b->cnt || b->id[j] != a->id[i])
			fprintf(stderr, "# guard: %s id %u %s\n", kind, a->id[i], what);
	}
}

static bool outside_restored(const char *before, char *now, size_t size)
{
	list_outside(now, size);
	return !strcmp(before, now);
}

static int check_outside(const struct noted *n)
{
	char now[sizeof(n->outside)];

	if (wait_until(outside_restored(n->outside, now, sizeof(now)), PATIENCE))
		return 0;
	fprintf(stderr, "# guard: files outside that were there:\n%s# guard: that are there now:\n%s",
		n->outside, now);
	return 1;
}

static int check(const void *noted)
{
	const struct noted *n = noted;
	enum obj_kind kind;
	struct ids now;
	int bad = 0;

	for (kind = 0; kind < OBJ_KINDS; kind++) {
		if (wait_until(ids_restored(kind, &n->ids[kind], &now), PATIENCE))
			continue;
		print_extra("left behind", kind_names[kind], &now, &n->ids[kind]);
		print_extra("vanished", kind_names[kind], &n->ids[kind], &now);
		bad++;
	}
	return bad + check_outside(n);
}

static void add_state(FILE *out)
{
	static const int next[OBJ_KINDS] = {
		BPF_MAP_GET_NEXT_ID, BPF_PROG_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID,
	};
	enum obj_kind kind;
	char *files;

	for (kind = 0; kind < OBJ_KINDS; kind++) {
		union bpf_attr attr = {};

		while (!sys_bpf(next[kind], &attr)) {
			fprintf(out, "%s %u\n", kind_names[kind], attr.next_id);
			attr = (union bpf_attr){ .start_id = attr.next_id };
		}
	}
	files = outside_files();
	fputs(files, out);
	free(files);
}

static bool c_serves(void)
{
	return !impl_rust();
}

const struct subject subject = {
	.module = MODULE_NAME,
	.module_path = "BPFFS_MODULE",
	.prepare = first_mount,
	.note = note,
	.noted_size = sizeof(struct noted),
	.check = check,
	.add_state = add_state,
	.other_serves = c_serves,
};
