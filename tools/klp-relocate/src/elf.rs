// SPDX-License-Identifier: GPL-2.0
//! Reading and writing of linked, relocatable 64-bit little-endian ELF files.
//!
//! An [`Elf`] is a list of sections that can be changed and appended to, never reordered or
//! removed: symbols, groups, relocation sections and livepatch itself name sections by index.
//! Whatever the input, nothing here panics; the file may be hostile.

use anyhow::{bail, ensure, Context, Result};
use object::elf::{
    FileHeader64, Rela64, SectionHeader64, Sym64, ET_REL, SHN_LORESERVE, SHT_NOBITS, SHT_NULL,
    SHT_STRTAB, SHT_SYMTAB,
};
use object::pod::{bytes_of, slice_from_all_bytes};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Bytes, LittleEndian as LE, Pod, U32, U64};

/// A symbol as it stands in the symbol table.
pub type Symbol = Sym64<LE>;
/// A relocation with addend as it stands in a relocation section.
pub type Rela = Rela64<LE>;

/// What the kernel finds at the very end of a signed module.
const SIGNATURE_MAGIC: &[u8] = b"~Module signature appended~\n";

/// A section that has to move starts at a multiple of its alignment, but no more than this is wasted on it: the
/// kernel copies sections to where they are aligned, in the file it does not matter.
const MAX_FILE_ALIGN: u64 = 4096;

/// A section: its header, its name and its bytes.
#[derive(Clone)]
pub struct Section {
    /// The header; `sh_offset` and `sh_size` are brought up to date by [`Elf::write`].
    pub header: SectionHeader64<LE>,
    /// The name. To rename, change `header.sh_name` too.
    pub name: String,
    /// The contents; empty for a section that takes no room in the file.
    pub data: Vec<u8>,
}

impl Section {
    /// `sh_type`.
    pub fn kind(&self) -> u32 {
        self.header.sh_type.get(LE)
    }

    /// `sh_flags`.
    pub fn flags(&self) -> u64 {
        self.header.sh_flags.get(LE)
    }

    /// `sh_link`.
    pub fn link(&self) -> usize {
        self.header.sh_link.get(LE) as usize
    }

    /// `sh_info`.
    pub fn info(&self) -> usize {
        self.header.sh_info.get(LE) as usize
    }

    /// Whether the section's bytes are in the file.
    pub fn in_file(&self) -> bool {
        !matches!(self.kind(), SHT_NULL | SHT_NOBITS)
    }

    /// The contents as an array of `T`.
    pub fn entries<T: Pod>(&self) -> Result<&[T]> {
        slice_from_all_bytes(&self.data).ok().with_context(|| {
            format!(
                "section {}: size is no multiple of {}",
                self.name,
                size_of::<T>()
            )
        })
    }

    /// Appends `name` to a string table and returns its offset there.
    fn push_name(&mut self, name: &str) -> Result<u32> {
        ensure!(
            self.data.last() == Some(&0),
            "string table {}: does not end in NUL",
            self.name
        );
        let offset = u32::try_from(self.data.len())
            .with_context(|| format!("string table {}: too large", self.name))?;
        self.data.extend_from_slice(name.as_bytes());
        self.data.push(0);
        Ok(offset)
    }
}

/// The symbol table, decoded.
pub struct SymbolTable {
    /// Index of the section.
    pub index: usize,
    /// Index of the string table that holds the names.
    pub strings: usize,
    /// The symbols, each with its name.
    pub symbols: Vec<(Symbol, String)>,
}

/// A relocatable ELF file in memory.
pub struct Elf {
    header: FileHeader64<LE>,
    sections: Vec<Section>,
    names: usize,
}

