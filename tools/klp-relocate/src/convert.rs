// SPDX-License-Identifier: GPL-2.0
//! From undefined references to livepatch relocations.

use anyhow::{bail, ensure, Context, Result};
use object::elf::{
    SectionHeader64, SHF_ALLOC, SHF_GROUP, SHF_INFO_LINK, SHN_UNDEF, SHT_CREL, SHT_GROUP,
    SHT_NOBITS, SHT_REL, SHT_RELA, STT_FILE, STT_SECTION,
};
use object::pod::{bytes_of, bytes_of_slice};
use object::{LittleEndian as LE, U32, U64};

use crate::elf::{Elf, Rela, Section, SymbolTable};
use crate::klp::{self, Contents, Machine};
use crate::symbols::{Symbol, SymbolList};

/// What a conversion did.
#[derive(Debug, Default)]
pub struct Report {
    /// The symbols that the module now reaches by livepatch relocation.
    pub symbols: Vec<Symbol>,
    /// Listed symbols that the module has no use for.
    pub unused: Vec<Symbol>,
    /// Livepatch relocation sections, and how many relocations went there.
    pub moved: Vec<(String, usize)>,
    /// Sections that are not loaded, and how many relocations they lost.
    pub dropped: Vec<(String, usize)>,
}

/// The outcome of [`convert`].
pub enum Outcome {
    /// The module has livepatch relocations already, and needs no others.
    AlreadyConverted,
    /// The module refers to no symbol of the list.
    NothingToDo(Report),
    /// Here is the converted module.
    Converted(Vec<u8>, Report),
}

/// Converts the module in `file`: its undefined references to symbols in `list` become livepatch
/// relocations.
///
/// No section and no symbol changes its index. Only the symbol table, the string tables,
/// relocation sections that refer to a converted symbol and section groups of those are changed;
/// livepatch relocation sections are appended.
pub fn convert(file: &[u8], list: &SymbolList) -> Result<Outcome> {
    let mut elf = Elf::parse(file)?;
    let machine = Machine::of(&elf)?;
    klp::check_modinfo(&elf)?;
    let table = elf.symbol_table()?;
    let chosen = choose(&table, list)?;

    if klp::is_converted(&elf, &table) {
        // Two passes could leave two livepatch sections for one target.
        if let Some(symbol) = chosen.iter().flatten().next() {
            bail!(
                "converted already, but with a list that lacked {}: link the module anew",
                symbol.name
            );
        }
        Contents::read(&elf, &table)?;
        return Ok(Outcome::AlreadyConverted);
    }

    let mut report = Report {
        symbols: chosen.iter().flatten().map(|&s| s.clone()).collect(),
        ..Report::default()
    };
    report.symbols.sort();
    report.unused = list
        .iter()
        .filter(|s| !report.symbols.contains(s))
        .cloned()
        .collect();
    if report.symbols.is_empty() {
        return Ok(Outcome::NothingToDo(report));
    }

    for (i, symbol) in chosen.iter().enumerate() {
        if let Some(symbol) = symbol {
            elf.change_symbol(i, &table, &klp::symbol_name(symbol), klp::SHN_LIVEPATCH)?;
        }
    }
    for i in 0..elf.sections().len() {
        split(&mut elf, i, machine, &table, &chosen, &mut report).with_context(|| {
            elf.section(i)
                .map_or_else(|_| i.to_string(), |s| s.name.clone())
        })?;
    }
    Ok(Outcome::Converted(elf.write()?, report))
}

/// For each symbol of the table the one of the list that it stands for, if any.
fn choose<'a>(table: &SymbolTable, list: &'a SymbolList) -> Result<Vec<Option<&'a Symbol>>> {
    let choose_one = |(symbol, name): &(crate::elf::Symbol, String)| {
        // Their names are those of other things.
        if matches!(symbol.st_type(), STT_FILE | STT_SECTION) {
            return Ok(None);
        }
        let listed = list.get(name);
        ensure!(
            listed.is_none() || symbol.st_shndx.get(LE) == SHN_UNDEF,
            "the module itself defines {name}, which is on the list of vmlinux's: rename it"
        );
        Ok(listed)
    };
    table.symbols.iter().map(choose_one).collect()
}

