// SPDX-License-Identifier: GPL-2.0

//! Sequences. The file's name says of what.

use crate::{
    counted::{Counted, ALL, SEQUENCES},
    TestFs,
};
use fs::{
    seq::{SeqAccess, SeqFileOperations, SeqWriter, Sequence},
    INode,
};
use kernel::{prelude::*, seq_print, str::CString};

/// What a record is.
enum Kind {
    /// Its number, in so many records.
    Numbers(u64),
    /// Its number, in a line that alone is larger than a buffer.
    Large,
    /// Its number in each 100th record; nothing in the others.
    Sparse,
    /// Its number, in ten records; the next one fails.
    Failing,
    /// A counter of the module's.
    Counts,
    /// What the last operation was told.
    Log(Option<CString>),
}

/// What an open file reads.
pub(crate) struct Reader {
    _counted: Counted,
    kind: Kind,
    at: u64,
}

impl Reader {
    fn new(inode: &INode<TestFs>) -> Result<Self> {
        let counted = Counted::new(&SEQUENCES);
        let name: &[u8] = inode.data().name();
        let kind = match name {
            b"counts" => Kind::Counts,
            b"log" => {
                let log = inode.super_block().data().log.lock();
                Kind::Log(log.as_deref().map(CString::try_from).transpose()?)
            }
            b"large" => Kind::Large,
            b"sparse" => Kind::Sparse,
            b"broken" => Kind::Failing,
            b"none" => Kind::Numbers(0),
            b"refused" => return Err(EDOM),
            _ => Kind::Numbers(20_000),
        };
        Ok(Self {
            _counted: counted,
            kind,
            at: 0,
        })
    }

    fn there_is_one(&self) -> bool {
        self.at
            < match self.kind {
                Kind::Numbers(number) => number,
                Kind::Large => 3,
                Kind::Sparse => 1000,
                Kind::Failing => u64::MAX,
                Kind::Counts => ALL.len() as u64,
                Kind::Log(_) => 1,
            }
    }
}

impl Sequence for Reader {
    fn start(&mut self, position: u64) -> bool {
        self.at = position;
        self.there_is_one()
    }

    fn next(&mut self) -> bool {
        self.at = self.at.saturating_add(1);
        self.there_is_one()
    }

    fn show(&self, m: &SeqWriter<'_>) -> Result {
        let at = self.at;
        match &self.kind {
            Kind::Numbers(_) => seq_print!(m, "{at:06}\n"),
            Kind::Large => seq_print!(m, "{at:020000}\n"),
            Kind::Sparse if at % 100 == 0 => seq_print!(m, "{at:06}\n"),
            Kind::Sparse => {}
            Kind::Failing if at < 10 => seq_print!(m, "{at:06}\n"),
            Kind::Failing => return Err(EDOM),
            Kind::Counts => {
                let counter = usize::try_from(at).ok().and_then(|at| ALL.get(at));
                let (name, made, dropped) = counter.ok_or(EINVAL)?.read();
                seq_print!(m, "{name} {made} {dropped}\n");
            }
            Kind::Log(Some(text)) => seq_print!(m, "{}\n", text.to_str()?),
            Kind::Log(None) => {}
        }
        Ok(())
    }
}

pub(crate) struct Records;

impl SeqFileOperations for Records {
    type FileSystem = TestFs;
    type Sequence = Reader;

    fn open(inode: &INode<TestFs>) -> Result<Reader> {
        Reader::new(inode)
    }
}

/// Read from the beginning to the end only.
pub(crate) struct Once;

impl SeqFileOperations for Once {
    type FileSystem = TestFs;
    type Sequence = Reader;
    const ACCESS: SeqAccess = SeqAccess::ReadOnly;

    fn open(inode: &INode<TestFs>) -> Result<Reader> {
        Reader::new(inode)
    }
}

/// With a size that `truncate(2)` sets.
pub(crate) struct Resizable;

impl SeqFileOperations for Resizable {
    type FileSystem = TestFs;
    type Sequence = Reader;
    const RESIZABLE: bool = true;

    fn open(inode: &INode<TestFs>) -> Result<Reader> {
        Reader::new(inode)
    }
}