impl Elf {
    /// Takes `file` apart.
    ///
    /// Refused are files whose parts cannot all be kept: appended signatures, program headers,
    /// sections that overlap.
    pub fn parse(file: &[u8]) -> Result<Self> {
        ensure!(
            !file.ends_with(SIGNATURE_MAGIC),
            "the module is signed, and changing it would break the signature: sign it afterwards"
        );
        ensure!(
            file.starts_with(b"\x7fELF"),
            "not an ELF file (compressed modules: unpack first)"
        );
        let header = FileHeader64::<LE>::parse(file).context("not a 64-bit ELF file")?;
        header.endian().context("not a little-endian ELF file")?;
        ensure!(
            header.e_type.get(LE) == ET_REL,
            "not a relocatable file, so no kernel module"
        );
        ensure!(
            header.e_phnum.get(LE) == 0,
            "has program headers, so no kernel module"
        );
        ensure!(
            header.e_ehsize.get(LE) as usize == size_of_val(header),
            "bad e_ehsize"
        );
        // Zero means none or too many to be counted there; the kernel takes neither.
        ensure!(
            header.e_shnum.get(LE) != 0,
            "no section headers, or more than a module may have"
        );

        let table = header.sections(LE, file).context("section headers")?;
        let names = header
            .shstrndx(LE, file)
            .context("index of the section names")? as usize;
        let mut sections = Vec::with_capacity(table.len());
        for (i, shdr) in table.iter().enumerate() {
            let name = match shdr.sh_type(LE) {
                SHT_NULL => "", // its sh_name means nothing
                _ => table
                    .section_name(LE, shdr)
                    .ok()
                    .and_then(|name| std::str::from_utf8(name).ok())
                    .with_context(|| format!("section {i}: bad name"))?,
            };
            let section = Section {
                header: *shdr,
                name: name.into(),
                data: Vec::new(),
            };
            let align = shdr.sh_addralign.get(LE);
            ensure!(
                align == 0 || align.is_power_of_two(),
                "section {i} {name}: alignment {align} is no power of two"
            );
            sections.push(section);
        }
        let elf = Elf {
            header: *header,
            sections,
            names,
        };
        elf.check_overlap()?;
        elf.with_contents(file)
    }

    /// Overlapping sections could not be changed apart from each other (and copying them could
    /// take up far more room than the file does).
    fn check_overlap(&self) -> Result<()> {
        let mut spans: Vec<_> = (self.sections.iter())
            .filter(|s| s.in_file() && s.header.sh_size.get(LE) != 0)
            .map(|s| {
                (
                    s.header.sh_offset.get(LE),
                    s.header.sh_size.get(LE),
                    &s.name,
                )
            })
            .collect();
        spans.sort();
        for pair in spans.windows(2) {
            if let [(offset, size, a), (next, _, b)] = pair {
                ensure!(
                    offset.checked_add(*size).is_some_and(|end| end <= *next),
                    "sections {a} and {b} overlap in the file"
                );
            }
        }
        Ok(())
    }

    fn with_contents(mut self, file: &[u8]) -> Result<Self> {
        for (i, s) in self.sections.iter_mut().enumerate() {
            let data = s.header.data(LE, file).ok();
            // data() does not look at where an empty section is, write() does.
            let place = s.header.sh_offset.get(LE);
            let inside = !s.in_file() || place <= file.len() as u64;
            let data = data.filter(|_| inside).with_context(|| {
                format!("section {i} {}: reaches beyond the end of the file", s.name)
            })?;
            s.data = data.to_vec();
        }
        match self.sections.get(self.names) {
            Some(s) if s.kind() == SHT_STRTAB => Ok(self),
            _ => bail!("no section name table"),
        }
    }

    /// `e_machine`.
    pub fn machine(&self) -> u16 {
        self.header.e_machine.get(LE)
    }

    /// All sections, by index.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section with this index.
    pub fn section(&self, index: usize) -> Result<&Section> {
        self.sections
            .get(index)
            .with_context(|| format!("there is no section {index}"))
    }

    /// The section with this index, to change it.
    pub fn section_mut(&mut self, index: usize) -> Result<&mut Section> {
        self.sections
            .get_mut(index)
            .with_context(|| format!("there is no section {index}"))
    }

    /// The section of this name, if there is one. Two are an error: which one would count?
    pub fn unique(&self, name: &str) -> Result<Option<&Section>> {
        let mut found = self
            .sections
            .iter()
            .filter(|s| s.kind() != SHT_NULL && s.name == name);
        let first = found.next();
        ensure!(found.next().is_none(), "more than one section {name}");
        Ok(first)
    }

