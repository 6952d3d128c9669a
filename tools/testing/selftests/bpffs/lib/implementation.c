// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "file.h"
#include "implementation.h"
#include "wait.h"

bool impl_rust(void)
{
	char buf[8];

	return read_file(MODULE_LIVEPATCH "/enabled", buf, sizeof(buf)) > 0 &&
	       buf[0] == '1';
}

bool mounts_join(void)
{
	char buf[16];

	return impl_rust() && read_file(MODULE_SHARING, buf, sizeof(buf)) > 0 &&
	       !strcmp(buf, "namespace\n");
}

bool module_settled(void)
{
	char buf[8];

	return read_file(MODULE_LIVEPATCH "/transition", buf, sizeof(buf)) <= 0 ||
	       buf[0] == '0';
}

int module_load(const char *params)
{
	int err = module_insert(params);

	if (err)
		return err;
	return wait_until(module_settled(), 60000) ? 0 : -ETIMEDOUT;
}

int module_unload(void)
{
	int err = write_file(MODULE_LIVEPATCH "/enabled", "0");

	/* -ENOENT: disabled before. */
	if (err && err != -ENOENT)
		return err;
	if (!wait_until(!exists(MODULE_LIVEPATCH), 60000))
		return -ETIMEDOUT;
	return module_remove();
}
