// SPDX-License-Identifier: GPL-2.0
//! Reading of BTF, the kernel's own description of its types and functions.
//!
//! The format is that of Documentation/bpf/btf.rst in the kernel, little-endian and not split.
//! Everything is checked as it is read, but for the ids of types: those are checked by
//! [`Btf::get`]. Whatever the input, nothing here panics or loops, and what is kept is bounded by
//! the input's size.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use object::read::{ReadCache, ReadRef};
use object::{Object, ObjectSection};

use crate::symbols::MAX_NAME;

const MAGIC: u32 = 0xeb9f;
const VERSION: u32 = 1;
/// Header up to and including the length of the strings; newer ones are longer.
const HEADER: u32 = 24;

/// Number of a type. 0 is `void`.
pub type Id = u32;

/// A member of a struct or union.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// The name; empty for an unnamed struct, union or bit field.
    pub name: String,
    /// Its type.
    pub id: Id,
    /// Where it begins, in bits.
    pub offset: u32,
    /// Its width if it is a bit field, else 0.
    pub bits: u32,
}

/// A kind of type that is but another one with a word before it, or another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modifier {
    /// A name.
    Typedef,
    /// `const`.
    Const,
    /// `volatile`.
    Volatile,
    /// `restrict`.
    Restrict,
    /// `__attribute__((btf_type_tag(...)))`, such as `__user`.
    TypeTag,
}

/// What is of interest about a type.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// `void`.
    Void,
    /// An integer, a character, a `bool`.
    Int {
        /// In bytes.
        size: u32,
        /// In bits.
        bits: u32,
        /// Whether it has a sign.
        signed: bool,
        /// Whether it is a `bool`.
        boolean: bool,
    },
    /// A floating-point number of so many bytes.
    Float(u32),
    /// A pointer.
    Pointer(Id),
    /// An array: type and number of its elements.
    Array(Id, u32),
    /// A struct, or if `union` a union.
    Record {
        /// Whether it is a union.
        union: bool,
        /// In bytes.
        size: u32,
        /// In order.
        members: Vec<Member>,
    },
    /// A struct or union of which nothing but the name is known here.
    Forward {
        /// Whether it is a union.
        union: bool,
    },
    /// An enumeration: its size in bytes, names and values. There are none if only the name of the
    /// enumeration is known here.
    Enum(u32, Vec<(String, u64)>),
    /// Another type with a word before it, or another name.
    Modified(Modifier, Id),
    /// What a function returns, and takes; a last parameter that is `void` stands for `...`.
    Prototype(Id, Vec<Id>),
    /// A function and its prototype.
    Function(Id),
    /// A variable and its type.
    Variable(Id),
    /// A section of variables, or an attribute of another type.
    Other,
}

/// A type, a function or a variable.
#[derive(Debug, PartialEq, Eq)]
pub struct Type {
    /// The name; empty if there is none.
    pub name: String,
    /// All else.
    pub kind: Kind,
}

/// All types, functions and variables that some BTF tells of.
pub struct Btf {
    types: Vec<Type>,
    /// By name, those that have one.
    names: HashMap<String, Vec<Id>>,
}

/// The words of the type section.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn next(&mut self) -> Result<u32> {
        let (word, rest) = self.0.split_first_chunk().context("ends amid a type")?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*word))
    }
}

/// The strings, each of which ends in a NUL.
struct Strings<'a>(&'a [u8]);

impl Strings<'_> {
    /// The name at `offset`. Types may share one, so that only short ones can be copied.
    fn at(&self, offset: u32) -> Result<String> {
        let rest = (self.0.get(offset as usize..))
            .with_context(|| format!("there is no string at {offset}"))?;
        let name = rest
            .iter()
            .take_while(|&&c| c != 0)
            .map(|&c| char::from(c))
            .take(MAX_NAME + 1);
        let name: String = name.collect();
        ensure!(
            name.len() <= MAX_NAME && name.chars().all(|c| c.is_ascii_graphic() || c == ' '),
            "the string at {offset} is no name"
        );
        Ok(name)
    }
}

impl Btf {
    /// Reads the file at `path`: either BTF itself, as `/sys/kernel/btf/vmlinux` is, or an ELF file
    /// with a section `.BTF`, such as a kernel's `vmlinux`.
    pub fn read(path: &Path) -> Result<Self> {
        let read = || {
            let file = File::open(path)?;
            let mut first = Vec::new();
            (&file).take(2).read_to_end(&mut first)?;
            if first != b"\x7fE" {
                return Self::parse(&std::fs::read(path)?);
            }
            // A vmlinux with all debugging information has hundreds of megabytes.
            let cache = ReadCache::new(file);
            Self::parse(section(&cache)?)
        };
        read().with_context(|| path.display().to_string())
    }

