/* SPDX-License-Identifier: GPL-2.0 */
/* What counter.bpf.c and the programs that read its map agree on. */
#ifndef COUNTER_H
#define COUNTER_H

#include <linux/types.h>

/* One counter for each IP protocol number; the number is the key. */
#define COUNTERS 256

struct counter {
	__u64 packets;
	__u64 bytes;
};

#endif /* COUNTER_H */
