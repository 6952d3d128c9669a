// SPDX-License-Identifier: GPL-2.0
/*
 * Create a map, store a number in it, pin it, and exit: the pin alone keeps
 * the map alive.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

static const char usage[] =
	"Usage: pin-c [--token DIR] PATH NUMBER\n"
	"Create a BPF map that holds NUMBER, and pin it to PATH on a bpf file system.\n"
	"`rm PATH` removes the pin, and with it the map.\n"
	"\n"
	"  --token DIR   in a container: by the right that the bpf file system mounted at DIR\n"
	"                was given (delegate_cmds=map_create,delegate_maps=array)\n";

static const char *way_out(int error)
{
	switch (error) {
	case ENOENT:
		return "no such directory: create it, or is no bpf file system mounted? see `findmnt -t bpf`";
	case EEXIST:
		return "choose another path, or remove this one first";
	case EPERM:
		return "not on a bpf file system, or a dot in the name? see `findmnt -t bpf`";
	case ENOSPC:
		return "no memory, or the file system's nr_inodes is reached? see `df -i`";
	case EACCES:
		return "no permission to write to the directory? see `ls -ld`";
	default:
		return "see `findmnt -t bpf`";
	}
}

/* A token of the file system: what it is good for, the file system was mounted with. */
static int token_of(const char *dir)
{
	int fd = open(dir, O_DIRECTORY | O_CLOEXEC), token;

	if (fd < 0)
		err(1, "%s", dir);
	token = bpf_token_create(fd, NULL);
	if (token < 0)
		err(1, "%s: no token (it delegates nothing, or not to this user namespace?)", dir);
	close(fd);
	return token;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	__u32 key = 0;
	__u64 number;
	char *end;
	int map;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc > 3 && !strcmp(argv[1], "--token")) {
		opts.token_fd = token_of(argv[2]);
		opts.map_flags = BPF_F_TOKEN_FD;
		argc -= 2;
		argv += 2;
	}
	if (argc != 3) {
		fputs(usage, stderr);
		return 2;
	}
	errno = 0;
	number = strtoull(argv[2], &end, 0);
	if (errno || end == argv[2] || *end || argv[2][0] == '-')
		errx(2, "%s: give a number from 0 to %" PRIu64, argv[2], UINT64_MAX);

	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "number", sizeof(key),
			     sizeof(number), 1, &opts);
	if (map < 0)
		err(1, "cannot create a map (bpf(2) needs CAP_BPF: run as root, or give --token)");
	if (bpf_map_update_elem(map, &key, &number, BPF_ANY))
		err(1, "cannot store the number in the map");
	if (bpf_map_get_info_by_fd(map, &info, &len))
		err(1, "cannot ask for the map's id");
	if (bpf_obj_pin(map, argv[1]))
		errx(1, "%s: cannot pin the map: %s (%s)", argv[1],
		     strerror(errno), way_out(errno));

	printf("map %u is pinned to %s\n", info.id, argv[1]);
	close(map);
	return 0;
}
