// SPDX-License-Identifier: GPL-2.0
/*
 * Expose a pinned object outside of the BPF file system: make a file of it in a directory of a
 * cgroup or of sysfs, by BPF_OBJ_GET and BPF_OBJ_PIN. Remove such a file again.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

static const char usage[] =
	"Usage: bpffs-expose-c PIN FILE\n"
	"       bpffs-expose-c --remove FILE\n"
	"Expose the object that is pinned to PIN as FILE, or remove FILE again.\n"
	"\n"
	"  PIN     path of the pin, such as /sys/fs/bpf/view\n"
	"  FILE    path in a directory of a cgroup or of sysfs, with a name that begins with\n"
	"          bpf., such as /sys/fs/cgroup/app/bpf.view\n"
	"\n"
	"All files of an object go with its last pin: `rm PIN`.\n";

static const char *get_way_out(int error)
{
	switch (error) {
	case ENOENT:
		return "is it pinned there, and the bpf file system mounted? see `findmnt -t bpf`";
	case EACCES:
		return "not a pin on a bpf file system, or not yours? see `findmnt -t bpf`, `ls -l`";
	default:
		return "see `ls -l`";
	}
}

static const char *expose_way_out(int error)
{
	switch (error) {
	case ENOENT:
		return "no such directory, or it is being removed? see `ls -d`";
	case EEXIST:
		return "it is exposed already, or remove the file first: bpffs-expose-c --remove";
	case EACCES:
		return "no permission to write to the directory? see `ls -ld`";
	case EPERM:
		return "a name that does not begin with `bpf.`, a directory of another file system (see "
		       "`findmnt -T`), no CAP_BPF, or is the pin not in a bpf file system of bpffs (see "
		       "`getfattr -n bpf.type PIN`)?";
	default:
		return "see `findmnt -T`, `ls -ld`";
	}
}

static int expose(const char *pin, const char *file)
{
	int fd = bpf_obj_get(pin);

	if (fd < 0)
		errx(1, "%s: cannot fetch what is pinned: %s (%s)", pin, strerror(errno), get_way_out(errno));
	if (bpf_obj_pin(fd, file))
		errx(1, "%s: cannot expose %s: %s (%s)", file, pin, strerror(errno), expose_way_out(errno));
	close(fd);
	return 0;
}

static int remove_file(const char *file)
{
	static const char command[] = "remove";
	const char *name = strrchr(file, '/');
	struct statfs fs;
	struct stat st;
	int fd;

	if (statfs(file, &fs) || lstat(file, &st))
		err(1, "%s", file);
	/* What is written is a command to such a file, and would be data to another. */
	if (strncmp(name ? name + 1 : file, "bpf.", 4) || !S_ISREG(st.st_mode) ||
	    (fs.f_type != CGROUP2_SUPER_MAGIC && fs.f_type != CGROUP_SUPER_MAGIC &&
	     fs.f_type != SYSFS_MAGIC))
		errx(1, "%s: is not an exposed file: see `findmnt -T`", file);
	/* Such a file is read-only until its owner says otherwise; in sysfs to root, too. */
	if (chmod(file, (st.st_mode & 07777) | S_IWUSR))
		err(1, "%s: cannot make it writable (not yours? see `ls -l`)", file);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, command, strlen(command)) < 0)
		err(1, "%s: cannot remove it (neither yours nor CAP_BPF? see `ls -l`)", file);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc != 3) {
		fputs(usage, stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--remove"))
		return remove_file(argv[2]);
	return expose(argv[1], argv[2]);
}
