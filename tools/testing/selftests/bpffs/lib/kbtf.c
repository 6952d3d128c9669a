// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kbtf.h"
#include "progs.h"

static struct btf *kernel;

void kernel_btf_prepare(void)
{
	size_t size = 0;
	const void *data = kernel_btf_data(&size);

	kernel = btf__new(data, size);
	if (!kernel) {
		fprintf(stderr, "no BTF of the kernel: %s\n", strerror(errno));
		exit(1);
	}
}

const struct btf *kernel_btf(void)
{
	return kernel;
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

/* The same in bits. Members of a member without a name are the structure's own. */
static int offset_in(int id, const char *name)
{
	const struct btf *btf = kernel_btf();
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct btf_member *m = btf_members(type);
	int i, in;

	if (!btf_is_composite(type))
		return -ENOENT;
	for (i = 0; i < btf_vlen(type); i++) {
		const char *member = btf__name_by_offset(btf, m[i].name_off);

		if (!strcmp(member, name))
			return btf_member_bit_offset(type, i);
		in = *member ? -ENOENT : offset_in(m[i].type, name);
		if (in >= 0)
			return in + btf_member_bit_offset(type, i);
	}
	return -ENOENT;
}

int kernel_btf_offset(const char *structure, const char *member)
{
	int id = kernel_btf_id(structure, BTF_KIND_STRUCT), bits = id < 0 ? id : offset_in(id, member);

	return bits < 0 ? bits : bits / 8;
}

int btf_load(struct btf *btf)
{
	int err = btf__load_into_kernel(btf), fd;

	fd = err ? err : dup(btf__fd(btf));
	btf__free(btf);
	return fd;
}
