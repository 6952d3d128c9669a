/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads for the crate kernfs. Sorted alphabetically.
 */

#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/magic.h>
#include <linux/seq_file.h>

/*
 * In fs/kernfs/kernfs-internal.h, which packages for building modules do not have. Their
 * prototypes are compared with the kernel's BTF when the module is built.
 */
struct kernfs_node *kernfs_get_active(struct kernfs_node *kn);
void kernfs_put_active(struct kernfs_node *kn);

/* Constants that bindgen does not recognise. */
const unsigned int RUST_CONST_HELPER_FMODE_READ = (unsigned int)(unsigned long)FMODE_READ;

#include "../helpers/kernfs.c"
