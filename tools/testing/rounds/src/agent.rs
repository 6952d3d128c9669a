// SPDX-License-Identifier: GPL-2.0

//! An agent: it has a directory for itself in a BPF file system, and makes calls there without a pause,
//! at random, of which many fail as they have to. Each is a line on standard output. It knows nothing
//! of what has to come out: that is the model's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use anyhow::{anyhow, Context, Result};

use crate::control::{Control, Mode};
use crate::sys::{self, Answer};

/// The magic number of a BPF file system.
const BPF: u64 = 0xcafe_4a11;

/// Numbers at random, the same ones for the same agent.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) % limit
    }

    fn directory(&mut self) -> String {
        format!("d{}", self.below(3))
    }

    fn place(&mut self) -> String {
        match self.below(4) {
            0 => self.directory() + "/",
            _ => String::new(),
        }
    }

    fn file(&mut self) -> String {
        format!("{}f{}", self.place(), self.below(6))
    }

    fn symlink(&mut self) -> String {
        format!("{}s{}", self.place(), self.below(2))
    }
}

struct Agent {
    slot: usize,
    top: PathBuf,
    control: Control,
    maps: Vec<OwnedFd>,
    has_token: bool,
    random: Random,
    out: io::BufWriter<io::Stdout>,
}

/// What an agent is told.
#[derive(clap::Args)]
pub struct Args {
    /// Its number
    #[arg(long)]
    slot: usize,
    /// Its directory
    #[arg(long)]
    top: PathBuf,
    /// It has no right to make maps but by a token from this root directory
    #[arg(long)]
    token_from: Option<PathBuf>,
}

/// Runs until the driver says that it is over.
pub fn run(args: Args) -> Result<()> {
    let control = Control::open()?;
    let failed = |errno| io::Error::from_raw_os_error(errno);
    let mut token = None;
    if let Some(root) = &args.token_from {
        // Somebody else mounts it.
        while sys::file_system(root) != Ok(BPF) {
            thread::sleep(Duration::from_millis(10));
        }
        token = Some(
            sys::token(&File::open(root)?)
                .map_err(failed)
                .context("token")?,
        );
        sys::mkdir(&args.top).map_err(failed)?;
    }
    let maps: Answer<Vec<_>> = (0..3).map(|_| sys::array(1, token.as_ref())).collect();
    let mut agent = Agent {
        slot: args.slot,
        top: args.top,
        control,
        maps: maps.map_err(failed).context("cannot make maps")?,
        has_token: token.is_some(),
        random: Random(0x9e37_79b9_7f4a_7c15 ^ ((args.slot as u64 + 1) << 32)),
        out: io::BufWriter::with_capacity(1 << 16, io::stdout()),
    };
    drop(token);
    for (number, map) in agent.maps.iter().enumerate() {
        let id = sys::id(map).map_err(failed)?;
        writeln!(agent.out, "! {number} {id}")?;
    }
    let mut epoch = 0;
    control.enter(agent.slot, epoch);
    control.wait_for_others();
    sys::be_nice();
    loop {
        let (now, mode) = control.now();
        if now != epoch {
            match mode {
                Mode::Loose => writeln!(agent.out, "# loose")?,
                Mode::Strict | Mode::Stop => agent.walk()?,
            }
            epoch = now;
            if mode == Mode::Stop {
                agent.out.flush()?;
                control.end(agent.slot);
                return Ok(());
            }
            control.enter(agent.slot, epoch);
        }
        agent.step()?;
    }
}

fn shown<T>(answer: Answer<T>, show: impl FnOnce(T) -> String) -> String {
    match answer {
        Ok(value) => show(value),
        Err(errno) => format!("-{errno}"),
    }
}

fn done(answer: Answer<()>) -> String {
    shown(answer, |()| "0".into())
}

fn errno<T>(result: io::Result<T>) -> Answer<T> {
    result.map_err(|error| error.raw_os_error().unwrap_or(0))
}

fn fetch(path: &Path) -> Answer<u32> {
    sys::get(path).and_then(|object| sys::id(&object))
}

fn list(path: &Path) -> Answer<Vec<String>> {
    let mut names = errno(fs::read_dir(path).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()
    }))?;
    names.sort();
    Ok(names)
}

impl Agent {
    /// Makes a call, and says what it has answered.
    fn call(&mut self, call: &str, make: impl FnOnce(&Self) -> String) -> Result<()> {
        let begin = sys::now();
        let said = make(self);
        let end = sys::now();
        self.control.calls(self.slot).fetch_add(1, SeqCst);
        writeln!(self.out, "{begin} {end} {call} {said}").map_err(|error| anyhow!("log: {error}"))
    }

