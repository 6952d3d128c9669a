// SPDX-License-Identifier: GPL-2.0
/*
 * Reading pins of maps of every type: the text is that of C's implementation,
 * and what cannot be read there cannot be opened.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpffs_harness.h"
#include "kbtf.h"
#include "link_types.h"
#include "map_types.h"

#define HEADER	"# WARNING!! The output is for debug purpose only\n" \
		"# WARNING!! The output format will change\n"

/* Those with tests of their own, below. */
static const char *const special[] = {
	"PROG_ARRAY", "STRUCT_OPS", "CGROUP_STORAGE", "PERCPU_CGROUP_STORAGE",
};

FIXTURE(maps) {
	int types;
	char *text;
};

#define TEXT	(64 << 10)

FIXTURE_SETUP(maps)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	self->types = map_types_load();
	ASSERT_LE(0, self->types);
	self->text = malloc(TEXT);
}

FIXTURE_TEARDOWN(maps)
{
	free(self->text);
}

static unsigned int possible_cpus(void)
{
	unsigned int last = 0;
	char text[32];

	if (read_file("/sys/devices/system/cpu/possible", text, sizeof(text)) > 0)
		sscanf(text, "0-%u", &last);
	return last + 1;
}

/* Element @key is @value, and on the CPU number n @value + n. */
static int set(int map, bool percpu, int key, int value)
{
	uint64_t values[1024] = {};
	union bpf_attr attr = {
		.map_fd = map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)values,
	};
	unsigned int i;

	if (!percpu)
		return map_set(map, key, value);
	for (i = 0; i < possible_cpus(); i++)
		values[i] = (unsigned int)(value + i);
	return sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

/* What the kernel prints for such an element. */
static void add_text(char *text, bool percpu, int key, int value)
{
	unsigned int i;

	text += strlen(text);
	if (!percpu) {
		sprintf(text, "%d: %d\n", key, value);
		return;
	}
	text += sprintf(text, "%d: {\n", key);
	for (i = 0; i < possible_cpus(); i++)
		text += sprintf(text, "\tcpu%u: %d\n", i, value + i);
	strcpy(text, "}\n");
}

/* Catches: the text of a type of maps wrong, or a type that C shows not opened. */
TEST_F(maps, shown)
{
	char want[4096];
	unsigned int i;

	for (i = 0; i < map_types_cnt; i++) {
		const struct map_type *type = &map_types[i];
		int map;

		if (!type->shown)
			continue;
		map = map_of(type, self->types);
		ASSERT_LE(0, map)
			TH_LOG("cannot make a map of type %s: is the kernel built without?",
			       type->name);
		ASSERT_EQ(0, set(map, type->percpu, 1, -7));
		strcpy(want, HEADER);
		/* The other element of an array, which always is there. */
		if (type->max == 2) {
			ASSERT_EQ(0, set(map, type->percpu, 0, 3));
			add_text(want, type->percpu, 0, 3);
		}
		add_text(want, type->percpu, 1, -7);
		ASSERT_EQ(0, obj_pin(map, "bpf/map"));
		EXPECT_LT(0, read_file("bpf/map", self->text, TEXT))
			TH_LOG("a map of type %s", type->name);
		EXPECT_STREQ(want, self->text);
		ASSERT_EQ(0, unlink("bpf/map"));

		/* Without BTF it cannot be read. */
		map = map_of(type, -1);
		ASSERT_EQ(0, obj_pin(map, "bpf/map"));
		EXPECT_EQ(-EIO, sys(open("bpf/map", O_RDONLY)));
		ASSERT_EQ(0, unlink("bpf/map"));
	}
}

