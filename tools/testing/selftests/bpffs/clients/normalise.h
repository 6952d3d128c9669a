/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFFS_CLIENTS_NORMALISE_H
#define BPFFS_CLIENTS_NORMALISE_H

/*
 * The text in which everything that must differ between two runs of the same
 * commands has been replaced: ids of objects, inode and device numbers, times.
 * To be freed; NULL without memory. Ends the program when one of the patterns is
 * wrong.
 */
char *normalise(const char *text);

#endif