    fn step(&mut self) -> Result<()> {
        let random = &mut self.random;
        match random.below(if self.has_token { 33 } else { 32 }) {
            0..5 => {
                let (file, map) = (random.file(), random.below(3) as usize);
                self.call(&format!("pin {file} {map}"), |agent| {
                    done(
                        agent
                            .maps
                            .get(map)
                            .map_or(Err(0), |map| sys::pin(map, &agent.top.join(&file))),
                    )
                })
            }
            5..10 => {
                let file = match random.below(4) {
                    0 => random.symlink(),
                    _ => random.file(),
                };
                self.call(&format!("get {file}"), |agent| {
                    shown(fetch(&agent.top.join(&file)), |id| id.to_string())
                })
            }
            10..13 => {
                let (from, to) = (random.file(), random.file());
                self.call(&format!("rename {from} {to}"), |agent| {
                    done(sys::rename(&agent.top.join(&from), &agent.top.join(&to)))
                })
            }
            13..15 => {
                let (from, to) = (random.directory(), random.directory());
                self.call(&format!("rename {from} {to}"), |agent| {
                    done(sys::rename(&agent.top.join(&from), &agent.top.join(&to)))
                })
            }
            15..17 => {
                let (from, to) = (random.file(), random.file());
                self.call(&format!("link {from} {to}"), |agent| {
                    done(sys::link(&agent.top.join(&from), &agent.top.join(&to)))
                })
            }
            17..21 => {
                let file = match random.below(5) {
                    0 => random.symlink(),
                    _ => random.file(),
                };
                self.call(&format!("unlink {file}"), |agent| {
                    done(sys::unlink(&agent.top.join(&file)))
                })
            }
            21..23 => {
                let directory = random.directory();
                self.call(&format!("mkdir {directory}"), |agent| {
                    done(sys::mkdir(&agent.top.join(&directory)))
                })
            }
            23 => {
                let directory = random.directory();
                self.call(&format!("rmdir {directory}"), |agent| {
                    done(sys::rmdir(&agent.top.join(&directory)))
                })
            }
            24 => {
                let (path, target) = (random.symlink(), format!("f{}", random.below(6)));
                self.call(&format!("symlink {path} {target}"), |agent| {
                    done(sys::symlink(&target, &agent.top.join(&path)))
                })
            }
            25 => {
                let path = random.symlink();
                self.call(&format!("readlink {path}"), |agent| {
                    let target = errno(fs::read_link(agent.top.join(&path)));
                    shown(target, |target| target.display().to_string())
                })
            }
            26 => {
                let (file, mode) = (random.file(), 0o600 | random.below(8) as u32);
                self.call(&format!("chmod {file} {mode:o}"), |agent| {
                    done(sys::chmod(&agent.top.join(&file), mode))
                })
            }
            27..30 => {
                let file = random.file();
                self.call(&format!("stat {file}"), |agent| {
                    let status = errno(fs::symlink_metadata(agent.top.join(&file)));
                    shown(status, |status| {
                        format!("{:o}:{}", status.mode() & 0o7777, status.nlink())
                    })
                })
            }
            30..32 => {
                let directory = match random.below(2) {
                    0 => random.directory(),
                    _ => ".".into(),
                };
                self.call(&format!("list {directory}"), |agent| {
                    shown(list(&agent.top.join(&directory)), |names| {
                        format!("[{}]", names.join(","))
                    })
                })
            }
            _ => self.call("token", |agent| {
                let root = agent.top.parent().unwrap_or(&agent.top);
                done(
                    errno(File::open(root))
                        .and_then(|root| sys::token(&root))
                        .map(drop),
                )
            }),
        }
    }

    /// Says all that is there.
    fn walk(&mut self) -> Result<()> {
        let mut lines = String::from("# walk\n");
        let mut numbers = BTreeMap::new();
        let mut waiting = vec![PathBuf::new()];
        while let Some(directory) = waiting.pop() {
            for name in list(&self.top.join(&directory)).map_err(io::Error::from_raw_os_error)? {
                let path = directory.join(name);
                let whole = self.top.join(&path);
                let status = fs::symlink_metadata(&whole)?;
                let shown = path.display();
                if status.is_dir() {
                    writeln!(lines, "w {shown} d")?;
                    waiting.push(path);
                } else if status.is_symlink() {
                    writeln!(lines, "w {shown} s {}", fs::read_link(&whole)?.display())?;
                } else {
                    let count = numbers.len();
                    let number = *numbers.entry(status.ino()).or_insert(count);
                    let id = fetch(&whole).map_err(io::Error::from_raw_os_error)?;
                    let mode = status.mode() & 0o7777;
                    writeln!(lines, "w {shown} f {id} {number} {mode:o}")?;
                }
            }
        }
        lines.push_str("# end\n");
        Ok(self.out.write_all(lines.as_bytes())?)
    }
}
