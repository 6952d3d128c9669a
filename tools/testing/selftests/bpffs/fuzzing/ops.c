// SPDX-License-Identifier: GPL-2.0
/* All calls that a sequence may have, and how one is made. */
#include <string.h>

#include "fuzz.h"
#include "results.h"

/* A seed gives the same sequence as long as neither the groups nor their calls change places. */
static const struct op *const groups[] = {
	bpf_ops, mount_ops, process_ops, name_ops, attribute_ops, xattr_ops, open_file_ops,
	event_ops, tree_ops,
};

const struct op *op_nth(unsigned int n)
{
	const struct op *op;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		for (op = groups[i]; op->name; op++) {
			if (!n--)
				return op;
		}
	}
	return NULL;
}

unsigned int op_number(const struct op *op)
{
	unsigned int n = 0;

	while (op_nth(n) != op)
		n++;
	return n;
}

const struct op *op_find(const char *line)
{
	size_t len = strcspn(line, " ");
	const struct op *op;
	unsigned int n;

	for (n = 0; (op = op_nth(n)); n++) {
		if (!strncmp(op->name, line, len) && !op->name[len])
			return op;
	}
	return NULL;
}

static int words(const char *text)
{
	int n = 0;

	for (; *(text += strspn(text, " ")); text += strcspn(text, " "))
		n++;
	return n;
}

bool op_run(const char *line)
{
	const struct op *op = op_find(line);
	struct arg args[MAX_ARGS];

	if (!op || text_args(line + strlen(op->name), args) != words(op->params))
		return false;
	op->run(args);
	result_end();
	return true;
}