/// Moves what relocation section `index` has for the chosen symbols into a livepatch section.
fn split(
    elf: &mut Elf,
    index: usize,
    machine: &Machine,
    table: &SymbolTable,
    chosen: &[Option<&Symbol>],
    report: &mut Report,
) -> Result<()> {
    let section = elf.section(index)?;
    match section.kind() {
        SHT_RELA => {}
        // x86-64 knows no other kind, nor does its module loader.
        SHT_REL | SHT_CREL => bail!("this type of relocation section is not supported"),
        _ => return Ok(()),
    }
    ensure!(
        section.link() == table.index,
        "refers to another symbol table"
    );
    let symbol_of = |relocation: &Rela| -> Result<Option<&Symbol>> {
        let index = relocation.r_sym(LE, false) as usize;
        let symbol = chosen
            .get(index)
            .with_context(|| format!("there is no symbol {index}"))?;
        Ok(*symbol)
    };
    let (mut kept, mut moved) = (Vec::new(), Vec::new());
    for relocation in section.entries::<Rela>()? {
        match symbol_of(relocation)? {
            Some(symbol) => moved.push((*relocation, symbol)),
            None => kept.push(*relocation),
        }
    }
    if moved.is_empty() {
        return Ok(());
    }

    let target = elf.section(section.info()).context("section to relocate")?;
    let loaded = target.flags() & u64::from(SHF_ALLOC) != 0;
    if loaded {
        for (relocation, symbol) in &moved {
            check(relocation, symbol, target, machine)?;
        }
        let relocations: Vec<Rela> = moved.iter().map(|(r, _)| *r).collect();
        let name = format!("{}{}", klp::SECTION_PREFIX, target.name);
        report.moved.push((name.clone(), relocations.len()));
        let new = Section {
            header: SectionHeader64 {
                sh_flags: U64::new(
                    LE,
                    u64::from(SHF_ALLOC | SHF_INFO_LINK)
                        | klp::SHF_RELA_LIVEPATCH
                        | (section.flags() & u64::from(SHF_GROUP)),
                ),
                sh_offset: U64::new(LE, 0),
                ..section.header
            },
            name,
            data: bytes_of_slice(&relocations).to_vec(),
        };
        let added = elf.push(new)?;
        join_group(elf, index, added)?;
    } else {
        // The kernel does not relocate what it does not load (debugging information, mostly), and
        // the readers of such sections have no address for the symbol either. Worse, libdw (that
        // is pahole, too) stops at a relocation to a symbol whose section index it does not know.
        // So the reference is dropped, and reads 0 as before the relocation.
        report.dropped.push((section.name.clone(), moved.len()));
    }
    // It stays even if it is empty now: removing it would shift the index of all that follow.
    elf.section_mut(index)?.data = bytes_of_slice(&kept).to_vec();
    Ok(())
}

/// Makes sure that the kernel will be able to apply a relocation, and that it makes sense.
fn check(relocation: &Rela, symbol: &Symbol, target: &Section, machine: &Machine) -> Result<()> {
    let name = &symbol.name;
    let (offset, r_type) = (relocation.r_offset.get(LE), relocation.r_type(LE, false));
    let size = machine.relocation_size(r_type).with_context(|| {
        format!(
            "the kernel does not apply relocations of type {r_type}, as this one to {name} \
             (compiled without the kernel's flags?)"
        )
    })?;
    ensure!(
        target.kind() != SHT_NOBITS
            && offset
                .checked_add(size)
                .is_some_and(|end| end <= target.data.len() as u64),
        "relocation to {name} lies outside of {}",
        target.name
    );
    if let Err(why) = klp::check_target(&target.name, offset) {
        bail!("{} cannot refer to {name} of vmlinux: {why}", target.name);
    }
    Ok(())
}

/// Puts section `added` into the group that `member` is in, if any.
fn join_group(elf: &mut Elf, member: usize, added: usize) -> Result<()> {
    if elf.section(member)?.flags() & u64::from(SHF_GROUP) == 0 {
        return Ok(());
    }
    for group in 0..elf.sections().len() {
        let section = elf.section_mut(group)?;
        if section.kind() != SHT_GROUP {
            continue;
        }
        // The first word is a flag.
        let members = section.entries::<U32<LE>>()?.get(1..).unwrap_or_default();
        if members.iter().any(|m| m.get(LE) as usize == member) {
            let added = U32::new(LE, u32::try_from(added)?);
            section.data.extend_from_slice(bytes_of(&added));
            return Ok(());
        }
    }
    bail!("says it is in a section group, but no group has it")
}
