// SPDX-License-Identifier: GPL-2.0

//! What operations cost on C's implementation and on ours: counted in two guests that differ in
//! nothing else, and compared.

mod limits;
mod report;

use std::fs::{self, File};
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{bail, Context, Result};

use crate::job::{Impl, Job};
use crate::machine::Machine;
use crate::work_queue::{self, Work};

use limits::Limits;
use report::{Report, Said};

/// What is to be compared.
pub struct Plan {
    /// The program that counts.
    pub program: PathBuf,
    /// The file of limits.
    pub limits: PathBuf,
    /// Directory for what the guests say.
    pub out: PathBuf,
    /// So many guests at a time.
    pub at_once: NonZeroUsize,
    /// For a program to read, rather than a person.
    pub json: bool,
}

/// Counts, and shows the table; fails if something is above its limit.
pub fn run(machine: &Machine, job: &Job, plan: &Plan) -> Result<u8> {
    // What is wrong with it is not to be told after minutes.
    let limits = Limits::read(&plan.limits)?;
    fs::create_dir_all(&plan.out).with_context(|| plan.out.display().to_string())?;
    let guests: Vec<Work<'_, (Impl, String)>> = [(Impl::C, "c"), (Impl::Rust, "rust")]
        .into_iter()
        .map(|(implementation, name)| -> Work<'_, _> {
            Box::new(move || {
                let said = guest(machine, job, plan, implementation, name)
                    .with_context(|| format!("the guest bench-{name}"))?;
                Ok((implementation, said))
            })
        })
        .collect();
    let said = work_queue::run(guests, plan.at_once)?;
    let of = |wanted| {
        let said = said.iter().find(|(which, _)| *which == wanted);
        said.map(|(_, text)| Said::parse(text))
            .with_context(|| format!("no guest of {wanted:?}"))?
    };
    let report = Report::new(&of(Impl::C)?, &of(Impl::Rust)?, &limits)?;
    if plan.json {
        println!("{}", report.json()?);
    } else {
        print!("{}", report.table());
    }
    Ok(u8::from(!report.is_good()))
}

/// What the program says in a guest with this implementation.
fn guest(
    machine: &Machine,
    job: &Job,
    plan: &Plan,
    implementation: Impl,
    name: &str,
) -> Result<String> {
    let begin = Instant::now();
    let machine = Machine {
        name: format!("bench-{name}"),
        icount: true,
        ..machine.clone()
    };
    let job = Job {
        implementation,
        command: format!("exec '{}'", plan.program.display()),
        ..job.clone()
    };
    let path = plan.out.join(name).with_extension("tsv");
    let file = File::create(&path).with_context(|| path.display().to_string())?;
    let outcome = machine.boot(&job, Box::new(file), Box::new(io::stderr()))?;
    if outcome.report() {
        bail!("the kernel or the guest complains");
    }
    if outcome.status != Some(0) {
        bail!("{} failed", plan.program.display());
    }
    eprintln!(
        "bpffs: counted in bench-{name}, which says in {}: {} s",
        path.display(),
        begin.elapsed().as_secs()
    );
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}
