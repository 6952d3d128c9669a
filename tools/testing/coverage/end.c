// SPDX-License-Identifier: GPL-2.0
/* Where what counts for coverage ends in a module: linked after all else. See keeper.c. */
#include <linux/compiler_attributes.h>

char coverage_data_end[0] __section("__llvm_prf_data");
char coverage_counters_end[0] __section("__llvm_prf_cnts");
/* The compiler has names retained, so that others would be in a section of their own. */
const char coverage_names_end[0] __section("__llvm_prf_names") __attribute__((__retain__));
