// SPDX-License-Identifier: GPL-2.0
/*
 * C macros and inline functions, which Rust cannot call, for the crate kernfs. Each gets a
 * one-line function; nothing else is in C. Sorted alphabetically.
 */

#include <linux/cgroup.h>

/* The kernel's own rust/helpers may inline theirs into Rust; these are called. */
#ifndef __rust_helper
#define __rust_helper
#endif

/* In kernel/cgroup/cgroup-internal.h, which packages for building modules do not have. */
__rust_helper bool rust_helper_cgroup_is_dead(const struct cgroup *cgrp);
__rust_helper bool rust_helper_cgroup_is_dead(const struct cgroup *cgrp)
{
	return !(READ_ONCE(cgrp->self.flags) & CSS_ONLINE);
}

__rust_helper void rust_helper_cgroup_put(struct cgroup *cgrp);
__rust_helper void rust_helper_cgroup_put(struct cgroup *cgrp)
{
	cgroup_put(cgrp);
}

__rust_helper bool rust_helper_cgroup_tryget(struct cgroup *cgrp);
__rust_helper bool rust_helper_cgroup_tryget(struct cgroup *cgrp)
{
	return cgroup_tryget(cgrp);
}
