// SPDX-License-Identifier: GPL-2.0
//! Damaged and hostile files: an error or a result, never a panic.

mod common;

use std::fs;
use std::panic::catch_unwind;

use common::{Dir, LIST};
use klp_relocate::convert::{convert, Outcome};
use klp_relocate::elf::Elf;
use klp_relocate::klp::Contents;
use klp_relocate::symbols::SymbolList;

/// xorshift64, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// Takes `file` through all that reads modules. Says whether it could be converted.
fn exercise(file: &[u8], list: &SymbolList) -> bool {
    if let Ok(elf) = Elf::parse(file) {
        // Whether these fail or not is beside the point.
        let _ = elf
            .symbol_table()
            .and_then(|table| Contents::read(&elf, &table));
    }
    let Ok(Outcome::Converted(new, _)) = convert(file, list) else {
        return false;
    };
    // What was converted must be sound, whatever it was made from.
    assert!(new.len() <= 2 * file.len() + 65536, "grew to {}", new.len());
    match convert(&new, list) {
        Ok(Outcome::AlreadyConverted) => true,
        Ok(_) => panic!("was converted twice"),
        Err(e) => panic!("cannot be read again: {e:#}"),
    }
}

fn attempt(what: &str, file: &[u8], list: &SymbolList) -> bool {
    catch_unwind(|| exercise(file, list)).unwrap_or_else(|_| panic!("{what}"))
}

fn inputs() -> (Vec<Vec<u8>>, SymbolList) {
    let dir = Dir::new();
    let list = SymbolList::parse(LIST, "list").unwrap();
    let file = fs::read(dir.module("m.ko")).unwrap();
    let Ok(Outcome::Converted(converted, _)) = convert(&file, &list) else {
        panic!("not converted");
    };
    (vec![file, converted], list)
}

// Catches: reading beyond the end of the file.
#[test]
fn truncated() {
    let (files, list) = inputs();
    for file in files {
        for len in 0..file.len() {
            let converted = attempt(&format!("truncated to {len}"), &file[..len], &list);
            assert!(
                !converted,
                "the section headers are last, {len} bytes lack some"
            );
        }
    }
}

// Catches: trust in sizes, offsets, indices, counts, types and names.
#[test]
fn mutated() {
    let (files, list) = inputs();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut outcomes = [0usize; 2];
    for original in &files {
        let shoff = u64::from_le_bytes(original[40..48].try_into().unwrap()) as usize;
        let symtab = common::Image::read(original);
        let symtab = &symtab.sections[symtab.section(".symtab")].1;
        let symtab = symtab.sh_offset.get(object::LittleEndian) as usize;
        for round in 0..20_000 {
            let mut file = original.clone();
            for _ in 0..=random.below(3) {
                // Mostly where it hurts.
                let at = match random.below(4) {
                    0 => random.below(64),
                    1 | 2 => shoff + random.below(original.len() - shoff),
                    _ if random.below(2) == 0 => symtab + random.below(1024),
                    _ => random.below(original.len()),
                };
                let values = [0, 1, 0x7f, 0x80, 0xff, file[at] ^ (1 << random.below(8))];
                file[at] = values[random.below(values.len())];
            }
            let converted = attempt(&format!("round {round}"), &file, &list);
            outcomes[usize::from(converted)] += 1;
        }
    }
    // Catches: a test that never gets past the first check.
    assert!(outcomes.iter().all(|&n| n > 1000), "{outcomes:?}");
}