    /// Decodes the symbol table.
    pub fn symbol_table(&self) -> Result<SymbolTable> {
        let mut tables = self
            .sections
            .iter()
            .enumerate()
            .filter(|(_, s)| s.kind() == SHT_SYMTAB);
        let (index, table) = tables.next().context("no symbol table (stripped?)")?;
        ensure!(tables.next().is_none(), "more than one symbol table");
        let strings = table.link();
        let names = self
            .section(strings)
            .context("string table of the symbols")?;
        ensure!(
            names.kind() == SHT_STRTAB,
            "section {}: not a string table",
            names.name
        );

        let mut symbols = Vec::new();
        for (i, symbol) in table.entries::<Symbol>()?.iter().enumerate() {
            let name = Bytes(&names.data)
                .read_string_at(symbol.st_name.get(LE) as usize)
                .ok()
                .with_context(|| format!("symbol {i}: name outside of {}", names.name))?;
            symbols.push((*symbol, String::from_utf8_lossy(name).into_owned()));
        }
        Ok(SymbolTable {
            index,
            strings,
            symbols,
        })
    }

    /// Renames a symbol and moves it to section index `shndx`.
    pub fn change_symbol(
        &mut self,
        i: usize,
        table: &SymbolTable,
        name: &str,
        shndx: u16,
    ) -> Result<()> {
        let st_name = self.section_mut(table.strings)?.push_name(name)?;
        let section = self.section_mut(table.index)?;
        let at = i * size_of::<Symbol>();
        let bytes = (section.data.get_mut(at..at + size_of::<Symbol>()))
            .with_context(|| format!("there is no symbol {i}"))?;
        let (mut symbol, _) =
            (table.symbols.get(i)).with_context(|| format!("there is no symbol {i}"))?;
        symbol.st_name = U32::new(LE, st_name);
        symbol.st_shndx = object::U16::new(LE, shndx);
        bytes.copy_from_slice(bytes_of(&symbol));
        Ok(())
    }

    /// Appends a section, under the next free index, which is returned.
    pub fn push(&mut self, mut section: Section) -> Result<usize> {
        let index = self.sections.len();
        ensure!(
            index < SHN_LORESERVE as usize,
            "more sections than a module may have"
        );
        let sh_name = self.section_mut(self.names)?.push_name(&section.name)?;
        section.header.sh_name = U32::new(LE, sh_name);
        self.sections.push(section);
        Ok(index)
    }

    /// Puts the file together: sections in the order in which they stood and in their old places
    /// until something has grown, appended ones after them, the section headers last.
    pub fn write(mut self) -> Result<Vec<u8>> {
        let mut order: Vec<usize> = (0..self.sections.len()).collect();
        order.sort_by_key(|&i| match self.sections.get(i) {
            Some(s) if s.header.sh_offset.get(LE) != 0 => s.header.sh_offset.get(LE),
            _ => u64::MAX, // appended; or section 0, which has no contents
        });
        let mut file = bytes_of(&self.header).to_vec();
        for i in order {
            let section = self.section_mut(i)?;
            if !section.in_file() {
                continue; // its offset means nothing
            }
            let align = section.header.sh_addralign.get(LE).clamp(1, MAX_FILE_ALIGN) as usize;
            let place = match usize::try_from(section.header.sh_offset.get(LE))? {
                old if old >= file.len() => old,
                _ => file.len().next_multiple_of(align),
            };
            file.resize(place, 0);
            section.header.sh_offset = U64::new(LE, file.len() as u64);
            section.header.sh_size = U64::new(LE, section.data.len() as u64);
            file.extend_from_slice(&section.data);
        }
        file.resize(file.len().next_multiple_of(size_of::<u64>()), 0);
        self.header.e_shoff = U64::new(LE, file.len() as u64);
        self.header.e_shnum = object::U16::new(LE, u16::try_from(self.sections.len())?);
        for section in &self.sections {
            file.extend_from_slice(bytes_of(&section.header));
        }
        for (to, from) in file.iter_mut().zip(bytes_of(&self.header)) {
            *to = *from;
        }
        Ok(file)
    }
}
