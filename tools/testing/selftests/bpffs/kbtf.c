// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kbtf.h"
#include "progs.h"

static struct btf *kernel;
static char *symbols;

void kernel_btf_prepare(void)
{
	FILE *in = fopen("/proc/kallsyms", "r");
	size_t size = 0, btf_size = 0;
	const void *data = kernel_btf_data(&btf_size);

	kernel = btf__new(data, btf_size);
	if (in)
		setvbuf(in, NULL, _IOFBF, 1 << 16);
	if (!kernel || !in || getdelim(&symbols, &size, '\0', in) <= 0) {
		fprintf(stderr, "no BTF or no symbols of the kernel: %s\n", strerror(errno));
		exit(1);
	}
	fclose(in);
}

const struct btf *kernel_btf(void)
{
	return kernel;
}

bool kernel_has(const char *symbol)
{
	const char *at = symbols;
	size_t len = strlen(symbol);

	/* Lines of an address, a letter, the name, and the module if there is one. */
	while ((at = strstr(at, symbol))) {
		if (at[-1] == ' ' && (at[len] == '\n' || at[len] == '\t'))
			return true;
		at += len;
	}
	return false;
}

int kernel_btf_id(const char *name, unsigned int kind)
{
	return btf__find_by_name_kind(kernel_btf(), name, kind);
}

int kernel_btf_enum(const char *enumeration, const char *constant)
{
	const struct btf *btf = kernel_btf();
	int id = kernel_btf_id(enumeration, BTF_KIND_ENUM), i;
	const struct btf_type *type;

	if (id < 0)
		return id;
	type = btf__type_by_id(btf, id);
	for (i = 0; i < btf_vlen(type); i++) {
		const struct btf_enum *e = btf_enum(type) + i;

		if (!strcmp(btf__name_by_offset(btf, e->name_off), constant))
			return e->val;
	}
	return -ENOENT;
}

int btf_load(struct btf *btf)
{
	int err = btf__load_into_kernel(btf), fd;

	fd = err ? err : dup(btf__fd(btf));
	btf__free(btf);
	return fd;
}
