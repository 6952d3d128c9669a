// SPDX-License-Identifier: GPL-2.0

//! bpffsctl, which moves the trees.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

use crate::replay::Span;
use crate::sys;

/// A run takes no longer.
const PATIENCE: Duration = Duration::from_secs(400);

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To bpffs.
    Takeover,
    /// Back to the kernel's own.
    Release,
}

impl Direction {
    /// What bpffsctl calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Takeover => "takeover",
            Self::Release => "release",
        }
    }
}

/// How a run has ended.
pub struct Run {
    /// When it was.
    pub span: Span,
    /// What it has said.
    pub said: String,
    /// Its status; none if it was killed.
    pub status: Option<i32>,
}

impl Run {
    /// Whether all was moved. An agent may have a directory open that very moment, which is told.
    pub fn is_done(&self) -> bool {
        let expected = |line: &str| {
            line.starts_with("moved ")
                || line.contains("stays in the old tree")
                    && !line.contains("another mount is over it")
                || line.contains("nothing is to be moved")
                || line.trim().is_empty()
        };
        match self.status {
            Some(0) => true,
            Some(3) => self.said.lines().all(expected),
            _ => false,
        }
    }

    /// For how long calls were held back, as it says itself.
    pub fn held(&self) -> Vec<f64> {
        let held = |line: &str| {
            let (_, rest) = line.split_once("changes waited for ")?;
            rest.split_once(" ms")?.0.parse().ok()
        };
        self.said.lines().filter_map(held).collect()
    }
}

/// The program, and which module it loads.
pub struct Ctl {
    /// The program.
    pub program: PathBuf,
    /// The module.
    pub module: PathBuf,
}

impl Ctl {
    /// Runs it; kills it after a while, if that is wanted.
    pub fn run(&self, direction: Direction, killed_after: Option<Duration>) -> Result<Run> {
        let begin = sys::now();
        let started = Instant::now();
        let mut command = Command::new(&self.program);
        command.arg(direction.word());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| self.program.display().to_string())?;
        let (mut out, mut err) = (
            child.stdout.take().context("no pipe")?,
            child.stderr.take().context("no pipe")?,
        );
        let reader = thread::spawn(move || {
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            text
        });
        let other = thread::spawn(move || {
            let mut text = String::new();
            let _ = out.read_to_string(&mut text);
            text
        });
        let mut is_killed = false;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if !is_killed && killed_after.is_some_and(|after| started.elapsed() >= after) {
                is_killed = true;
                child.kill()?;
            }
            if started.elapsed() > PATIENCE {
                let stack = std::fs::read_to_string(format!("/proc/{}/stack", child.id()));
                child.kill()?;
                bail!("bpffsctl {} does not end: {stack:?}", direction.word());
            }
            thread::sleep(Duration::from_micros(500));
        };
        let end = sys::now();
        let text = |thread: thread::JoinHandle<String>| thread.join().unwrap_or_default();
        let said = text(other) + &text(reader);
        Ok(Run {
            span: (begin, end),
            said,
            status: status.code(),
        })
    }

    /// Loads the module.
    pub fn load(&self) -> Result<()> {
        let output = Command::new(&self.program)
            .args(["load", "--module"])
            .arg(&self.module)
            .output()?;
        if !output.status.success() {
            bail!("load: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}
