// SPDX-License-Identifier: GPL-2.0
/*
 * A program that uses libbpf as such programs do, telling what it does and how
 * that went: use_libbpf OBJECTS BPFFS, the directories of the .bpf.o and of an
 * empty file system. Ends with 1 if a fact is not as it has to be.
 */
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpffs.h"

static const char *objects, *root;
static int unmet;

static char *path(const char *format, const char *name)
{
	static char buf[8][512];
	static unsigned int next;
	char *p = buf[next++ % 8];

	snprintf(p, sizeof(buf[0]), format, root, name);
	return p;
}

#define AT(name) path("%s/%s", name)

/* A step, and its outcome: 0 or -errno. */
static int __attribute__((format(printf, 2, 3))) say(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(": %s\n", err < 0 ? strerrorname_np(-err) : "ok");
	return err;
}

static void must(bool fact, const char *what)
{
	if (fact)
		return;
	printf("UNMET: %s\n", what);
	unmet = 1;
}

/* For what returns a pointer: NULL comes with errno. */
static void *said(void *p, const char *what)
{
	say(p ? 0 : -errno, "%s", what);
	return p;
}

static struct bpf_object *open_object(const char *name, const char *pin_root, const char *token)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = pin_root, .bpf_token_path = token);
	char file[512];

	snprintf(file, sizeof(file), "%s/%s.bpf.o", objects, name);
	return bpf_object__open_file(file, &opts);
}

static int id_of(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_map_get_info_by_fd(fd, &info, &len) ? -errno : info.id;
}

static __u64 value_of(int fd, __u32 key)
{
	__u64 value = 0;

	if (bpf_map_lookup_elem(fd, &key, &value))
		return -1;
	return value;
}

static void by_name(void)
{
	struct bpf_object *first, *second, *third;
	struct bpf_map *map;
	__u32 key = 1;
	__u64 value = 77;
	int id;

	puts("Maps pinned by their names:");
	first = open_object("byname", root, NULL);
	say(bpf_object__load(first), "load");
	map = bpf_object__find_map_by_name(first, "shared");
	printf("pinned %d at %s\n", bpf_map__is_pinned(map), bpf_map__pin_path(map));
	id = id_of(bpf_map__fd(map));
	say(bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), 0), "update");
	bpf_object__close(first);

	second = open_object("byname", root, NULL);
	say(bpf_object__load(second), "load again");
	map = bpf_object__find_map_by_name(second, "shared");
	must(id_of(bpf_map__fd(map)) == id, "the same map is used again");
	must(value_of(bpf_map__fd(map), 1) == 77, "it has the value that it was given");
	third = open_object("othertype", root, NULL);
	say(bpf_object__load(third), "load what has another map of that name");
	bpf_object__close(third);
	third = open_object("byname", AT("none"), NULL);
	say(bpf_object__load(third), "load with a directory that is not there");
	printf("made: %d\n", exists(AT("none/shared")));
	bpf_object__close(third);
	third = open_object("byname", "/tmp", NULL);
	say(bpf_object__load(third), "load with a directory elsewhere");
	bpf_object__close(third);
	say(bpf_map__unpin(map, NULL), "unpin");
	say(bpf_map__unpin(map, NULL), "unpin again");
	must(!exists(AT("shared")), "it is not pinned any more");
	must(value_of(bpf_map__fd(map), 1) == 77, "it lives by its descriptor");
	bpf_object__close(second);
}

static void whole_object(void)
{
	struct bpf_object *object = open_object("plain", NULL, NULL);
	struct bpf_program *prog;
	struct bpf_map *map;
	int fd;

	puts("Whole objects:");
	say(bpf_object__load(object), "load");
	say(bpf_object__pin(object, AT("object")), "pin");
	say(bpf_object__pin(object, AT("object")), "pin again");
	bpf_object__for_each_program(prog, object)
		printf("%s: %d\n", bpf_program__name(prog), exists(path("%s/object/%s", bpf_program__name(prog))));
	map = bpf_object__find_map_by_name(object, "runs");
	printf("runs: %d, %s\n", bpf_map__is_pinned(map), bpf_map__pin_path(map));
	say(bpf_object__unpin_programs(object, AT("object")), "unpin the programs");
	say(bpf_object__unpin_maps(object, NULL), "unpin the maps");
	must(!exists(AT("object/pass_xdp")) && !exists(AT("object/runs")), "nothing is pinned");
	say(bpf_object__pin_programs(object, AT("deep")), "pin the programs in a new directory");
	fd = say(bpf_obj_get(AT("deep/pass_xdp")), "get a program");
	close(fd);
	say(bpf_object__pin_maps(object, AT("object")), "pin maps in an old one");
	prog = bpf_object__find_program_by_name(object, "allow");
	say(bpf_program__pin(prog, AT("deep")), "pin a program over a directory");
	say(bpf_program__pin(prog, AT("dotted.name")), "pin a program by a dotted name");
	say(bpf_program__unpin(prog, AT("nothing")), "unpin what is not there");
	bpf_object__close(object);
	fd = say(bpf_obj_get(AT("object/runs")), "get a map of the closed object");
	must(fd >= 0 && value_of(fd, 0) == 0, "the pinned map is readable");
	close(fd);
}

