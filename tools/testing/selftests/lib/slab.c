// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "slab.h"
#include "subject.h"
#include "wait.h"

long slab_objects(const char *cache)
{
	char path[128], line[512], name[64];
	long objects = -1, n;
	FILE *file;

	/* KASAN keeps what was freed until the cache is shrunk. */
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	write_file(path, "1");
	file = fopen("/proc/slabinfo", "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld", name, &n) == 2 && !strcmp(name, cache))
			objects = n;
	}
	if (file)
		fclose(file);
	return objects;
}

long slab_settled(const char *cache)
{
	long last = slab_objects(cache), now;

	while (sleep_ms(20), (now = slab_objects(cache)) != last)
		last = now;
	return now;
}

int slab_check(const char *cache, long before)
{
	if (wait_until(slab_objects(cache) == before, PATIENCE))
		return 0;
	fprintf(stderr, "# objects in %s: %ld -> %ld\n", cache, before, slab_objects(cache));
	return 1;
}
