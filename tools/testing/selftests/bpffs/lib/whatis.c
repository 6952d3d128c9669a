// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "bpf_mount.h"
#include "implementation.h"
#include "whatis.h"

#define SIZE 1024

bool mounts_are_ours(void)
{
	return impl_rust() && !getenv(CONTEXTS);
}

const char *on_ours(const char *value)
{
	return mounts_are_ours() ? value : "EOPNOTSUPP";
}

long on_ours_ret(long ret)
{
	return mounts_are_ours() ? ret : -EOPNOTSUPP;
}

static char *buffer(void)
{
	static char buffers[4][SIZE];
	static unsigned int next;

	return buffers[next++ % 4];
}

const char *attribute(const char *path, const char *name)
{
	char *value = buffer();
	ssize_t len = lgetxattr(path, name, value, SIZE - 1);

	if (len < 0)
		return strerrorname_np(errno);
	value[len] = '\0';
	return value;
}

const char *type_text(const char *kind, const char *prefix, const char *constant)
{
	char *text = buffer(), *c;

	snprintf(text, SIZE, "%s:%s", kind, constant + strlen(prefix));
	for (c = text; *c; c++)
		*c = tolower(*c);
	return text;
}

const char *number_text(long number)
{
	char *text = buffer();

	snprintf(text, SIZE, "%ld", number);
	return text;
}
