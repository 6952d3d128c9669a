// SPDX-License-Identifier: GPL-2.0
/*
 * Print what pins and directories of the BPF file system say they are: their
 * extended attributes bpf.*. Reading them takes no bpf(2), only the right to
 * read the file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

/* Not listed by listxattr(2), so one has to know them. */
static const char *const names[] = {
	"bpf.type", "bpf.id", "bpf.name", "bpf.tag", "bpf.attached", "bpf.instance", "bpf.exposed",
};

static int print_attributes(const char *path)
{
	/* There is no NUL at the end of a value. */
	char value[256];

	puts(path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t len = getxattr(path, names[i], value, sizeof(value));

		if (len >= 0) {
			printf("  %-12s %.*s\n", names[i], (int)len, value);
		} else if (errno == EOPNOTSUPP) {
			fprintf(stderr, "%s: not on a bpf file system of bpffs: see `findmnt -T`\n",
				path);
			return 1;
		} else if (errno != ENODATA) {
			fprintf(stderr, "%s: cannot read %s: %s\n", path, names[i],
				strerror(errno));
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;

	if (argc < 2 || !strcmp(argv[1], "--help")) {
		fputs("Usage: whatis-c PATH...\n"
		      "Print what pins and directories of a BPF file system are.\n",
		      argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	for (int i = 1; i < argc; i++)
		status |= print_attributes(argv[i]);
	return status;
}
