/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads for the crate livepatch.
 */

#include <linux/livepatch.h>