    /// Reads `data`, which is BTF itself.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let mut header = Words(data);
        let mut word = || header.next().ok().context("too short for BTF");
        let first = word()?;
        ensure!(
            first & 0xffff == MAGIC,
            "neither BTF (little-endian) nor an ELF file with a section .BTF"
        );
        ensure!(
            (first >> 16) & 0xff == VERSION,
            "BTF of version {}, which is not known",
            (first >> 16) & 0xff
        );
        let length = word()?;
        ensure!(length >= HEADER, "BTF with a header that is too short");
        let mut part = |what| {
            let (offset, size) = (word()?, word()?);
            let begin = (length as usize).checked_add(offset as usize);
            begin
                .and_then(|begin| data.get(begin..begin.checked_add(size as usize)?))
                .with_context(|| format!("BTF whose {what} reach beyond its end"))
        };
        let types = part("types")?;
        let strings = part("strings")?;
        ensure!(
            strings.first() == Some(&0) && strings.last() == Some(&0),
            "BTF whose strings do not begin and end with NUL (split BTF?)"
        );

        let (mut words, strings) = (Words(types), Strings(strings));
        let mut btf = Btf {
            types: vec![Type {
                name: String::new(),
                kind: Kind::Void,
            }],
            names: HashMap::new(),
        };
        while !words.0.is_empty() {
            let id = Id::try_from(btf.types.len())?;
            let ty = next_type(&mut words, &strings).with_context(|| format!("BTF type {id}"))?;
            if !ty.name.is_empty() {
                btf.names.entry(ty.name.clone()).or_default().push(id);
            }
            btf.types.push(ty);
        }
        Ok(btf)
    }

    /// How many types there are, with `void`.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether there is nothing but `void`.
    pub fn is_empty(&self) -> bool {
        self.types.len() <= 1
    }

    /// The type of this number.
    pub fn get(&self, id: Id) -> Result<&Type> {
        (self.types.get(id as usize)).with_context(|| format!("there is no BTF type {id}"))
    }

    /// All of this name, whatever they are.
    pub fn named(&self, name: &str) -> impl Iterator<Item = (Id, &Type)> {
        let ids = self.names.get(name).map_or(&[][..], Vec::as_slice);
        ids.iter()
            .filter_map(|&id| Some((id, self.types.get(id as usize)?)))
    }

    /// The type behind names and qualifiers.
    pub fn resolve(&self, mut id: Id) -> Result<(Id, &Type)> {
        // As many steps as there are types; one more is a circle.
        for _ in 0..self.types.len() {
            let ty = self.get(id)?;
            match ty.kind {
                Kind::Modified(_, next) => id = next,
                _ => return Ok((id, ty)),
            }
        }
        bail!("BTF type {id} is defined by itself")
    }

    /// A type as C writes it, more or less. Never long.
    pub fn describe(&self, id: Id) -> String {
        self.describe_to(id, 6, true)
    }

    /// Follows so many types, and the parameters of none but the outermost function.
    fn describe_to(&self, id: Id, depth: u32, parameters: bool) -> String {
        let (Ok(ty), Some(depth)) = (self.get(id), depth.checked_sub(1)) else {
            return "...".into();
        };
        let describe = |id| self.describe_to(id, depth, parameters);
        let named = |what: &str| match ty.name.as_str() {
            "" => format!("{what} {{...}}"),
            name => format!("{what} {name}"),
        };
        // A pointer to a function is written about the function's name.
        let function = |returned: Id, list: &[Id], name: &str| {
            let list = if parameters {
                self.describe_parameters(list, depth)
            } else {
                "...".into()
            };
            format!("{}{name}({list})", self.describe_to(returned, depth, false))
        };
        match &ty.kind {
            Kind::Void => "void".into(),
            Kind::Int { .. } | Kind::Float(_) | Kind::Modified(Modifier::Typedef, _) => {
                ty.name.clone()
            }
            Kind::Pointer(to) => match self.get(*to).map(|ty| &ty.kind) {
                Ok(Kind::Prototype(returned, list)) => function(*returned, list, " (*)"),
                _ => {
                    let to = describe(*to);
                    format!("{to}{}*", if to.ends_with('*') { "" } else { " " })
                }
            },
            Kind::Array(of, count) => format!("{}[{count}]", describe(*of)),
            Kind::Record { union, .. } | Kind::Forward { union } => {
                named(if *union { "union" } else { "struct" })
            }
            Kind::Enum(..) => named("enum"),
            Kind::Modified(modifier, of) => {
                let of = describe(*of);
                let word = match modifier {
                    Modifier::Const => "const",
                    Modifier::Volatile => "volatile",
                    Modifier::Restrict => "restrict",
                    Modifier::Typedef | Modifier::TypeTag => return of,
                };
                if of.ends_with('*') {
                    format!("{of}{word}")
                } else {
                    format!("{word} {of}")
                }
            }
            Kind::Prototype(returned, list) => function(*returned, list, ""),
            Kind::Function(of) | Kind::Variable(of) => describe(*of),
            Kind::Other => "...".into(),
        }
    }

    fn describe_parameters(&self, parameters: &[Id], depth: u32) -> String {
        if parameters.is_empty() {
            return "void".into();
        }
        // No function of a kernel has more, but for "...".
        let shown = parameters.get(..12).unwrap_or(parameters);
        let mut list: Vec<_> = (shown.iter())
            .map(|&id| match id {
                0 => "...".into(),
                id => self.describe_to(id, depth, false),
            })
            .collect();
        if shown.len() < parameters.len() {
            list.push("...".into());
        }
        list.join(", ")
    }
}

