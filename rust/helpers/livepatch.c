// SPDX-License-Identifier: GPL-2.0

#include <linux/module.h>

/* What makes the module loader accept livepatch relocations; module! has no key for it. */
MODULE_INFO(livepatch, "Y");
