// SPDX-License-Identifier: GPL-2.0

#include <linux/cred.h>
#include <linux/mnt_namespace.h>
#include <linux/ns_common.h>
#include <linux/user_namespace.h>

__rust_helper struct user_namespace *rust_helper_current_user_ns(void);
__rust_helper struct user_namespace *rust_helper_current_user_ns(void)
{
	return current_user_ns();
}

__rust_helper struct user_namespace *rust_helper_get_user_ns(struct user_namespace *ns);
__rust_helper struct user_namespace *rust_helper_get_user_ns(struct user_namespace *ns)
{
	return get_user_ns(ns);
}

__rust_helper u64 rust_helper_mnt_ns_id(struct mnt_namespace *ns);
__rust_helper u64 rust_helper_mnt_ns_id(struct mnt_namespace *ns)
{
	return from_mnt_ns(ns)->ns_id;
}
