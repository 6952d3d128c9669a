/* SPDX-License-Identifier: GPL-2.0 */
/* Slab caches of the kernel: how many inodes, mounts and the like there are. */
#ifndef SELFTEST_SLAB_H
#define SELFTEST_SLAB_H

/* The number of objects of the cache that are in use; -1 if there is no such cache. */
long slab_objects(const char *cache);
/* The same, as soon as the number has stopped changing: what ended before may be freed late. */
long slab_settled(const char *cache);
/* 0 as soon as so many are in use as before; 1, which is printed, if that does not come about. */
int slab_check(const char *cache, long before);

#endif /* SELFTEST_SLAB_H */
