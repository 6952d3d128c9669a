# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scripts next to it say; sourced by them.

say() { printf 'bpffs: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