static void set_path(void)
{
	struct bpf_object *object = open_object("plain", NULL, NULL);
	struct bpf_map *map = bpf_object__find_map_by_name(object, "runs");
	LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 5);
	char packet[64] = {};
	int pinned, fd;

	puts("Paths set for maps, and maps used again:");
	pinned = bpf_obj_get(AT("object/runs"));
	say(bpf_map__set_pin_path(map, AT("object/runs")), "set a path that has a map");
	say(bpf_object__load(object), "load");
	must(id_of(bpf_map__fd(map)) == id_of(pinned), "the map at the path is used");
	fd = bpf_program__fd(bpf_object__find_program_by_name(object, "pass_xdp"));
	opts.data_in = packet;
	opts.data_size_in = sizeof(packet);
	say(bpf_prog_test_run_opts(fd, &opts), "run");
	must(value_of(pinned, 0) == 5, "the program counts in the pinned map");
	say(bpf_map__pin(map, AT("maps/other")), "pin at another path");
	say(bpf_map__unpin(map, AT("maps/other")), "unpin at another path");
	bpf_object__close(object);

	object = open_object("plain", NULL, NULL);
	map = bpf_object__find_map_by_name(object, "runs");
	say(bpf_map__reuse_fd(map, pinned), "reuse a descriptor");
	say(bpf_object__load(object), "load");
	must(id_of(bpf_map__fd(map)) == id_of(pinned), "the map of the descriptor is used");
	bpf_object__close(object);
	close(pinned);
}

static void links(void)
{
	struct bpf_object *object = open_object("plain", NULL, NULL);
	struct bpf_link *link, *opened;
	struct bpf_program *prog;
	int lo = if_nametoindex("lo");

	puts("Links:");
	say(bpf_object__load(object), "load");
	prog = bpf_object__find_program_by_name(object, "pass_xdp");
	link = said(bpf_program__attach_xdp(prog, lo), "attach XDP");
	if (!link)
		return;
	say(bpf_link__pin(link, AT("link")), "pin");
	printf("at %s\n", bpf_link__pin_path(link));
	say(bpf_link__pin(link, AT("link")), "pin again");
	bpf_link__destroy(link);
	link = said(bpf_program__attach_xdp(prog, lo), "attach another");
	must(!link, "the pin keeps the link attached");
	opened = said(bpf_link__open(AT("link")), "open the pin");
	if (opened) {
		printf("opened from %s\n", bpf_link__pin_path(opened));
		say(bpf_link__update_program(opened, prog), "update through the pin");
		say(bpf_link__unpin(opened), "unpin");
		say(bpf_link__unpin(opened), "unpin again");
		bpf_link__destroy(opened);
	}
	/* The last reference is gone. */
	link = said(bpf_program__attach_xdp(prog, lo), "attach after that");
	must(link, "without pin and descriptor it is detached");
	if (link) {
		say(bpf_link__pin(link, AT("link2")), "pin");
		say(bpf_link__detach(link), "detach");
		bpf_link__destroy(link);
	}
	said(bpf_link__open(AT("object/runs")), "open a map as a link");
	link = said(bpf_link__open(AT("link2")), "open what is detached");
	if (link) {
		say(bpf_link__unpin(link), "unpin");
		bpf_link__destroy(link);
	}
	bpf_object__close(object);
}

static void in_container(int userns, int mnt, const char *dir)
{
	struct bpf_object *object;
	struct bpf_map *map;

	if (setns(userns, 0) || become(0, 0) || unshare(CLONE_NEWNS) || mnt_attach(mnt, dir)) {
		perror("cannot be a container");
		_exit(1);
	}
	object = open_object("byname", dir, "");
	say(bpf_object__load(object), "load without a token");
	bpf_object__close(object);
	object = open_object("byname", dir, dir);
	must(!say(bpf_object__load(object), "load with a token"), "the token allows that");
	map = bpf_object__find_map_by_name(object, "shared");
	printf("pinned %d at %s\n", bpf_map__is_pinned(map), bpf_map__pin_path(map));
	say(bpf_object__pin_programs(object, dir), "pin the programs");
	bpf_object__close(object);
	object = open_object("ops", dir, dir);
	say(bpf_object__load(object), "load what is not delegated");
	bpf_object__close(object);
	object = open_object("byname", dir, "/tmp");
	say(bpf_object__load(object), "load with a token of another file system");
	bpf_object__close(object);
	setenv("LIBBPF_BPF_TOKEN_PATH", dir, 1);
	object = open_object("byname", dir, NULL);
	must(!say(bpf_object__load(object), "load with the environment's token"), "it is found");
	bpf_object__close(object);
	fflush(stdout);
	_exit(unmet);
}

static void token(void)
{
	static const char *const opts[] = {
		"delegate_cmds", "any", "delegate_maps", "hash:array", "delegate_progs",
		"xdp:sched_cls:socket_filter", "delegate_attachs", "any", NULL,
	};
	int userns, mnt = container_mount(&userns, opts), status;
	char dir[] = "/tmp/container";
	pid_t pid;

	puts("A token for a container:");
	if (say(mnt, "mount for the container") < 0 || mkdir(dir, 0777))
		exit(1);
	fflush(stdout);
	pid = fork();
	if (!pid)
		in_container(userns, mnt, dir);
	status = wait_child(pid);
	/* Whoever runs this again needs the place once more. */
	must(!rmdir(dir), "nothing but the container had it mounted");
	must(!status, "the container got what it was to get");
	say(obj_get_at(mnt, "shared", BPF_F_PATH_FD), "get the container's map");
	say(obj_get_at(mnt, "shared_xdp", BPF_F_PATH_FD), "get the container's program");
}

/* What libbpf says is compared, too: but not the names of files. */
static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vprintf(format, args) : 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	objects = argv[1];
	root = argv[2];
	libbpf_set_print(print);
	by_name();
	whole_object();
	set_path();
	links();
	token();
	return unmet;
}