/* Catches: a type opened that C does not, or one that cannot be fetched. */
TEST_F(maps, not_shown)
{
	unsigned int i;

	for (i = 0; i < map_types_cnt; i++) {
		const struct map_type *type = &map_types[i];
		int map, fd;

		if (type->shown)
			continue;
		map = map_of(type, self->types);
		ASSERT_LE(0, map)
			TH_LOG("cannot make a map of type %s: is the kernel built without?",
			       type->name);
		ASSERT_EQ(0, obj_pin(map, "bpf/map"));
		EXPECT_EQ(-EIO, sys(open("bpf/map", O_RDONLY)))
			TH_LOG("a map of type %s", type->name);
		fd = obj_get("bpf/map");
		EXPECT_EQ(obj_id(map, OBJ_MAP), obj_id(fd, OBJ_MAP));
		ASSERT_EQ(0, unlink("bpf/map"));
	}
}

/* Catches: a type of maps that this kernel has and that nothing here reads. */
TEST_F(maps, all)
{
	int id = kernel_btf_id("bpf_map_type", BTF_KIND_ENUM);
	const struct btf_type *type = btf__type_by_id(kernel_btf(), id);
	unsigned int i, j;
	bool known[64] = { true };

	for (j = 0; j < map_types_cnt; j++)
		known[map_type_number(map_types[j].name) & 63] = true;
	for (j = 0; j < ARRAY_SIZE(special); j++)
		known[map_type_number(special[j]) & 63] = true;
	for (i = 0; i < btf_vlen(type); i++) {
		const struct btf_enum *e = btf_enum(type) + i;
		const char *name = btf__name_by_offset(kernel_btf(), e->name_off);

		EXPECT_TRUE(!strncmp(name, "__MAX", 5) || known[e->val & 63])
			TH_LOG("nothing reads a %s", name);
	}
}

/* Catches: program arrays shown with what is in them for the kernel, or holes. */
TEST_F(maps, prog_array)
{
	const struct map_type type = { "PROG_ARRAY", 4, 4, 3, 0, INTS };
	int map = map_of(&type, self->types), prog = prog_new(0);
	char want[512];

	ASSERT_LE(0, map);
	ASSERT_EQ(0, map_set(map, 1, prog));
	snprintf(want, sizeof(want), HEADER "1: %d\n", obj_id(prog, OBJ_PROG));
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	ASSERT_LT(0, read_file("bpf/map", self->text, TEXT));
	EXPECT_STREQ(want, self->text);
}

/* Catches: a struct_ops map, whose type is the kernel's, that cannot be read. */
TEST_F(maps, struct_ops)
{
	int map = struct_ops_new();

	ASSERT_LE(0, map);
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	ASSERT_LT(0, read_file("bpf/map", self->text, TEXT));
	EXPECT_EQ(0, strncmp(self->text, HEADER "{{", strlen(HEADER "{{")))
		TH_LOG("%s", self->text);
	/* The name of the operations, letter by letter. */
	EXPECT_NE(NULL, strstr(self->text, "'b','p','f','f','s','_','t','e','s','t'"));
}

/* A program that has storage in each cgroup that it is attached to. */
static int storage_prog(int map)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = map },
		{},
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_local_storage },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return prog_load_type(BPF_PROG_TYPE_CGROUP_SKB, insns, ARRAY_SIZE(insns));
}

/* Catches: storage of cgroups shown wrongly, which is keyed by their ids. */
TEST_F(maps, cgroup_storage)
{
	static const struct map_type types[] = {
		{ "CGROUP_STORAGE", 8, 4, 0, 0, TYPE_LONG, TYPE_INT },
		{ "PERCPU_CGROUP_STORAGE", 8, 4, 0, 0, TYPE_LONG, TYPE_INT, true },
	};
	union bpf_attr attr = { .link_create.attach_type = BPF_CGROUP_INET_EGRESS };
	char want[4096];
	unsigned int i;
	uint64_t key;
	int cgroup;

	ASSERT_EQ(0, mkdir("cgroup", 0755));
	ASSERT_EQ(0, sys(mount("cgroup", "cgroup", "cgroup2", 0, NULL)));
	cgroup = open("cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	key = ino_of("cgroup");
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		const struct map_type *type = &types[i];
		int map = map_of(type, self->types), prog, link;

		ASSERT_LE(0, map);
		prog = storage_prog(map);
		ASSERT_LE(0, prog);
		ASSERT_EQ(0, obj_pin(map, "bpf/map"));
		ASSERT_LT(0, read_file("bpf/map", self->text, TEXT));
		EXPECT_STREQ(HEADER, self->text);
		attr.link_create.prog_fd = prog;
		attr.link_create.target_fd = cgroup;
		link = sys_bpf(BPF_LINK_CREATE, &attr);
		ASSERT_LE(0, link);
		strcpy(want, HEADER);
		add_text(want, false, key, 0);
		if (type->percpu) {
			char *colon = strchr(strchr(want, ':'), ' ');
			unsigned int cpu;

			colon += sprintf(colon, " {\n");
			for (cpu = 0; cpu < possible_cpus(); cpu++)
				colon += sprintf(colon, "\tcpu%u: 0\n", cpu);
			strcpy(colon, "}\n");
		}
		ASSERT_LT(0, read_file("bpf/map", self->text, TEXT));
		EXPECT_STREQ(want, self->text);
		close(link);
		ASSERT_EQ(0, unlink("bpf/map"));
	}
}

