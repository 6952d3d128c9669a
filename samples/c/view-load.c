// SPDX-License-Identifier: GPL-2.0
/*
 * Load a view of cgroups, an iterator that is to run for one cgroup, and pin its link. What is
 * pinned can be exposed in the directory of any cgroup, see bpffs-expose.c.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static const char usage[] =
	"Usage: view-load-c OBJECT PIN\n"
	"Load the iterator over cgroups that OBJECT has, and pin its link to PIN.\n"
	"\n"
	"  OBJECT    file with one program of SEC(\"iter/cgroup\") or SEC(\"iter.s/cgroup\")\n"
	"  PIN       path on a bpf file system, such as /sys/fs/bpf/view\n"
	"\n"
	"`cat PIN` runs the view for the root cgroup, `rm PIN` unloads it.\n";

static const char *way_out(int error)
{
	switch (error) {
	case ENOENT:
		return "no such directory: create it, or is no bpf file system mounted? see `findmnt -t bpf`";
	case EEXIST:
		return "choose another path, or remove this one first";
	case EINVAL:
	case EPERM:
		return "not on a bpf file system, or a dot in the name? see `findmnt -t bpf`";
	case EACCES:
		return "no permission to write to the directory? see `ls -ld`";
	default:
		return "see `findmnt -t bpf`";
	}
}

int main(int argc, char **argv)
{
	/* Once, for one cgroup. The cgroup is the root as long as none is named. */
	union bpf_iter_link_info once = { .cgroup = { .order = BPF_CGROUP_ITER_SELF_ONLY } };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &once, .link_info_len = sizeof(once));
	struct bpf_program *view;
	struct bpf_object *object;
	struct bpf_link *link;

	if (argc != 3) {
		int help = argc == 2 && !strcmp(argv[1], "--help");

		fputs(usage, help ? stdout : stderr);
		return help ? 0 : 2;
	}
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		errx(1, "%s: cannot read the object (does libbpf say above why? was it built by clang -target bpf -g?)",
		     argv[1]);
	view = bpf_object__next_program(object, NULL);
	if (!view || bpf_object__next_program(object, view) ||
	    bpf_program__expected_attach_type(view) != BPF_TRACE_ITER)
		errx(1, "%s: give an object that has one program, an iterator over cgroups", argv[1]);
	if (bpf_object__load(object))
		err(1, "%s: cannot load the program (not root, or does the verifier say above why?)", argv[1]);

	link = bpf_program__attach_iter(view, &opts);
	if (!link)
		err(1, "%s: cannot make a link (does the program iterate over something else?)", argv[1]);
	if (bpf_link__pin(link, argv[2]))
		errx(1, "%s: cannot pin the view: %s (%s)", argv[2], strerror(errno), way_out(errno));
	printf("the view %s is pinned to %s\n", bpf_program__name(view), argv[2]);
	bpf_link__destroy(link);
	bpf_object__close(object);
	return 0;
}
