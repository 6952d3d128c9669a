// SPDX-License-Identifier: GPL-2.0

//! Bindings that the kernel crate's own lack.
//!
//! Each crate of `rust/` includes this file as a private module. `bindgen` makes what differs from
//! one crate to the next of the crate's `bindings_helper.h`, as its `bindgen_parameters` say.
//! Everything else that the headers refer to is the kernel crate's, so that the types of both are
//! the same.

#![allow(
    clippy::all,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unknown_lints,
    unnecessary_transmutes,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused_imports,
    clippy::as_underscore,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::undocumented_unsafe_blocks
)]

use kernel::ffi;
use pin_init::{MaybeZeroable, Zeroable};

// What is generated takes precedence over the glob: the kernel crate knows some of these types
// only as incomplete ones.
pub use kernel::bindings::*;

// Made by Kbuild, which tells each crate where its own are.
include!(env!("BINDINGS"));
