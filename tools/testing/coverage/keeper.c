// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps what LLVM's instrumentation has counted in modules that go, for make coverage.
 *
 * Such a module has begin.o before and end.o behind all else, so that the symbols of these two
 * tell where its counters are, and what belongs to them. When the module goes, the counters are
 * added to those of earlier loads. They are in debugfs, as coverage/MODULE: a struct head, and what
 * the struct tells the sizes of.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

/* Where a section begins and ends. */
struct section {
	const char *begin, *end;
};

struct head {
	/* In bytes, in the order in which they follow. */
	u64 data, counters, names;
	/* From the data's place in memory to that of the counters, from which what is in the data counts. */
	s64 distance;
};

struct kept {
	struct list_head list;
	struct debugfs_blob_wrapper blob;
	char name[MODULE_NAME_LEN];
};

static LIST_HEAD(all);
static DEFINE_MUTEX(lock);
static struct dentry *directory;

static const char *symbol(struct module *mod, const char *name)
{
	const struct mod_kallsyms *kallsyms;
	unsigned int i;

	guard(rcu)();
	kallsyms = rcu_dereference(mod->kallsyms);
	for (i = 0; i < kallsyms->num_symtab; i++) {
		const Elf_Sym *sym = &kallsyms->symtab[i];

		if (sym->st_shndx != SHN_UNDEF && !strcmp(kallsyms->strtab + sym->st_name, name))
			return (const char *)sym->st_value;
	}
	return NULL;
}

/* Returns whether the module has such a section. */
static bool find(struct module *mod, const char *name, struct section *section)
{
	char begin[64], end[64];

	snprintf(begin, sizeof(begin), "coverage_%s_begin", name);
	snprintf(end, sizeof(end), "coverage_%s_end", name);
	section->begin = symbol(mod, begin);
	section->end = symbol(mod, end);
	return section->begin && section->end;
}

static size_t size(const struct section *section)
{
	return section->end - section->begin;
}

static struct kept *kept_of(const char *name)
{
	struct kept *kept;

	list_for_each_entry(kept, &all, list) {
		if (!strcmp(kept->name, name))
			return kept;
	}
	return NULL;
}

static void keep(const char *name, const struct section *data, const struct section *counters,
		 const struct section *names)
{
	struct head head = {
		.data = size(data),
		.counters = size(counters),
		.names = size(names),
		.distance = counters->begin - data->begin,
	};
	struct kept *kept = kept_of(name);
	u64 *sums;
	size_t i;

	if (!kept) {
		kept = kzalloc(sizeof(*kept), GFP_KERNEL);
		if (!kept)
			goto no_memory;
		kept->blob.size = sizeof(head) + head.data + head.counters + head.names;
		kept->blob.data = vzalloc(kept->blob.size);
		if (!kept->blob.data)
			goto no_memory;
		strscpy(kept->name, name);
		memcpy(kept->blob.data, &head, sizeof(head));
		memcpy(kept->blob.data + sizeof(head), data->begin, head.data);
		memcpy(kept->blob.data + sizeof(head) + head.data + head.counters, names->begin, head.names);
		list_add(&kept->list, &all);
		debugfs_create_blob(kept->name, 0400, directory, &kept->blob);
	} else if (memcmp(kept->blob.data, &head, sizeof(head))) {
		pr_err("coverage: this is not the %s of before\n", name);
		return;
	}
	sums = kept->blob.data + sizeof(head) + head.data;
	for (i = 0; i < head.counters / sizeof(*sums); i++)
		sums[i] += ((const u64 *)counters->begin)[i];
	return;

no_memory:
	kfree(kept);
	pr_err("coverage: no memory for what %s counted\n", name);
}

static int module_changed(struct notifier_block *block, unsigned long state, void *arg)
{
	struct section data, counters, names;
	struct module *mod = arg;

	if (state == MODULE_STATE_GOING && find(mod, "data", &data) &&
	    find(mod, "counters", &counters) && find(mod, "names", &names)) {
		guard(mutex)(&lock);
		keep(mod->name, &data, &counters, &names);
	}
	return NOTIFY_OK;
}

static struct notifier_block block = { .notifier_call = module_changed };

static int __init keeper_init(void)
{
	int err;

	directory = debugfs_create_dir("coverage", NULL);
	err = register_module_notifier(&block);
	if (err)
		debugfs_remove(directory);
	return err;
}

static void __exit keeper_exit(void)
{
	struct kept *kept, *next;

	unregister_module_notifier(&block);
	debugfs_remove(directory);
	list_for_each_entry_safe(kept, next, &all, list) {
		vfree(kept->blob.data);
		kfree(kept);
	}
}

module_init(keeper_init);
module_exit(keeper_exit);
MODULE_DESCRIPTION("Keeps coverage of modules that go");
MODULE_LICENSE("GPL");
