// SPDX-License-Identifier: GPL-2.0
//! Conversion of real module files: what must change, and that nothing else does.
//!
//! `KLP_RELOCATE_MODULES` may name more modules to convert (as built, not converted), separated by
//! colons; whatever they import is then taken to be vmlinux's.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{run, Dir, Image, LIST};
use klp_relocate::convert::{convert, Outcome, Report};
use klp_relocate::symbols::SymbolList;
use object::LittleEndian as LE;

const SHN_LIVEPATCH: u16 = 0xff20;

fn converted(file: &[u8], list: &str) -> (Vec<u8>, Report) {
    let list = SymbolList::parse(list, "list").unwrap();
    match convert(file, &list) {
        Ok(Outcome::Converted(file, report)) => (file, report),
        Ok(_) => panic!("not converted"),
        Err(e) => panic!("{e:#}"),
    }
}

/// Position of each listed name.
fn positions(list: &str) -> BTreeMap<String, u32> {
    let list = SymbolList::parse(list, "list").unwrap();
    list.iter().map(|s| (s.name.clone(), s.position)).collect()
}

/// Compares a module and what became of it.
fn compare(old_file: &[u8], new_file: &[u8], list: &str) {
    let (old, new) = (Image::read(old_file), Image::read(new_file));
    let listed = positions(list);
    let is_listed = |symbol: usize| listed.contains_key(&old.symbols[symbol].name);

    // Symbols: the same ones in the same places; the listed ones renamed and marked.
    assert_eq!(old.symbols.len(), new.symbols.len());
    for (old, new) in old.symbols.iter().zip(&new.symbols) {
        assert_eq!(old.rest, new.rest, "{}", old.name);
        match listed.get(&old.name) {
            Some(position) => {
                let name = format!(".klp.sym.vmlinux.{},{position}", old.name);
                assert_eq!((&new.name, new.shndx), (&name, SHN_LIVEPATCH));
            }
            None => assert_eq!((&new.name, new.shndx), (&old.name, old.shndx)),
        }
    }

    // Relocations: all of those that the kernel applies, by livepatch exactly if they are to
    // listed symbols; of the others, all that are not to listed ones.
    let mut expected = old.relocations.clone();
    expected.retain(|r| old.loaded(r.target) || !is_listed(r.symbol));
    for relocation in &mut expected {
        relocation.livepatch = is_listed(relocation.symbol);
    }
    expected.sort();
    assert_eq!(expected, new.relocations);

    // Sections: the same ones, with the same header but for place and size. Contents change only
    // in those that name or refer to listed symbols.
    for (i, ((name, header, data), new)) in old.sections.iter().zip(&new.sections).enumerate() {
        let fixed = |h: &object::elf::SectionHeader64<LE>| {
            let numbers = (h.sh_type.get(LE), h.sh_link.get(LE), h.sh_info.get(LE));
            let rest = (
                h.sh_addralign.get(LE),
                h.sh_entsize.get(LE),
                h.sh_addr.get(LE),
            );
            (numbers, h.sh_flags.get(LE), rest)
        };
        assert_eq!(
            (name, fixed(header)),
            (&new.0, fixed(&new.1)),
            "section {i}"
        );
        let target = header.sh_info.get(LE) as usize;
        let may_change = match header.sh_type.get(LE) {
            object::elf::SHT_SYMTAB | object::elf::SHT_GROUP => true, // looked at elsewhere
            object::elf::SHT_STRTAB => new.2.starts_with(data),
            object::elf::SHT_RELA => {
                let mut relocations = old.relocations.iter();
                relocations.any(|r| r.target == target && is_listed(r.symbol))
            }
            _ => false,
        };
        assert!(may_change || *data == new.2, "{name} has changed");
        if header.sh_type.get(LE) == object::elf::SHT_NOBITS {
            assert_eq!(header.sh_size.get(LE), new.1.sh_size.get(LE), "{name}");
        }
    }

    // And the new ones: as the format has it.
    let symtab = old.section(".symtab");
    for (name, header, _) in &new.sections[old.sections.len()..] {
        let target = header.sh_info.get(LE) as usize;
        assert_eq!(
            name,
            &format!(".klp.rela.vmlinux.{}", old.sections[target].0)
        );
        assert_eq!(header.sh_link.get(LE) as usize, symtab);
        assert_eq!(header.sh_type.get(LE), object::elf::SHT_RELA);
        assert_eq!(header.sh_flags.get(LE) & !0x200, 0x100042, "{name}"); // 0x200: in a group
        assert_eq!(
            (header.sh_entsize.get(LE), header.sh_addralign.get(LE)),
            (24, 8)
        );
        assert_eq!(header.sh_size.get(LE) % 24, 0);
        assert_ne!(header.sh_size.get(LE), 0, "{name}");
    }
}

