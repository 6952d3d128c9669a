// SPDX-License-Identifier: GPL-2.0
/*
 * A view of a cgroup: its processes, memory, processor time and pressure, in lines of `key value`.
 *
 * An iterator over cgroups. Exposed in the directory of a cgroup, it runs for that cgroup whenever
 * the file is read. What a cgroup has not, such as memory where that controller is off, has no
 * lines. The program sleeps for a moment while counters are summed up ("iter.s").
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/*
 * What is used of the kernel's own. libbpf finds the offsets, and the values of enumerators, in the
 * types of the kernel that runs; a field or a function that this kernel has not is left out below.
 */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;
struct task_struct {
	struct signal_struct *signal;
};
struct signal_struct {
	int nr_threads;
};
struct cgroup_subsys_state {
	struct cgroup *cgroup;
};
struct task_cputime {
	__u64 stime;
	__u64 utime;
	unsigned long long sum_exec_runtime;
};
struct cgroup_base_stat {
	struct task_cputime cputime;
};
struct psi_group {
	_Bool enabled;
	unsigned long avg[18];
};
struct kernfs_node {
	const char *name;
	__u64 id;
};
struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	int nr_descendants;
	struct kernfs_node *kn;
	struct cgroup_base_stat bstat;
	struct psi_group *psi;
};
/* Not declared only: libbpf would find that the kernel's functions take another type. */
struct mem_cgroup {
	struct cgroup_subsys_state css;
};
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};

#pragma clang attribute pop

struct bpf_iter_css_task {
	__u64 opaque[1];
};
enum { CSS_TASK_ITER_PROCS = 1 };
/* Only the names count. */
enum psi_states { PSI_IO_SOME, PSI_IO_FULL, PSI_MEM_SOME, PSI_MEM_FULL, PSI_CPU_SOME };
enum node_stat_item { NR_ANON_MAPPED, NR_FILE_PAGES };
enum memcg_memory_event { MEMCG_OOM_KILL };

extern int bpf_iter_css_task_new(struct bpf_iter_css_task *it, struct cgroup_subsys_state *css,
				 unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_css_task_next(struct bpf_iter_css_task *it) __ksym;
extern void bpf_iter_css_task_destroy(struct bpf_iter_css_task *it) __ksym;
extern void css_rstat_flush(struct cgroup_subsys_state *css) __weak __ksym;
extern struct mem_cgroup *bpf_get_mem_cgroup(struct cgroup_subsys_state *css) __weak __ksym;
extern void bpf_put_mem_cgroup(struct mem_cgroup *memcg) __weak __ksym;
extern void bpf_mem_cgroup_flush_stats(struct mem_cgroup *memcg) __weak __ksym;
extern unsigned long bpf_mem_cgroup_usage(struct mem_cgroup *memcg) __weak __ksym;
extern unsigned long bpf_mem_cgroup_page_state(struct mem_cgroup *memcg, int idx) __weak __ksym;
extern unsigned long bpf_mem_cgroup_memory_events(struct mem_cgroup *memcg,
						  enum memcg_memory_event event) __weak __ksym;

static void show_tasks(struct seq_file *seq, struct cgroup *cgroup)
{
	unsigned int processes = 0, threads = 0;
	struct task_struct *task;

	bpf_for_each(css_task, task, &cgroup->self, CSS_TASK_ITER_PROCS) {
		processes++;
		threads += BPF_CORE_READ(task, signal, nr_threads);
	}
	BPF_SEQ_PRINTF(seq, "processes %u\nthreads %u\n", processes, threads);
}

static void show_memory(struct seq_file *seq, struct cgroup *cgroup)
{
	struct mem_cgroup *memcg;

	if (!bpf_ksym_exists(bpf_get_mem_cgroup))
		return;
	memcg = bpf_get_mem_cgroup(&cgroup->self);
	if (!memcg)
		return;
	bpf_mem_cgroup_flush_stats(memcg);
	/* The kernel charges nothing to the root. */
	if (cgroup->level)
		BPF_SEQ_PRINTF(seq, "memory_bytes %lu\n", bpf_mem_cgroup_usage(memcg));
	BPF_SEQ_PRINTF(seq, "memory_anon_bytes %lu\nmemory_file_bytes %lu\nmemory_oom_kills %lu\n",
		       bpf_mem_cgroup_page_state(memcg, bpf_core_enum_value(enum node_stat_item,
									    NR_ANON_MAPPED)),
		       bpf_mem_cgroup_page_state(memcg, bpf_core_enum_value(enum node_stat_item,
									    NR_FILE_PAGES)),
		       bpf_mem_cgroup_memory_events(memcg, bpf_core_enum_value(enum memcg_memory_event,
									       MEMCG_OOM_KILL)));
	bpf_put_mem_cgroup(memcg);
}

/* With its descendants. Of the root, the kernel counts nothing here. */
static void show_cpu(struct seq_file *seq, struct cgroup *cgroup)
{
	if (!cgroup->level || !bpf_ksym_exists(css_rstat_flush))
		return;
	css_rstat_flush(&cgroup->self);
	BPF_SEQ_PRINTF(seq, "cpu_usec %llu\n", cgroup->bstat.cputime.sum_exec_runtime / 1000);
}

/* The kernel's averages over 10 seconds, which are fixed-point numbers of 11 bits. */
static void show_average(struct seq_file *seq, struct psi_group *psi, const char *what, int state)
{
	unsigned long average = 0;

	bpf_core_read(&average, sizeof(average), &psi->avg[3 * state]);
	BPF_SEQ_PRINTF(seq, "%s_pressure_some_avg10 %lu.%02lu\n", what, average >> 11,
		       ((average & 2047) * 100) >> 11);
}

static void show_pressure(struct seq_file *seq, struct cgroup *cgroup)
{
	struct psi_group *psi;

	/* A kernel that is built without it has an empty structure. */
	if (!bpf_core_field_exists(struct psi_group, avg))
		return;
	psi = cgroup->psi;
	/* None in the root, nor with cgroup v1 or psi=0. */
	if (!psi || !psi->enabled)
		return;
	show_average(seq, psi, "cpu", bpf_core_enum_value(enum psi_states, PSI_CPU_SOME));
	show_average(seq, psi, "memory", bpf_core_enum_value(enum psi_states, PSI_MEM_SOME));
	show_average(seq, psi, "io", bpf_core_enum_value(enum psi_states, PSI_IO_SOME));
}

SEC("iter.s/cgroup")
int cgroup_view(struct bpf_iter__cgroup *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct cgroup *cgroup = ctx->cgroup;

	/* Reading the pin ends with a call without a cgroup. */
	if (!cgroup)
		return 0;
	if (cgroup->level)
		BPF_SEQ_PRINTF(seq, "cgroup %s\n", cgroup->kn->name);
	else
		BPF_SEQ_PRINTF(seq, "cgroup /\n");
	BPF_SEQ_PRINTF(seq, "id %llu\ndescendants %d\n", cgroup->kn->id, cgroup->nr_descendants);
	show_tasks(seq, cgroup);
	show_memory(seq, cgroup);
	show_cpu(seq, cgroup);
	show_pressure(seq, cgroup);
	return 0;
}

char _license[] SEC("license") = "GPL";
