// SPDX-License-Identifier: GPL-2.0
/* Programs that attach by themselves, to places that are quiet: autoattach. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp/task_rename")
int renamed(void *ctx)
{
	return 0;
}

SEC("tp/sched/sched_process_exit")
int ended(void *ctx)
{
	return 0;
}

SEC("kprobe/bpf_prog_put")
int put(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
