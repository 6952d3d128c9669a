// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "results.h"

static char *result;
static size_t result_size, result_len;
/* Where the line of the call at hand begins. */
static size_t result_begin;

void result_to(char *text, size_t size)
{
	result = text;
	result_size = size;
	result_len = 0;
	result_begin = 0;
}

void put(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	result_len += vsnprintf(result + result_len, result_size - result_len, fmt, args);
	va_end(args);
	if (result_len >= result_size)
		result_len = result_size - 1;
}

void put_ret(long ret)
{
	if (ret < 0)
		put("-%s", strerrorname_np(-ret) ?: "?");
	else
		put("%ld", ret);
}

void put_bytes(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t hash = 0xcbf29ce484222325;
	size_t i;

	if (len > 600) {
		for (i = 0; i < len; i++)
			hash = (hash ^ p[i]) * 0x100000001b3;
		put(" %zu bytes:%016lx", len, hash);
		return;
	}
	put(" \"");
	for (i = 0; i < len; i++) {
		if (p[i] == '"' || p[i] == '\\')
			put("\\%c", p[i]);
		else
			put(isprint(p[i]) ? "%c" : "\\x%02x", p[i]);
	}
	put("\"");
}

static struct {
	uint64_t a, b;
	unsigned int nr;
} seen[4096];
static unsigned int seen_cnt, seen_nr;

unsigned int nth(uint64_t a, uint64_t b)
{
	unsigned int i;

	for (i = 0; i < seen_cnt && (seen[i].a != a || seen[i].b != b); i++)
		;
	if (i == ARRAY_SIZE(seen))
		return UINT_MAX;
	if (i == seen_cnt) {
		seen[i].a = a;
		seen[i].b = b;
		seen[i].nr = seen_nr++;
		seen_cnt++;
	}
	return seen[i].nr;
}

void nth_forget(bool (*gone)(uint64_t a))
{
	unsigned int i, kept = 0;

	for (i = 0; i < seen_cnt; i++) {
		if (!gone(seen[i].a))
			seen[kept++] = seen[i];
	}
	seen_cnt = kept;
}

void put_inode(dev_t dev, ino_t ino)
{
	/* Inode 1 is a root. */
	put(" ino=%s%u dev=%u", ino == 1 ? "root" : "", nth(dev, ino), nth(dev, -1));
}

void put_time(const char *name, int64_t sec, uint32_t nsec)
{
	if (llabs(sec - time(NULL)) > 24 * 60 * 60)
		put(" %s=%ld.%u", name, (long)sec, nsec);
	else
		put(" %s=now", name);
}

void put_fd(const struct arg *slot, long fd)
{
	if (fd < 0) {
		put_ret(fd);
		return;
	}
	put("fd%s", fcntl(fd, F_GETFD) & FD_CLOEXEC ? "" : " inherited");
	dup3(fd, slot->num, O_CLOEXEC);
	close(fd);
}

void put_read(const unsigned char *buf, size_t size, long ret)
{
	size_t i;

	put_ret(ret);
	if (ret >= 0) {
		if (size)
			put_bytes(buf, ret < size ? ret : size);
		return;
	}
	for (i = 0; i < size && i < MAX_BUF && buf[i] == 0xaa; i++)
		;
	if (i < size && i < MAX_BUF)
		put(" dirty");
}

void result_end(void)
{
	size_t i;

	for (i = result_begin; i < result_len; i++) {
		if (result[i] == '\n')
			result[i] = ' ';
	}
	put("\n");
	result_begin = result_len;
}