/// The section `.BTF` of an ELF file.
fn section<'a, R: ReadRef<'a>>(file: R) -> Result<&'a [u8]> {
    let elf = object::read::elf::ElfFile64::<object::LittleEndian, R>::parse(file)
        .ok()
        .context("neither BTF (little-endian) nor a 64-bit ELF file")?;
    let section = elf.section_by_name(".BTF").context(
        "has no section .BTF: a kernel has one if it was built with CONFIG_DEBUG_INFO_BTF",
    )?;
    section.data().context("section .BTF")
}

fn next_type(words: &mut Words<'_>, strings: &Strings<'_>) -> Result<Type> {
    let (name, info, size_or_id) = (words.next()?, words.next()?, words.next()?);
    let (kind, flag, count) = ((info >> 24) & 0x1f, info >> 31 == 1, info & 0xffff);
    let kind = match kind {
        1 => {
            let encoding = words.next()?;
            Kind::Int {
                size: size_or_id,
                bits: encoding & 0xff,
                signed: (encoding >> 24) & 1 != 0,
                boolean: (encoding >> 24) & 4 != 0,
            }
        }
        2 => Kind::Pointer(size_or_id),
        3 => {
            let (of, _index, count) = (words.next()?, words.next()?, words.next()?);
            Kind::Array(of, count)
        }
        4 | 5 => {
            let mut members = Vec::new();
            for _ in 0..count {
                let (name, id, place) = (words.next()?, words.next()?, words.next()?);
                let (offset, bits) = if flag {
                    (place & 0xff_ffff, place >> 24)
                } else {
                    (place, 0)
                };
                members.push(Member {
                    name: strings.at(name)?,
                    id,
                    offset,
                    bits,
                });
            }
            Kind::Record {
                union: kind == 5,
                size: size_or_id,
                members,
            }
        }
        6 | 19 => {
            let mut values = Vec::new();
            for _ in 0..count {
                let name = strings.at(words.next()?)?;
                let low = words.next()?;
                let value = match kind {
                    6 if flag => low as i32 as u64,
                    6 => u64::from(low),
                    _ => (u64::from(words.next()?) << 32) | u64::from(low),
                };
                values.push((name, value));
            }
            Kind::Enum(size_or_id, values)
        }
        7 => Kind::Forward { union: flag },
        8 => Kind::Modified(Modifier::Typedef, size_or_id),
        9 => Kind::Modified(Modifier::Volatile, size_or_id),
        10 => Kind::Modified(Modifier::Const, size_or_id),
        11 => Kind::Modified(Modifier::Restrict, size_or_id),
        12 => Kind::Function(size_or_id),
        13 => {
            let mut parameters = Vec::new();
            for _ in 0..count {
                let (_name, id) = (words.next()?, words.next()?);
                parameters.push(id);
            }
            Kind::Prototype(size_or_id, parameters)
        }
        14 => {
            let _linkage = words.next()?;
            Kind::Variable(size_or_id)
        }
        15 => {
            for _ in 0..count * 3 {
                words.next()?;
            }
            Kind::Other
        }
        16 => Kind::Float(size_or_id),
        17 => {
            let _component = words.next()?;
            Kind::Other
        }
        18 => Kind::Modified(Modifier::TypeTag, size_or_id),
        // Its size is not known either, nor that of anything behind it.
        _ => bail!("is of kind {kind}, which is not known"),
    };
    // An attribute's string is no name.
    let name = match kind {
        Kind::Other => String::new(),
        _ => strings.at(name)?,
    };
    Ok(Type { name, kind })
}
