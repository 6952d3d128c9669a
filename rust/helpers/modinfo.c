// SPDX-License-Identifier: GPL-2.0
/* What modinfo(8) shows that the module! macro has no key for. */

#include <linux/module.h>

MODULE_VERSION("0.1.0");

/* Makes the module loader accept livepatch relocations. */
MODULE_INFO(livepatch, "Y");
