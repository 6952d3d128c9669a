// SPDX-License-Identifier: GPL-2.0
/*
 * Fetch a pinned program and a pinned map by their paths, run the program on
 * a packet, and print the counters that the map holds.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../counter.h"

static const char usage[] =
	"Usage: get-c [--repeat N] PROG MAP PACKET\n"
	"Run a pinned BPF program on a packet and print the counters in a pinned map.\n"
	"\n"
	"  PROG          path of the pinned program, such as /sys/fs/bpf/demo/classify\n"
	"  MAP           path of the pinned map, such as /sys/fs/bpf/demo/maps/counters\n"
	"  PACKET        file with the bytes of one Ethernet frame\n"
	"  --repeat N    run the program N times (default 1)\n"
	"  --help        show this help\n";

static const char *way_out(int error)
{
	switch (error) {
	case ENOENT:
		return "is it pinned there, and the bpf file system mounted? see `findmnt -t bpf`";
	case EACCES:
		return "not a pin on a bpf file system, or not yours? see `findmnt -t bpf`, `ls -l`";
	default:
		return "see `bpftool -f prog show`, `bpftool -f map show`";
	}
}

/*
 * Fetch what is pinned at a path. A pin does not tell what it holds, but the
 * descriptor that one gets is named after it: bpf-prog, bpf-map, bpf-link.
 */
static int get(const char *path, const char *kind)
{
	char link[64], target[64] = "";
	int fd = bpf_obj_get(path);

	if (fd < 0)
		errx(1, "%s: cannot fetch the %s: %s (%s)", path, kind,
		     strerror(errno), way_out(errno));

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, target, sizeof(target) - 1) < 0)
		err(1, "%s (is /proc mounted?)", link);
	if (!strstr(target, kind))
		errx(1, "%s: a %s is wanted, but %s is pinned there (are the arguments in order?)",
		     path, kind, target);
	return fd;
}

static int get_counters(const char *path)
{
	int map = get(path, "bpf-map");
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_map_get_info_by_fd(map, &info, &len))
		err(1, "%s: cannot ask what the map is like", path);
	/* The kernel copies as many bytes as a value has: they must fit. */
	if (info.type != BPF_MAP_TYPE_ARRAY || info.max_entries != COUNTERS ||
	    info.value_size != sizeof(struct counter))
		errx(1, "%s: map %u (%s) is not an array of counters: give the one of counter.bpf.c",
		     path, info.id, info.name);
	return map;
}

static void print_counters(const char *path, int map)
{
	struct counter c;

	for (__u32 key = 0; key < COUNTERS; key++) {
		if (bpf_map_lookup_elem(map, &key, &c))
			err(1, "%s: cannot read entry %u of the map", path, key);
		if (c.packets)
			printf("IP protocol %u: %llu packets, %llu bytes\n",
			       key, c.packets, c.bytes);
	}
}

static size_t read_packet(const char *path, unsigned char *packet, size_t size)
{
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!f)
		err(1, "%s: cannot read the packet", path);
	len = fread(packet, 1, size, f);
	if (ferror(f))
		err(1, "%s: cannot read the packet", path);
	if (!feof(f))
		errx(1, "%s: more than %zu bytes: give one frame only", path, size - 1);
	fclose(f);
	return len;
}

static void run(const char *path, int prog, const char *packet_path, int repeat)
{
	unsigned char packet[2049];
	size_t len = read_packet(packet_path, packet, sizeof(packet));
	LIBBPF_OPTS(bpf_test_run_opts, opts,
		.data_in = packet,
		.data_size_in = len,
		.repeat = repeat);

	if (bpf_prog_test_run_opts(prog, &opts))
		err(1, "%s: cannot run the program on %zu bytes of %s (an XDP program and a whole frame are wanted)",
		    path, len, packet_path);
	printf("the program returned %u (packet: %zu bytes, runs: %d)\n",
	       opts.retval, len, repeat);
}

static int parse_repeat(const char *arg)
{
	char *end;
	long n = strtol(arg, &end, 10);

	if (*end || n < 1 || n > INT_MAX)
		errx(2, "--repeat %s: give a number from 1 to %d", arg, INT_MAX);
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "repeat", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int repeat = 1;
	int opt, prog, map;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'r':
			repeat = parse_repeat(optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (argc - optind != 3) {
		fputs(usage, stderr);
		return 2;
	}

	prog = get(argv[optind], "bpf-prog");
	map = get_counters(argv[optind + 1]);
	run(argv[optind], prog, argv[optind + 2], repeat);
	print_counters(argv[optind + 1], map);
	close(map);
	close(prog);
	return 0;
}