/* Catches: values of types other than numbers shown otherwise than C does. */
TEST_F(maps, values)
{
	const struct {
		struct map_type type;
		int value[6];
		const char *text;
	} cases[] = {
		{ { "ARRAY", 4, 4, 1, 0, TYPE_INT, TYPE_ENUM }, { 1 }, "0: GREEN\n" },
		{ { "ARRAY", 4, 4, 1, 0, TYPE_INT, TYPE_ENUM }, { 9 }, "0: 9\n" },
		{ { "ARRAY", 4, 12, 1, 0, TYPE_INT, TYPE_CHARS }, { 1, -2, 3 },
		  "0: [1,-2,3,]\n" },
		{ { "ARRAY", 4, 24, 1, 0, TYPE_INT, TYPE_STRUCT }, { 7, 1, 4, 5, 6, 0x21 },
		  "0: {7,GREEN,[4,5,6,],0x1,0x2,}\n" },
		{ { "HASH", 8, 4, 1, 0, TYPE_LPM_KEY, TYPE_INT }, { 0 }, "{0,0,}: 0\n" },
		/* A section of variables: no key is shown. */
		{ { "ARRAY", 4, 4, 1, 0, 0, TYPE_DATA }, { 11 },
		  "section (\".data\") = {11\n" },
	};
	char want[1024];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int map = map_of(&cases[i].type, self->types);
		uint64_t key = 0;
		union bpf_attr attr = {
			.map_fd = map,
			.key = (uintptr_t)&key,
			.value = (uintptr_t)cases[i].value,
		};

		ASSERT_LE(0, map);
		ASSERT_EQ(0, sys_bpf(BPF_MAP_UPDATE_ELEM, &attr));
		ASSERT_EQ(0, obj_pin(map, "bpf/map"));
		ASSERT_LT(0, read_file("bpf/map", self->text, TEXT));
		snprintf(want, sizeof(want), HEADER "%s", cases[i].text);
		EXPECT_STREQ(want, self->text);
		ASSERT_EQ(0, unlink("bpf/map"));
	}
}

