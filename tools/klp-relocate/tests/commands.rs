// SPDX-License-Identifier: GPL-2.0
//! The command line, as a user or a makefile sees it.

mod common;

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::process::Output;

use common::{tool, Dir, LIST};

/// Runs klp-relocate in its usual argument order, with paths inside of `dir` marked by `@`.
fn tool_in(dir: &Dir, line: &str) -> Output {
    let expand = |word: &str| match word.strip_prefix('@') {
        Some(name) => dir.path(name).into_os_string().into_string().unwrap(),
        None => word.to_string(),
    };
    tool(&line.split_whitespace().map(expand).collect::<Vec<_>>())
}

fn ok(dir: &Dir, line: &str) -> String {
    let output = tool_in(dir, line);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{line}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asserts that it fails with this status; returns its one line.
fn fails(dir: &Dir, line: &str) -> String {
    let output = tool_in(dir, line);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{line}: {stderr}");
    assert!(stderr.starts_with("klp-relocate: "), "{stderr}");
    stderr
}

fn module() -> Dir {
    let dir = Dir::new();
    dir.module("m.ko");
    dir.write("list", LIST);
    dir
}

// Catches: a temporary file left behind, lost permissions, a symbolic link replaced by a file, an
// output that differs from what happens in place.
#[test]
fn convert_replaces_the_module_or_writes_another() {
    let dir = module();
    let old = fs::read(dir.path("m.ko")).unwrap();
    let before = dir.names();
    fs::set_permissions(dir.path("m.ko"), fs::Permissions::from_mode(0o640)).unwrap();

    ok(&dir, "convert -s @list -o @out.ko @m.ko");
    assert_eq!(
        fs::read(dir.path("m.ko")).unwrap(),
        old,
        "-o must leave it alone"
    );
    let new = fs::read(dir.path("out.ko")).unwrap();
    assert_ne!(new, old);
    fs::remove_file(dir.path("out.ko")).unwrap();

    symlink("m.ko", dir.path("link.ko")).unwrap();
    let text = ok(&dir, "convert -s @list @link.ko");
    assert!(text.contains("link.ko: 5 symbols, "), "{text}");
    assert_eq!(fs::read(dir.path("m.ko")).unwrap(), new);
    assert_eq!(
        dir.path("m.ko").metadata().unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(dir.path("link.ko").is_symlink());
    fs::remove_file(dir.path("link.ko")).unwrap();
    assert_eq!(dir.names(), before);
}

// Catches: a needless rewrite, which would make a makefile build again.
#[test]
fn convert_leaves_alone_what_needs_nothing() {
    let dir = module();
    let modified = || dir.path("m.ko").metadata().unwrap().modified().unwrap();
    let first = modified();
    dir.write("empty", "# nothing\n");
    let text = ok(&dir, "convert -s @empty @m.ko");
    assert!(text.contains("refers to no symbol of the list"), "{text}");
    assert_eq!(modified(), first);

    ok(&dir, "convert -s @list @m.ko");
    let converted = (modified(), fs::read(dir.path("m.ko")).unwrap());
    assert_eq!(ok(&dir, "convert -s @list @m.ko"), "");
    assert!(ok(&dir, "-v convert -s @list @m.ko").contains("converted already"));
    assert!(converted == (modified(), fs::read(dir.path("m.ko")).unwrap()));

    // With -o there is always an output.
    ok(&dir, "convert -s @list -o @copy.ko @m.ko");
    assert_eq!(fs::read(dir.path("copy.ko")).unwrap(), converted.1);
}

// Catches: -v that does not tell which symbols, and which of the list are of no use.
#[test]
fn convert_tells_more() {
    let dir = module();
    let text = ok(&dir, "convert -v -s @list @m.ko");
    for line in [
        "symbol vm_key,2",
        "unused vm_unused,0",
        "dropped from .rela.debug_addr: 2",
    ] {
        assert!(text.contains(&format!("  {line}\n")), "{line}: {text}");
    }
    assert!(
        text.contains("  section .klp.rela.vmlinux..init.text: 1\n"),
        "{text}"
    );
}

// Catches: lines that modpost does not read, or that let it accept more than the list has.
#[test]
fn symvers_is_for_modpost() {
    let dir = module();
    dir.write("short", "b_data,3\n# comment\na_function\n");
    let line = |name| format!("0x00000000\t{name}\tvmlinux\tEXPORT_SYMBOL_GPL\t\n");
    let (a, b) = (line("a_function"), line("b_data"));
    assert_eq!(ok(&dir, "symvers -s @short"), format!("{a}{b}"));

    // Catches: symbols that the kernel exports ("exported twice") or that only look like them.
    let kernel = "0x12345678\ta_function\tvmlinux\tEXPORT_SYMBOL\t\n\
                  0x00000000\tb_data_2\tvmlinux\tEXPORT_SYMBOL\tb_data\n";
    dir.write("Module.symvers", kernel);
    assert_eq!(ok(&dir, "symvers -s @short -e @Module.symvers"), b);
    assert!(fails(&dir, "symvers -s @short -e @absent").contains("absent: No such file"));
}

// Catches: a listing that misses symbols or sections, or miscounts.
#[test]
fn list_shows_what_a_module_refers_to() {
    let dir = module();
    assert!(fails(&dir, "list @m.ko").contains("m.ko: has no livepatch symbols"));
    ok(&dir, "convert -s @list @m.ko");
    let text = ok(&dir, "list @m.ko");
    for line in [
        "vm_key,2 (2)",
        "vm_weak,0 (1)",
        ".klp.rela.vmlinux.__jump_table (1)",
    ] {
        assert!(text.contains(&format!("  {line}\n")), "{line}: {text}");
    }
    assert!(
        !text.contains("vm_unused") && !text.contains("exported"),
        "{text}"
    );
}

const KALLSYMS: &str = "ffffffff81000000 T vm_function\nffffffff81000001 d vm_data\n\
    ffffffff81000002 d vm_ops\nffffffff81000003 d vm_weak\nffffffff81000004 d vm_key\n\
    ffffffff81000005 d vm_key\nffffffffc0000000 t vm_unused\t[other]\n";

// Catches: a module that is said to be fine, and then refused by the kernel; the reverse.
#[test]
fn check_compares_with_a_kernel() {
    let dir = module();
    dir.write("kallsyms", KALLSYMS);
    let text = fails(&dir, "check -k @kallsyms -s @list");
    assert!(
        text.contains("list: not in ") && text.contains("vm_unused: no such symbol"),
        "{text}"
    );
    assert!(fails(&dir, "check -k @kallsyms @m.ko").contains("has no livepatch symbols"));

    let old = fs::read(dir.path("m.ko")).unwrap();
    dir.write(
        "less",
        KALLSYMS
            .replace(" vm_ops", " x")
            .replace("5 d vm_key", "5 d y"),
    );
    for line in [
        "convert -k @less -s @list @m.ko",
        "convert -k @absent -s @list @m.ko",
    ] {
        fails(&dir, line);
        assert!(
            fs::read(dir.path("m.ko")).unwrap() == old,
            "{line}: must not have written"
        );
    }
    ok(&dir, "convert -k @kallsyms -s @list @m.ko");
    ok(&dir, "check -k @kallsyms @m.ko");
    let text = fails(&dir, "check -k @less @m.ko");
    assert!(text.contains("vm_ops: no such symbol"), "{text}");
    assert!(text.contains("vm_key,2: only 1 of that name"), "{text}");
    assert_eq!(fails(&dir, "convert -k @less -s @list @m.ko"), text);
}

// Catches: a module stripped after conversion, which would be relocated with other symbols'
// addresses.
#[test]
fn renumbered_symbols_are_noticed() {
    let dir = module();
    ok(&dir, "convert -s @list @m.ko");
    let mut file = fs::read(dir.path("m.ko")).unwrap();
    let image = common::Image::read(&file);
    let (_, header, _) = &image.sections[image.section(".klp.rela.vmlinux..data")];
    // The symbol is in the upper half of r_info.
    let at = header.sh_offset.get(object::LittleEndian) as usize + 12;
    file[at..at + 4].copy_from_slice(&1u32.to_le_bytes());
    dir.write("m.ko", file);
    dir.write("kallsyms", KALLSYMS);
    for line in [
        "list @m.ko",
        "convert -s @list @m.ko",
        "check -k @kallsyms @m.ko",
    ] {
        assert!(
            fails(&dir, line).contains("no livepatch symbol (stripped"),
            "{line}"
        );
    }
}

// Catches: errors that do not say which file, or where in it.
#[test]
fn errors_name_the_file() {
    let dir = module();
    assert!(fails(&dir, "convert -s @absent @m.ko").contains("absent: No such file"));
    assert!(fails(&dir, "convert -s @list @absent").contains("absent: No such file"));
    dir.write("bad", "good\nnot good\n");
    assert!(fails(&dir, "convert -s @bad @m.ko").contains("bad:2: 'not good' is no symbol"));
    let text = fails(&dir, "convert -s @list -o @nowhere/out.ko @m.ko");
    assert!(text.contains("nowhere/out.ko: No such file"), "{text}");
}

// Catches: wrong usage that does something all the same, or that exits like a failure.
#[test]
fn wrong_usage_exits_with_2() {
    let dir = module();
    for line in [
        "",
        "convert @m.ko",
        "convert -s @list",
        "convert -s @list --btf @vmlinux @m.ko",
        "convert -s @list --prototypes @prototypes.btf @m.ko",
        "check -k @list",
        "check -k @a -s @b @c",
        "x",
    ] {
        assert_eq!(tool_in(&dir, line).status.code(), Some(2), "{line}");
    }
}

// Catches: help, manual pages or completions that panic or come out empty.
#[test]
fn documents_itself() {
    let dir = Dir::new();
    assert!(ok(&dir, "--help").contains("Exit status:"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(ok(&dir, &format!("completions {shell}")).contains("klp-relocate"));
    }
    assert!(ok(&dir, "man").contains(".SH SYNOPSIS"));
    for command in ["convert", "symvers", "list", "check", "completions", "man"] {
        let page = ok(&dir, &format!("man {command}"));
        assert!(page.contains(".SH DESCRIPTION"), "{command}: {page}");
        ok(&dir, &format!("{command} --help"));
    }
    assert!(fails(&dir, "man nothing").contains("no command 'nothing'"));
}
