// SPDX-License-Identifier: GPL-2.0
//! The livepatch format: names, numbers, and what the kernel's module loader makes of them.

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Context, Result};
use object::elf::{
    EM_X86_64, R_X86_64_32, R_X86_64_32S, R_X86_64_64, R_X86_64_NONE, R_X86_64_PC32, R_X86_64_PC64,
    R_X86_64_PLT32,
};
use object::LittleEndian as LE;

use crate::elf::{Elf, Rela, SymbolTable};
use crate::symbols::Symbol;

/// Section index of livepatch symbols (`SHN_LIVEPATCH`).
pub const SHN_LIVEPATCH: u16 = 0xff20;
/// Flag of livepatch relocation sections (`SHF_RELA_LIVEPATCH`).
pub const SHF_RELA_LIVEPATCH: u64 = 0x0010_0000;
/// What precedes the name of a symbol of vmlinux.
pub const SYMBOL_PREFIX: &str = ".klp.sym.vmlinux.";
/// What precedes the name of a section whose relocations refer to vmlinux.
pub const SECTION_PREFIX: &str = ".klp.rela.vmlinux.";
/// What precedes, in `.modinfo`, the name of a function of vmlinux that the module replaces. The
/// kernel does not read it.
const REPLACES: &[u8] = b"livepatch_replaces=";

/// The name under which a module's symbol table refers to `symbol` of vmlinux.
pub fn symbol_name(symbol: &Symbol) -> String {
    format!("{SYMBOL_PREFIX}{symbol}")
}

/// A machine whose module loader we know.
pub struct Machine {
    id: u16,
    /// Relocation types that its `apply_relocate_add()` handles, and how many bytes they write.
    relocations: &'static [(u32, u64)],
}

// To add a machine, list what its apply_relocate_add() handles. Not every machine can be added
// like this: some must know before loading how many veneers their relocations will need, and some
// load through extra sections.
const MACHINES: &[Machine] = &[Machine {
    id: EM_X86_64,
    relocations: &[
        (R_X86_64_NONE, 0),
        (R_X86_64_64, 8),
        (R_X86_64_PC32, 4),
        (R_X86_64_PLT32, 4),
        (R_X86_64_32, 4),
        (R_X86_64_32S, 4),
        (R_X86_64_PC64, 8),
    ],
}];

impl Machine {
    /// Finds the machine a module is for.
    pub fn of(elf: &Elf) -> Result<&'static Self> {
        let id = elf.machine();
        match MACHINES.iter().find(|m| m.id == id) {
            Some(machine) => Ok(machine),
            None => bail!("machine {id} is not supported, only x86-64 is (62)"),
        }
    }

    /// How many bytes a relocation of type `r_type` writes; `None` if the kernel does not know it.
    pub fn relocation_size(&self, r_type: u32) -> Option<u64> {
        self.relocations
            .iter()
            .find(|(known, _)| *known == r_type)
            .map(|(_, size)| *size)
    }
}

/// Whether a relocation at `offset` in the loaded section `section` may be a livepatch one; if
/// not, why.
///
/// When a module is loaded, the kernel applies its relocations and its livepatch relocations to
/// vmlinux in one pass over the sections; only then does it sort exception tables, copy per-CPU
/// data, patch alternatives, static calls and jump labels or call anything. So what matters is not
/// when, but whether a table can refer to something outside of the module at all:
///
/// - some sections are used before any relocation is applied;
/// - tables that list the module's own code or objects, for the kernel to patch, register or set
///   up, would have it do that to vmlinux's a second time.
pub fn check_target(section: &str, offset: u64) -> Result<(), &'static str> {
    const OWN: &str = "it lists what is the module's own";
    match section {
        ".modinfo"
        | ".gnu.linkonce.this_module"
        | "__versions"
        | "__version_ext_crcs"
        | "__version_ext_names" => Err("the kernel reads it before it relocates the module"),
        "__ksymtab" | "__ksymtab_gpl" | "__kcrctab" | "__kcrctab_gpl" | "__kflagstab" => {
            Err("a module cannot export a symbol of vmlinux")
        }
        // Two of the three fields of an entry are the module's code; the key may be anybody's.
        "__jump_table" if offset % 16 < 8 => Err(OWN),
        // The same, with two fields.
        ".static_call_sites" if offset % 8 < 4 => Err(OWN),
        "__mcount_loc"
        | "__patchable_function_entries"
        | "__ex_table"
        | "__bug_table"
        | ".altinstructions"
        | ".smp_locks"
        | ".retpoline_sites"
        | ".return_sites"
        | ".call_sites"
        | ".cfi_sites"
        | ".kcfi_traps"
        | "__kcfi_traps"
        | ".ibt_endbr_seal"
        | ".orc_unwind"
        | ".orc_unwind_ip"
        | "_error_injection_whitelist"
        | "_kprobe_blacklist"
        | "___srcu_struct_ptrs"
        | "__tracepoints_ptrs"
        | "_ftrace_events"
        | "_ftrace_eval_map" => Err(OWN),
        _ => Ok(()),
    }
}

