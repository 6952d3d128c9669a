// SPDX-License-Identifier: GPL-2.0
/* Where what counts for coverage begins in a module: linked before all else. See keeper.c. */
#include <linux/compiler_attributes.h>

char coverage_data_begin[0] __section("__llvm_prf_data");
char coverage_counters_begin[0] __section("__llvm_prf_cnts");
/* The compiler has names retained, so that others would be in a section of their own. */
const char coverage_names_begin[0] __section("__llvm_prf_names") __attribute__((__retain__));