// Catches: lost, doubled or changed relocations, references that stay undefined, shifted section
// or symbol indices, damage to sections that have nothing to do with it; and any of that in other
// modules of one's own.
#[test]
fn moves_the_listed_references_and_nothing_else() {
    let dir = Dir::new();
    let fixture = fs::read(dir.module("fixture.ko")).unwrap();
    let (new, report) = converted(&fixture, LIST);
    compare(&fixture, &new, LIST);

    let image = Image::read(&new);
    let livepatch = image.relocations.iter().filter(|r| r.livepatch).count();
    assert_eq!(
        report.moved.iter().map(|(_, n)| n).sum::<usize>(),
        livepatch
    );
    assert!(
        livepatch >= 16,
        "the fixture has at least that many: {livepatch}"
    );
    let unused: Vec<_> = report.unused.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(unused, ["vm_unused"]);

    for path in std::env::var("KLP_RELOCATE_MODULES")
        .unwrap_or_default()
        .split(':')
    {
        if path.is_empty() {
            continue;
        }
        let module = as_livepatch(&dir, Path::new(path));
        let mut list: Vec<_> = Image::read(&module).symbols;
        list.retain(|s| s.shndx == 0 && !s.name.is_empty());
        if list.is_empty() {
            continue; // a module that imports nothing
        }
        let list: Vec<_> = list.into_iter().map(|s| s.name).collect();
        let list = list.join("\n");
        compare(&module, &converted(&module, &list).0, &list);
    }
}

/// The module at `path`, marked as a livepatch if it was not, and not signed.
fn as_livepatch(dir: &Dir, path: &Path) -> Vec<u8> {
    let (info, to) = (dir.path("modinfo"), dir.path("marked.ko"));
    let dump = format!(".modinfo={}", info.display());
    run(
        "objcopy",
        &[
            "--dump-section",
            &dump,
            path.to_str().unwrap(),
            to.to_str().unwrap(),
        ],
    );
    let mut modinfo = fs::read(&info).unwrap();
    modinfo.extend_from_slice(b"livepatch=Y\0");
    fs::write(&info, modinfo).unwrap();
    run(
        "objcopy",
        &[
            "--update-section",
            &dump,
            path.to_str().unwrap(),
            to.to_str().unwrap(),
        ],
    );
    fs::read(to).unwrap()
}

// Catches: references from debugging information that are left to point to symbols with a section
// index that debuggers do not know, or that go into a livepatch section that the kernel would
// ignore; references to other symbols lost on the way.
#[test]
fn drops_references_from_sections_that_are_not_loaded() {
    let dir = Dir::new();
    let old = fs::read(dir.module("fixture.ko")).unwrap();
    let (new, report) = converted(&old, LIST);
    assert_eq!(report.dropped, [(".rela.debug_addr".to_string(), 2)]);

    let image = Image::read(&new);
    let section = image.section(".debug_addr");
    let left = image.relocations.iter().filter(|r| r.target == section);
    let left: Vec<_> = left
        .map(|r| (r.offset, &image.symbols[r.symbol].name[..]))
        .collect();
    // `own` is referred to by way of its section, or by name.
    assert_eq!(
        left.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(),
        [0, 16]
    );
    assert_eq!(left[1].1, "exported");
}

// Catches: a relocation section removed because it is empty, which would shift all that follow.
#[test]
fn keeps_emptied_relocation_sections() {
    let dir = Dir::new();
    let (new, _) = converted(&fs::read(dir.module("fixture.ko")).unwrap(), LIST);
    let image = Image::read(&new);
    assert!(image.sections[image.section(".rela.init.text")]
        .2
        .is_empty());
    assert_eq!(
        image.sections[image.section(".klp.rela.vmlinux..init.text")]
            .2
            .len(),
        24
    );
}

// Catches: a section group that a linker drops but for the livepatch relocations of its member.
#[test]
fn extends_section_groups() {
    let dir = Dir::new();
    let old_file = fs::read(dir.module("fixture.ko")).unwrap();
    let (new_file, _) = converted(&old_file, LIST);
    let (old, new) = (Image::read(&old_file), Image::read(&new_file));
    let group = old.section(".group");
    let added = new.section(".klp.rela.vmlinux..text.in_group");
    assert_ne!(new.sections[added].1.sh_flags.get(LE) & 0x200, 0);
    let mut expected = old.sections[group].2.to_vec();
    expected.extend_from_slice(&u32::try_from(added).unwrap().to_le_bytes());
    assert_eq!(new.sections[group].2, expected);
}

// Catches: a file that our own reader accepts but other tools complain about.
#[test]
fn satisfies_binutils() {
    let dir = Dir::new();
    let (new, _) = converted(&fs::read(dir.module("fixture.ko")).unwrap(), LIST);
    let new = dir.write("new.ko", new);
    let new = new.to_str().unwrap();
    // run() fails on warnings.
    run("readelf", &["-aW", new]);
    run("readelf", &["--debug-dump", new]);
    run("objdump", &["-dr", new]);
    run("nm", &[new]);
    let text = run("readelf", &["-SW", new]).stdout;
    let text = String::from_utf8(text).unwrap();
    let section = text
        .lines()
        .find(|l| l.contains(".klp.rela.vmlinux..data "));
    assert!(section.unwrap().contains(" AIo "), "{text}");
}

// Catches: a second run that adds to or changes what the first one did, or that hides that the
// module now needs more.
#[test]
fn leaves_converted_modules_alone() {
    let dir = Dir::new();
    let (new, _) = converted(&fs::read(dir.module("fixture.ko")).unwrap(), LIST);
    for list in [LIST, "", "something_else\n"] {
        let list = SymbolList::parse(list, "list").unwrap();
        assert!(matches!(
            convert(&new, &list),
            Ok(Outcome::AlreadyConverted)
        ));
    }
    let longer = SymbolList::parse("exported\n", "list").unwrap();
    let error = convert(&new, &longer).err().unwrap();
    assert!(
        format!("{error:#}").contains("lacked exported"),
        "{error:#}"
    );
}