/// The entries `KEY=VALUE` of `.modinfo`.
fn modinfo(elf: &Elf) -> Result<impl Iterator<Item = &[u8]>> {
    let info = elf
        .unique(".modinfo")?
        .map_or(&[][..], |section| &section.data);
    Ok(info.split(|&c| c == 0))
}

/// Refuses a module that the kernel would not load as a livepatch, because its `.modinfo` does
/// not say so.
pub fn check_modinfo(elf: &Elf) -> Result<()> {
    ensure!(
        modinfo(elf)?.any(|entry| entry == b"livepatch=Y"),
        "no livepatch=Y in .modinfo: without MODULE_INFO(livepatch, \"Y\") the kernel refuses \
         livepatch relocations"
    );
    Ok(())
}

/// The functions of vmlinux that the module says it replaces.
pub fn replaced(elf: &Elf) -> Result<Vec<Symbol>> {
    modinfo(elf)?
        .filter_map(|entry| entry.strip_prefix(REPLACES))
        .map(|name| Symbol::parse(&String::from_utf8_lossy(name)).context(".modinfo"))
        .collect()
}

/// Whether the module has livepatch symbols or sections, from here or elsewhere.
pub fn is_converted(elf: &Elf, table: &SymbolTable) -> bool {
    elf.sections()
        .iter()
        .any(|s| s.flags() & SHF_RELA_LIVEPATCH != 0)
        || table
            .symbols
            .iter()
            .any(|(s, _)| s.st_shndx.get(LE) == SHN_LIVEPATCH)
}

/// What a converted module refers to.
#[derive(Default)]
pub struct Contents {
    /// Its livepatch symbols of vmlinux, each with the number of relocations that use it.
    pub symbols: Vec<(Symbol, usize)>,
    /// Its livepatch symbols of other modules, by their full name.
    pub other_symbols: Vec<String>,
    /// Its livepatch relocation sections, each with the number of relocations in it.
    pub sections: Vec<(String, usize)>,
}

impl Contents {
    /// Reads a converted module, as the kernel would: a livepatch section may refer to nothing but
    /// well-formed livepatch symbols.
    pub fn read(elf: &Elf, table: &SymbolTable) -> Result<Self> {
        ensure!(
            is_converted(elf, table),
            "has no livepatch symbols (has it been through 'klp-relocate convert'?)"
        );
        let mut contents = Contents::default();
        let mut uses: BTreeMap<usize, usize> = BTreeMap::new();
        let livepatch = elf
            .sections()
            .iter()
            .filter(|s| s.flags() & SHF_RELA_LIVEPATCH != 0);
        for section in livepatch {
            let relocations = section.entries::<Rela>()?;
            for relocation in relocations {
                let index = relocation.r_sym(LE, false) as usize;
                let symbol = table.symbols.get(index);
                ensure!(
                    symbol.is_some_and(|(s, _)| s.st_shndx.get(LE) == SHN_LIVEPATCH),
                    "{}: refers to symbol {index}, which is no livepatch symbol (stripped after \
                     conversion? strip before)",
                    section.name
                );
                *uses.entry(index).or_default() += 1;
            }
            contents
                .sections
                .push((section.name.clone(), relocations.len()));
        }
        for (i, (symbol, name)) in table.symbols.iter().enumerate() {
            if symbol.st_shndx.get(LE) != SHN_LIVEPATCH {
                continue;
            }
            match name.strip_prefix(SYMBOL_PREFIX) {
                Some(rest) => {
                    ensure!(rest.contains(','), "{name}: has no position");
                    let symbol = Symbol::parse(rest).with_context(|| name.clone())?;
                    let count = uses.get(&i).copied().unwrap_or(0);
                    contents.symbols.push((symbol, count));
                }
                None => {
                    ensure!(
                        name.starts_with(".klp.sym."),
                        "{name}: no name for a livepatch symbol"
                    );
                    contents.other_symbols.push(name.clone());
                }
            }
        }
        contents.symbols.sort();
        Ok(contents)
    }
}
