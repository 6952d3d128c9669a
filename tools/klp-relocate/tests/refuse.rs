// SPDX-License-Identifier: GPL-2.0
//! Modules that cannot be converted: an error that says why, and nothing is written.

mod common;

use std::fs;
use std::path::Path;

use common::{run, tool, Dir, LIST};

const LIVEPATCH: &str = ".section .modinfo, \"a\"\n.asciz \"livepatch=Y\"\n";

/// Asserts that the tool refuses `module`, naming it and `why`, in one line.
fn refused(dir: &Dir, module: &Path, why: &str) {
    let before = (fs::read(module).unwrap(), dir.names());
    let list = dir.path("list");
    let args = [
        "convert",
        "-s",
        list.to_str().unwrap(),
        module.to_str().unwrap(),
    ];
    let output = tool(&args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(module.to_str().unwrap()), "{stderr}");
    assert!(stderr.contains(why), "expected '{why}': {stderr}");
    assert!(
        before == (fs::read(module).unwrap(), dir.names()),
        "something was written"
    );
}

fn with_list() -> Dir {
    let dir = Dir::new();
    dir.write("list", LIST);
    dir
}

/// Asserts that a module assembled from `source` is refused.
fn source_refused(source: &str, why: &str) {
    let dir = with_list();
    let object = dir.assemble("bad", &format!("{LIVEPATCH}{source}"));
    let module = dir.link("bad.ko", &[&object]);
    refused(&dir, &module, why);
}

// Catches: a module that only fails when it is loaded, or that loads and misbehaves.
#[test]
fn references_that_the_kernel_could_not_relocate() {
    source_refused(
        ".text\nmov vm_data@GOTPCREL(%rip), %rax",
        "relocations of type",
    );
    source_refused(".data\n.byte vm_data", "relocations of type 14");
    source_refused(".section .modinfo\n.quad vm_data", "before it relocates");
    for table in ["__versions", ".gnu.linkonce.this_module"] {
        source_refused(
            &format!(".section {table}, \"aw\"\n.quad vm_data"),
            &format!("{table} cannot refer to vm_data of vmlinux: the kernel reads it before"),
        );
    }
    source_refused(
        ".section __ksymtab, \"a\"\n.long vm_data - .",
        "cannot export",
    );
    for table in [
        "__mcount_loc",
        "__ex_table",
        "__bug_table",
        ".altinstructions",
        ".orc_unwind_ip",
    ] {
        source_refused(
            &format!(".section {table}, \"a\"\n.long vm_function - ."),
            &format!("{table} cannot refer to vm_function of vmlinux: it lists"),
        );
    }
    let entry = ".section __jump_table, \"aw\"\n.quad 0, 0\n";
    source_refused(
        &format!("{entry}.long vm_function - ."),
        "__jump_table cannot",
    );
    source_refused(
        &format!("{entry}.long 0, vm_function - ."),
        "__jump_table cannot",
    );
    let site = ".section .static_call_sites, \"aw\"\n.quad 0\n";
    source_refused(
        &format!("{site}.long vm_function - ."),
        ".static_call_sites cannot",
    );
}

// Catches: references silently bound to the wrong thing.
#[test]
fn modules_that_define_a_listed_symbol() {
    for how in [
        ".globl vm_data",
        ".weak vm_data",
        ".local vm_data",
        ".hidden vm_data",
    ] {
        let source = format!(".data\n{how}\nvm_data: .quad vm_data");
        source_refused(&source, "itself defines vm_data");
    }
    source_refused(".comm vm_data, 8", "itself defines vm_data");
}

// Catches: a module that the kernel refuses, found out only by loading it.
#[test]
fn modules_not_marked_as_livepatch() {
    let dir = with_list();
    for (name, source) in [
        ("none", ".text\ncall vm_function"),
        (
            "other",
            ".section .modinfo, \"a\"\n.asciz \"xlivepatch=Y\"\n.text\ncall vm_function",
        ),
    ] {
        let object = dir.assemble(name, source);
        let module = dir.link("bad.ko", &[&object]);
        refused(&dir, &module, "no livepatch=Y in .modinfo");
    }
}

// Catches: a broken signature.
#[test]
fn signed_modules() {
    let dir = with_list();
    let mut file = fs::read(dir.module("good.ko")).unwrap();
    file.extend_from_slice(b"(signature)~Module signature appended~\n");
    let module = dir.write("signed.ko", file);
    refused(&dir, &module, "sign it afterwards");
}

// Catches: a wrong file, taken for a module.
#[test]
fn files_that_are_no_modules() {
    let dir = with_list();
    let good = dir.module("good.ko");
    let good = fs::read(good).unwrap();
    let changed = |at: usize, to: u8| {
        let mut file = good.clone();
        file[at] = to;
        file
    };
    for (file, why) in [
        (vec![], "not an ELF file"),
        (b"\xfd7zXZ\0".to_vec(), "not an ELF file (compressed"),
        (good[..20].to_vec(), "not a 64-bit ELF file"),
        (good[..good.len() - 1].to_vec(), "section headers"),
        (changed(4, 1), "not a 64-bit ELF file"),
        (changed(5, 2), "not a little-endian ELF file"),
        (changed(16, 2), "not a relocatable file"),
        (changed(18, 183), "machine 183 is not supported"),
    ] {
        let module = dir.write("bad.ko", file);
        refused(&dir, &module, why);
    }

    let object = dir.assemble(
        "good",
        &format!("{LIVEPATCH}.text\n.globl _start\n_start: ret"),
    );
    let (object, module) = (object.to_str().unwrap(), dir.path("linked.ko"));
    run("ld", &["-o", module.to_str().unwrap(), object]);
    refused(&dir, &module, "not a relocatable file");

    let module = dir.path("stripped.ko");
    run("strip", &["-s", "-o", module.to_str().unwrap(), object]);
    refused(&dir, &module, "no symbol table");
}
