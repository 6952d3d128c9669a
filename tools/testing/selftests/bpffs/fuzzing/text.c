// SPDX-License-Identifier: GPL-2.0
/* From the text of a call to its arguments, see fuzz.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fuzz.h"

#define PAGE 4096ul

/* An area for each argument and one for text_buffer(), with a gap after each. */
static char *areas;
#define AREA_SIZE (MAX_BUF + PAGE)

const char *const fixed_names[FIXED_CNT] = {
	"map", "prog", "link", "btf", "typed", "iter", "array", "file", "dir",
	"socket", "pipe", "closed", "inotify",
};

int text_init(void)
{
	unsigned int i;

	areas = mmap(NULL, (MAX_ARGS + 1) * AREA_SIZE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (areas == MAP_FAILED)
		return -errno;
	for (i = 0; i <= MAX_ARGS; i++) {
		if (mprotect(areas + i * AREA_SIZE, MAX_BUF, PROT_READ | PROT_WRITE))
			return -errno;
	}
	return 0;
}

static char *area_end(unsigned int i)
{
	return areas + i * AREA_SIZE + MAX_BUF;
}

void *text_buffer(size_t size)
{
	if (size > MAX_BUF)
		size = MAX_BUF;
	return memset(area_end(MAX_ARGS) - size, 0xaa, size);
}

/* A character within quotes; -1 at the end. */
static int character(const char **text)
{
	const char *p = *text;
	char hex[3] = "";

	if (!*p || *p == '"')
		return -1;
	if (*p != '\\') {
		*text += 1;
		return (unsigned char)*p;
	}
	if (p[1] == 'x' && isxdigit(p[2]) && isxdigit(p[3])) {
		memcpy(hex, p + 2, 2);
		*text += 4;
		return strtoul(hex, NULL, 16);
	}
	if (!p[1])
		return -1;
	*text += 2;
	return p[1] == 'n' ? '\n' : (unsigned char)p[1];
}

/* Bytes in quotes, to @to if that is not NULL; their number, or -1. */
static long bytes(const char **text, char *to)
{
	size_t len = 0;

	while (**text == '"') {
		size_t begin = len, part;
		unsigned long n = 1;
		int c;

		++*text;
		while ((c = character(text)) >= 0) {
			if (to)
				to[len] = c;
			if (++len > MAX_BUF)
				return -1;
		}
		if (*(*text)++ != '"')
			return -1;
		if (**text == '*')
			n = strtoul(*text + 1, (char **)text, 10);
		part = len - begin;
		if (n > MAX_BUF || begin + part * n >= MAX_BUF)
			return -1;
		for (len = begin; n; n--, len += part) {
			if (to && len != begin)
				memcpy(to + len, to + begin, part);
		}
	}
	return len;
}

static bool word(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len))
		return false;
	*text += len;
	return true;
}

static bool string_arg(const char **text, struct arg *arg, unsigned int i)
{
	bool end = word(text, "end:"), cross = !end && word(text, "cross:");
	const char *look = *text;
	long len = bytes(&look, NULL);
	char *at;

	if (len < 0)
		return false;
	at = area_end(i) - len - !end;
	/* Half of it before the last boundary that there is. */
	if (cross)
		at = area_end(i) - (len / 2 < PAGE ? PAGE : (len / PAGE + 1) * PAGE) - len / 2;
	if (!end)
		at[len] = '\0';
	arg->ptr = at;
	arg->len = len;
	bytes(text, at);
	return true;
}

static bool fd_arg(const char **text, struct arg *arg)
{
	unsigned int i;

	for (i = 0; i < FIXED_CNT; i++) {
		const char *look = *text + 1;

		if (**text == '@' && word(&look, fixed_names[i]) && !isalpha(*look)) {
			arg->num = FIXED_FD + i;
			*text = look;
			return true;
		}
	}
	if (**text != 'f' || !isdigit((*text)[1]))
		return false;
	arg->num = SLOT_FD + strtoul(*text + 1, (char **)text, 10) % SLOTS;
	return true;
}

static bool one_arg(const char **text, struct arg *arg, unsigned int i)
{
	char *end;

	memset(arg, 0, sizeof(*arg));
	if (**text == '"' || !strncmp(*text, "end:", 4) || !strncmp(*text, "cross:", 6))
		return string_arg(text, arg, i);
	if (fd_arg(text, arg))
		return true;
	if (word(text, "null"))
		return true;
	if (word(text, "bad")) {
		arg->ptr = area_end(i);
		return true;
	}
	if (word(text, "kernel")) {
		arg->ptr = (void *)0xffffffff81000000;
		return true;
	}
	if (word(text, "cwd")) {
		arg->num = AT_FDCWD;
		return true;
	}
	arg->num = **text == '-' ? strtol(*text, &end, 0) : (long)strtoul(*text, &end, 0);
	if (end == *text)
		return false;
	*text = end;
	return true;
}

int text_args(const char *text, struct arg *args)
{
	int n;

	for (n = 0; *(text += strspn(text, " ")); n++) {
		if (n == MAX_ARGS || !one_arg(&text, &args[n], n) || (*text && *text != ' '))
			return -EINVAL;
	}
	return n;
}
