/* SPDX-License-Identifier: GPL-2.0 */
/* Programs of tests: fixtures for the file systems under test, loading of the module. */
#ifndef NOTEFS_SELFTEST_HARNESS_H
#define NOTEFS_SELFTEST_HARNESS_H

#include "harness.h"
#include "module_main.h"
#include "notefs.h"

#define NOTEFS_VARIANT(name)							\
	FIXTURE_VARIANT_ADD(name, notefs) { .type = NOTEFS };
#define TMPFS_VARIANT(name)							\
	FIXTURE_VARIANT_ADD(name, tmpfs) { .type = "tmpfs" };

#define NOTEFS_FIXTURE_OF(name, variants)					\
	FIXTURE(name) { };							\
	FIXTURE_VARIANT(name) { const char *type; };				\
	variants								\
	FIXTURE_SETUP(name)							\
	{									\
		ASSERT_EQ(0, kind_use(variant->type));				\
		ASSERT_EQ(0, mount_notes(M, "size=1m"));			\
	}									\
	FIXTURE_TEARDOWN(name) { }

/* A fixture whose tests run on both; one for what notefs alone has. */
#define NOTEFS_FIXTURE(name)							\
	NOTEFS_FIXTURE_OF(name, TMPFS_VARIANT(name) NOTEFS_VARIANT(name))
#define NOTEFS_ONLY_FIXTURE(name)						\
	NOTEFS_FIXTURE_OF(name, NOTEFS_VARIANT(name))

static void keep_variant(struct __fixture_metadata *f, struct __fixture_variant_metadata *v)
{
	__LIST_APPEND(f->variant, v);
}

/*
 * Removes the variants that are not wanted; a fixture without any would be run without
 * one, so its tests go, too. Returns how many are left, and in @modules how many of them
 * need the module.
 */
static unsigned int keep_variants(const char *type, unsigned int *modules)
{
	struct __fixture_variant_metadata *v, *next;
	struct __fixture_metadata *f;
	unsigned int cnt = 0;

	for (f = __fixture_list; f; f = f->next) {
		v = f->variant;
		f->variant = NULL;
		for (; v; v = next) {
			next = v->next;
			if (type && strcmp(v->name, type))
				continue;
			v->next = NULL;
			v->prev = v;
			keep_variant(f, v);
			cnt++;
			*modules += !strcmp(v->name, NOTEFS);
		}
		if (!f->variant)
			f->tests = NULL;
	}
	return cnt;
}

/*
 * The whole program: keeps the variants that NOTEFS_TYPE asks for, loads the module if
 * @load and one of them needs it, calls @run, and unloads the module in the end. Where the
 * tests load the module themselves it is not there at first.
 */
static int notefs_main(int argc, char **argv, int (*run)(int argc, char **argv), bool load)
{
	const char *type = getenv("NOTEFS_TYPE");
	unsigned int modules = 0;

	if (geteuid()) {
		fprintf(stderr, "%s: needs root\n", argv[0]);
		return KSFT_FAIL;
	}
	if (!keep_variants(type, &modules)) {
		fprintf(stderr, "%s: has no test for NOTEFS_TYPE=%s\n", argv[0], type);
		return KSFT_FAIL;
	}
	if (modules)
		return module_main(argc, argv, run, load);
	return run(argc, argv);
}

#define NOTEFS_TEST_MAIN							\
	int main(int argc, char **argv)						\
	{									\
		return notefs_main(argc, argv, run_all_guarded, true);		\
	}

#endif /* NOTEFS_SELFTEST_HARNESS_H */