/* Catches: elements lost, doubled or cut where one read ends in a huge map. */
TEST_F(maps, huge)
{
	enum { ENTRIES = 100000, PIECE = 5003 };
	const struct map_type type = { "ARRAY", 4, 4, ENTRIES, 0, INTS };
	int map = map_of(&type, self->types), fd, key = 0, n, value;
	uint64_t end = now_ms() + 60000;
	size_t have = 0;
	ssize_t len;

	ASSERT_LE(0, map);
	ASSERT_EQ(0, map_set(map, ENTRIES - 1, 5));
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	fd = open("bpf/map", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(strlen(HEADER), read(fd, self->text, strlen(HEADER)));
	self->text[strlen(HEADER)] = '\0';
	EXPECT_STREQ(HEADER, self->text);
	/* What is left of a line that was cut is kept for the next piece. */
	while ((len = sys(read(fd, self->text + have, PIECE))) > 0) {
		char *line = self->text, *next;

		self->text[have + len] = '\0';
		while ((next = strchr(line, '\n'))) {
			ASSERT_EQ(2, sscanf(line, "%d: %d\n", &n, &value));
			ASSERT_EQ(key, n);
			ASSERT_EQ(key == ENTRIES - 1 ? 5 : 0, value);
			key++;
			line = next + 1;
		}
		have = strlen(line);
		memmove(self->text, line, have);
		ASSERT_GT(end, now_ms());
	}
	EXPECT_EQ(0, len);
	EXPECT_EQ(0, have);
	EXPECT_EQ(ENTRIES, key);
}

/* Catches: a reader that ends, or hangs, or shows torn lines as the map changes. */
TEST_F(maps, changing)
{
	enum { ENTRIES = 400 };
	const struct map_type type = { "HASH", 4, 4, ENTRIES, 0, INTS };
	int map = map_of(&type, self->types), ready = event_new(), reads = 0, i;
	bool seen[ENTRIES] = {};
	uint64_t end;
	pid_t pid;

	ASSERT_LE(0, map);
	/* Even keys stay, odd ones come and go. */
	for (i = 0; i < ENTRIES; i += 2)
		ASSERT_EQ(0, map_set(map, i, -i));
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		event_post(ready);
		for (i = 1;; i = (i + 2) % ENTRIES) {
			union bpf_attr attr = { .map_fd = map, .key = (uintptr_t)&i };

			if (sys_bpf(BPF_MAP_DELETE_ELEM, &attr))
				map_set(map, i, -i);
		}
	}
	ASSERT_EQ(0, event_wait(ready));
	for (end = now_ms() + 500; now_ms() < end || reads < 5; reads++) {
		ssize_t len = read_file("bpf/map", self->text, TEXT);
		char *line = self->text + strlen(HEADER);
		int n, value, shown = 0;

		ASSERT_LT(0, len);
		/* An element deleted under the reader lets it begin anew; enough then. */
		if (len == TEXT - 1)
			*(strrchr(self->text, '\n') + 1) = '\0';
		for (; *line; line = strchr(line, '\n') + 1) {
			ASSERT_EQ(2, sscanf(line, "%d: %d\n", &n, &value));
			ASSERT_TRUE(n >= 0 && n < ENTRIES);
			shown++;
			if (n % 2)
				continue;
			/* The memory of one that is deleted may show another's value. */
			EXPECT_EQ(-n, value);
			seen[n] = true;
		}
		/* It may also lead the reader astray, but not always, nor at once. */
		EXPECT_LT(0, shown);
	}
	for (i = 0; i < ENTRIES; i += 2)
		EXPECT_TRUE(seen[i])
			TH_LOG("%d was never shown", i);
	kill(pid, SIGKILL);
	wait_child(pid);
}

/* Catches: readers of one map that disturb each other, or need more than the mode. */
TEST_F(maps, readers)
{
	const struct map_type type = { "ARRAY", 4, 4, 100, 0, INTS };
	int map = map_of(&type, self->types), a, b, status;
	char one[2], both[2];
	unsigned int i;

	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	ASSERT_EQ(0, chmod("bpf/map", 0444));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		a = open("bpf/map", O_RDONLY | O_CLOEXEC);
		b = open("bpf/map", O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, b);
		EXPECT_EQ(-EACCES, sys(open("bpf/map", O_RDWR)));
		for (i = 0; i < 300; i++) {
			ASSERT_EQ(1, sys(read(a, one, 1)));
			ASSERT_EQ(1, sys(read(b, both, 1)));
			ASSERT_EQ(one[0], both[0]);
			/* One of them is far ahead. */
			if (i == 150) {
				ASSERT_LT(0, read(a, self->text, TEXT));
				while (read(a, self->text, TEXT) > 0)
					;
				close(a);
				a = open("bpf/map", O_RDONLY | O_CLOEXEC);
				ASSERT_EQ(151, sys(read(a, self->text, 151)));
			}
		}
	}
	EXPECT_EQ(0, status);
}

int main(int argc, char **argv)
{
	kernel_btf_prepare();
	return run_all_guarded(argc, argv);
}
