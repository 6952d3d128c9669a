// SPDX-License-Identifier: GPL-2.0
//! Modules to convert, and another way of reading them than the tool's own.
#![allow(dead_code)] // each test program uses some of it

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use object::elf::{FileHeader64, SectionHeader64, Sym64, SHT_RELA};
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::LittleEndian as LE;
use tempfile::TempDir;

/// The symbols of the fixture that are vmlinux's.
pub const LIST: &str = "vm_function\nvm_data # a comment\nvm_ops\nvm_weak\nvm_key,2\nvm_unused\n";

/// Runs a program that must succeed, silently.
pub fn run<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Output {
    let mut command = Command::new(program);
    command.args(args);
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{program}: {e} (is it installed?)"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stderr.is_empty(),
        "{command:?}: {stderr}"
    );
    output
}

/// Runs klp-relocate.
pub fn tool<S: AsRef<OsStr>>(args: &[S]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_klp-relocate"))
        .args(args)
        .output()
        .unwrap()
}

/// A directory with modules and lists.
pub struct Dir(TempDir);

impl Dir {
    pub fn new() -> Self {
        Dir(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), contents).unwrap();
        self.path(name)
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Assembles `source`.
    pub fn assemble(&self, name: &str, source: &str) -> PathBuf {
        let from = self.write(&format!("{name}.s"), format!("{source}\n"));
        let to = self.path(&format!("{name}.o"));
        run(
            "as",
            &["-o".as_ref(), to.as_os_str(), from.as_ref() as &OsStr],
        );
        to
    }

    /// Compiles `source` with BTF; returns the object file, which has it in a section.
    pub fn btf(&self, name: &str, source: &str) -> PathBuf {
        let from = self.write(&format!("{name}.c"), source);
        let to = self.path(name);
        let flags = ["-gbtf", "-O1", "-ffreestanding", "-fno-pic", "-w", "-c"];
        let flags = flags.iter().map(OsStr::new);
        let files = ["-o".as_ref(), to.as_os_str(), from.as_os_str()];
        run("gcc", &flags.chain(files).collect::<Vec<_>>());
        to
    }

    /// Links `objects` as kbuild links a module.
    pub fn link(&self, name: &str, objects: &[&Path]) -> PathBuf {
        let to = self.path(name);
        let mut args = vec![OsStr::new("-r"), OsStr::new("-o"), to.as_os_str()];
        args.extend(objects.iter().map(|o| o.as_os_str()));
        run("ld", &args);
        to
    }

    /// Links a module from the fixtures.
    pub fn module(&self, name: &str) -> PathBuf {
        let assembled = self.assemble("fixture", include_str!("../fixtures/module.s"));
        let source = self.write("compiled.c", include_str!("../fixtures/module.c"));
        let compiled = self.path("compiled.o");
        let flags = ["-g", "-O2", "-ffreestanding", "-fno-pic", "-mcmodel=kernel"];
        let flags = flags.iter().map(OsStr::new);
        let files = [
            "-c".as_ref(),
            "-o".as_ref(),
            compiled.as_os_str(),
            source.as_os_str(),
        ];
        run("gcc", &flags.chain(files).collect::<Vec<_>>());
        self.link(name, &[&assembled, &compiled])
    }
}

/// A relocation, by names. Livepatch relocations look as they did before the conversion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relocation {
    pub target: usize,
    pub offset: u64,
    pub r_type: u32,
    pub symbol: usize,
    pub addend: i64,
    pub livepatch: bool,
}

/// A symbol without its name's offset.
#[derive(Debug, PartialEq, Eq)]
pub struct Symbol {
    pub name: String,
    pub shndx: u16,
    pub rest: (u8, u8, u64, u64),
}

/// What is in a module, read by means of the object crate.
pub struct Image<'a> {
    pub sections: Vec<(String, SectionHeader64<LE>, &'a [u8])>,
    pub symbols: Vec<Symbol>,
    pub relocations: Vec<Relocation>,
}

impl<'a> Image<'a> {
    pub fn read(file: &'a [u8]) -> Self {
        let header = FileHeader64::<LE>::parse(file).unwrap();
        let sections = header.sections(LE, file).unwrap();
        let table = sections.symbols(LE, file, object::elf::SHT_SYMTAB).unwrap();
        let symbol = |s: &Sym64<LE>| Symbol {
            name: String::from_utf8(s.name(LE, table.strings()).unwrap().to_vec()).unwrap(),
            shndx: s.st_shndx(LE),
            rest: (s.st_info(), s.st_other(), s.st_value(LE), s.st_size(LE)),
        };
        let mut relocations = Vec::new();
        for section in sections.iter().filter(|s| s.sh_type(LE) == SHT_RELA) {
            for r in section
                .data_as_array::<object::elf::Rela64<LE>, _>(LE, file)
                .unwrap()
            {
                relocations.push(Relocation {
                    target: section.sh_info(LE) as usize,
                    offset: r.r_offset.get(LE),
                    r_type: r.r_type(LE, false),
                    symbol: r.r_sym(LE, false) as usize,
                    addend: r.r_addend.get(LE),
                    livepatch: section.sh_flags(LE) & 0x100000 != 0,
                });
            }
        }
        relocations.sort();
        Image {
            sections: sections
                .iter()
                .map(|s| {
                    let name = sections.section_name(LE, s).unwrap();
                    let name = String::from_utf8(name.to_vec()).unwrap();
                    (name, *s, s.data(LE, file).unwrap())
                })
                .collect(),
            symbols: table.iter().map(symbol).collect(),
            relocations,
        }
    }

    pub fn section(&self, name: &str) -> usize {
        let mut found = (0..self.sections.len()).filter(|&i| self.sections[i].0 == name);
        let index = found.next().unwrap_or_else(|| panic!("no section {name}"));
        assert!(found.next().is_none(), "two sections {name}");
        index
    }

    pub fn loaded(&self, section: usize) -> bool {
        self.sections[section].1.sh_flags(LE) & 2 != 0
    }
}
