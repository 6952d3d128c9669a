// SPDX-License-Identifier: GPL-2.0
/* What differs from run to run in the output of clients, see normalise.h. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest.h"
#include "normalise.h"

enum class { ID, TIME, INODE, DEVICE, CLASSES };

static const struct {
	const char *name;
	/*
	 * Numbered in the order in which they come, so that same and other ones
	 * can still be told apart. Not ids: maps, programs and links count on
	 * their own, and which number belongs to which is not known here.
	 */
	bool numbered;
} classes[CLASSES] = {
	[ID]     = { "ID" },
	[TIME]   = { "TIME" },
	[INODE]  = { "INODE", true },
	[DEVICE] = { "DEVICE", true },
};

/* One group of each pattern is replaced, wherever it matches. */
static const struct {
	enum class class;
	const char *pattern;
	unsigned int group;	/* 1 if not given */
} patterns[] = {
	/* bpftool */
	{ ID, "^([0-9]+): [a-z_]+ " },
	{ ID, "\\<(map_ids|btf_id|map_id|prog_id|link_id|prog|map|id) ([0-9]+[0-9,]*)", 2 },
	{ ID, "\"(id|btf_id|map_id|inner_map_id|prog_id|link_id)\": ?([0-9]+)", 2 },
	{ ID, "\"map_ids\": ?\\[([0-9,]+)\\]" },
	{ ID, "^([0-9]+ +)cgroup_" },
	{ ID, "map\\[id:([0-9]+)" },
	{ TIME, "duration \\(average\\): ([0-9]+)ns" },
	{ TIME, "loaded_at ([^ ]+)" },
	{ TIME, "\"loaded_at\": ?([0-9]+)" },
	/* ip, tc */
	{ TIME, "load_time\"?[ :]([0-9]+)" },
	/* ls -i, tree --inodes */
	{ INODE, "^( *[0-9]+) [-dl][-rwxsStT]{9}" },
	{ INODE, "\\[( *[0-9]+) [-dl][-rwxsStT]{9}" },
	/* ls -l, find -ls; others. What is set on purpose is of 2020, to be compared. */
	{ TIME, "(20(2[1-9]|[3-9][0-9])-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9:.]+)" },
	{ TIME, "([A-Z][a-z][a-z] [ 0-9][0-9]  ?[0-9][0-9:]+)" },
	/* Our own formats: stat -c 'inode %i device %d'. */
	{ INODE, "inode ([0-9]+)" },
	{ DEVICE, "device ([0-9]+)" },
	{ TIME, "time ([0-9.]+)" },
};

static regex_t compiled[ARRAY_SIZE(patterns)];

static void compile(void)
{
	static bool done;
	unsigned int i;

	for (i = 0; !done && i < ARRAY_SIZE(patterns); i++) {
		if (regcomp(&compiled[i], patterns[i].pattern, REG_EXTENDED))
			ksft_exit_fail_msg("bad pattern %s\n", patterns[i].pattern);
	}
	done = true;
}

/* The values of a numbered class, in the order in which they came. */
struct seen {
	char *value[512];
	unsigned int cnt;
};

static unsigned int number(struct seen *seen, const char *value, size_t len)
{
	unsigned int i, blanks = strspn(value, " ");

	value += blanks;
	len -= blanks;
	for (i = 0; i < seen->cnt; i++) {
		if (strlen(seen->value[i]) == len && !memcmp(seen->value[i], value, len))
			return i + 1;
	}
	if (seen->cnt == ARRAY_SIZE(seen->value))
		ksft_exit_fail_msg("too many numbers in the output of a scenario\n");
	seen->value[seen->cnt++] = strndup(value, len);
	return seen->cnt;
}

/* The line with all matches of a pattern replaced; frees @line. */
static char *apply(unsigned int which, char *line, struct seen *seen)
{
	enum class class = patterns[which].class;
	const regex_t *regex = &compiled[which];
	const char *rest = line;
	regmatch_t m[4];
	size_t len;
	char *text;
	FILE *out;

	if (regexec(regex, line, ARRAY_SIZE(m), m, 0))
		return line;
	out = open_memstream(&text, &len);
	if (!out)
		return line;
	do {
		const regmatch_t *value = &m[patterns[which].group ?: 1];

		fprintf(out, "%.*s<%s", (int)value->rm_so, rest, classes[class].name);
		if (classes[class].numbered)
			fprintf(out, " %u", number(&seen[class], rest + value->rm_so,
						   value->rm_eo - value->rm_so));
		fputc('>', out);
		rest += value->rm_eo;
	} while (!regexec(regex, rest, ARRAY_SIZE(m), m, REG_NOTBOL));
	fputs(rest, out);
	fclose(out);
	free(line);
	return text;
}

char *normalise(const char *text)
{
	struct seen seen[CLASSES] = {};
	unsigned int i, j;
	char *result;
	size_t len;
	FILE *out;

	compile();
	out = open_memstream(&result, &len);
	if (!out)
		return NULL;
	while (*text) {
		size_t end = strcspn(text, "\n");
		char *line = strndup(text, end);

		for (i = 0; line && i < ARRAY_SIZE(patterns); i++)
			line = apply(i, line, seen);
		fprintf(out, "%s\n", line ?: "");
		free(line);
		text += end + (text[end] == '\n');
	}
	fclose(out);
	for (i = 0; i < CLASSES; i++) {
		for (j = 0; j < seen[i].cnt; j++)
			free(seen[i].value[j]);
	}
	return result;
}
