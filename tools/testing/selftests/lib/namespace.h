/* SPDX-License-Identifier: GPL-2.0 */
/* Namespaces of the calling process. */
#ifndef SELFTEST_NAMESPACE_H
#define SELFTEST_NAMESPACE_H

#include <sched.h>

#include "sys.h"

/* Enters a new mount namespace, whose mounts are all private. */
int mntns_unshare(void);
/*
 * Enters a new user namespace and becomes its root. The ids 0 to 65535 in the
 * namespace are @host to @host + 65535 outside. @flags are further flags for
 * unshare().
 */
int userns_unshare(uid_t host, int flags);

#endif /* SELFTEST_NAMESPACE_H */
