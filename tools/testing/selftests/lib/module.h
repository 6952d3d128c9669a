/* SPDX-License-Identifier: GPL-2.0 */
/* The module under test, which subject.module names. */
#ifndef SELFTEST_MODULE_H
#define SELFTEST_MODULE_H

#include "sys.h"

/* The number of references to the module, or -ENOENT if it is not loaded. */
int module_refcnt(void);
/*
 * Loads the file that the variable subject.module_path names, or without the
 * variable what modprobe finds; 0 or -errno. @params may be NULL.
 */
int module_insert(const char *params);
/* Unloads the module. Waits for a reference that is put late; 0 or -errno. */
int module_remove(void);
/*
 * Loads a module of the kernel's own that a test needs, by its name. The kernel would do that
 * by itself, but may have been told not to. True if the module is there, or built in.
 */
bool module_need(const char *name);

#endif /* SELFTEST_MODULE_H */
