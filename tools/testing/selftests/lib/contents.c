// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "contents.h"

struct stat stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		memset(&st, 0, sizeof(st));
	return st;
}

off_t size_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -errno : st.st_size;
}

int rename2(const char *from, const char *to, unsigned int flags)
{
	return sys(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
}

ssize_t write_all(int fd, const void *buf, size_t size)
{
	size_t done = 0;
	ssize_t ret;

	while (done < size) {
		ret = sys(write(fd, buf + done, size - done));
		if (ret <= 0)
			return ret ?: -EIO;
		done += ret;
	}
	return done;
}

ssize_t read_all(int fd, void *buf, size_t size)
{
	size_t done = 0;
	ssize_t ret;

	while (done < size && (ret = sys(read(fd, buf + done, size - done)))) {
		if (ret < 0)
			return ret;
		done += ret;
	}
	return done;
}

int put(const char *path, const void *data, size_t size)
{
	int fd = sys(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
	ssize_t ret;

	if (fd < 0)
		return fd;
	ret = write_all(fd, data, size);
	close(fd);
	return ret < 0 ? ret : 0;
}

bool is_content(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf = malloc(size + 1);
	bool same = fd >= 0 && buf && read_all(fd, buf, size + 1) == size &&
		    !memcmp(buf, data, size) && size_of(path) == size;

	free(buf);
	close(fd);
	return same;
}
