// SPDX-License-Identifier: GPL-2.0

//! Boots a kernel in QEMU, runs a command or the tests in it, and judges the kernel's log.
//!
//! The program is its own init: what a guest sees as its `/` is the root that the program was
//! started in, so that the guest finds there the very file it is to run. That, a control channel
//! and separate ones for output are what it takes for a command in a guest to behave as if it had
//! been run here.

mod accelerator;
mod bench;
mod comparison;
mod coverage;
mod guest;
mod job;
mod kernel_log;
mod ktap;
mod leaks;
mod machine;
mod mutants;
mod outcome;
mod process;
mod qemu;
mod suite;
mod systemd;
mod systemd_comparison;
mod terminal;
mod tsc;
mod work_queue;

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use job::{Impl, Job};

#[derive(Parser)]
#[command(about, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a shell command as root in a guest; its exit status is the command's
    Run {
        #[command(flatten)]
        guest: GuestArgs,
        /// Shell command to run
        command: String,
    },
    /// Work in a guest interactively
    Shell {
        #[command(flatten)]
        guest: GuestArgs,
    },
    /// Run kselftests in a guest and the tests of Cargo projects here, and count them
    Test {
        #[command(flatten)]
        guest: GuestArgs,
        /// Write everything the tests say to this file
        #[arg(long)]
        log: PathBuf,
        /// So many guests at a time
        #[arg(long, value_name = "NUMBER", default_value = "4")]
        at_once: NonZeroUsize,
        /// Cargo project whose tests belong to the suite (may be repeated)
        #[arg(long = "cargo", value_name = "DIR")]
        cargo: Vec<PathBuf>,
        /// Shell command that is to say the same in guests with systemd as first process, on
        /// each implementation
        #[arg(long, value_name = "COMMAND")]
        on_systemd: Option<String>,
        /// Root whose systemd that is (may be repeated); it has this program at the same path
        #[arg(long, value_name = "DIR", default_value = "/")]
        systemd_root: Vec<PathBuf>,
        /// Shell command that says results as kselftests do, in a guest with systemd as first process
        #[arg(long, value_name = "COMMAND")]
        results_on_systemd: Option<String>,
        /// Shell command that runs kselftests in a guest with SELinux
        #[arg(long, value_name = "COMMAND")]
        on_selinux: Option<String>,
        /// All tests are to run on both implementations, but for those in this list
        #[arg(long, value_name = "LIST")]
        one_sided: Option<PathBuf>,
        /// Shell command that runs kselftests; each has a guest of its own
        #[arg(required_unless_present = "results_on_systemd")]
        commands: Vec<String>,
    },
    /// Tell which lines were run, by what modules have counted in guests with --coverage
    Coverage {
        /// Directory of modules that have counted (may be repeated)
        #[arg(required = true)]
        modules: Vec<PathBuf>,
        /// List of the lines that nothing can reach, with reasons
        #[arg(long)]
        unreached: PathBuf,
        /// Directory for the annotated sources
        #[arg(long)]
        out: PathBuf,
        /// Version of LLVM, which is the Rust compiler's
        #[arg(long, default_value = "19")]
        llvm: String,
    },
    /// Count what operations cost on both implementations, in a guest each, and compare
    Bench {
        #[command(flatten)]
        guest: GuestArgs,
        /// Program that counts
        #[arg(long)]
        program: PathBuf,
        /// File of limits
        #[arg(long)]
        limits: PathBuf,
        /// Directory for what the guests say
        #[arg(long)]
        out: PathBuf,
        /// So many guests at a time
        #[arg(long, value_name = "NUMBER", default_value = "2")]
        at_once: NonZeroUsize,
        /// Print JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Put faults into the module, one at a time, and see whether the tests notice
    Mutants {
        #[command(flatten)]
        guest: GuestArgs,
        /// Directory of the faults, as patches
        #[arg(long)]
        patches: PathBuf,
        /// Directory of the test programs
        #[arg(long)]
        selftests: PathBuf,
        /// Directory for what is built, and for the logs
        #[arg(long)]
        out: PathBuf,
        /// The kernel is a debugging one: also run what only that can tell
        #[arg(long)]
        debug: bool,
        /// Mutants to run; all if there are none
        names: Vec<String>,
    },
}

#[derive(Args)]
struct GuestArgs {
    /// Directory with the kernel: vmlinuz, src
    #[arg(long, default_value = "/kernel")]
    kernel: PathBuf,
    /// What the guest sees as its root
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Whose BPF file system is at /sys/fs/bpf
    #[arg(long = "impl", value_enum, default_value_t = Impl::None)]
    implementation: Impl,
    /// Module to load for `--impl rust`
    #[arg(long, required_if_eq("implementation", "rust"))]
    module: Option<PathBuf>,
    /// End the guest after this many seconds
    #[arg(long)]
    timeout: Option<u64>,
    /// Memory of the guest, in MiB
    #[arg(long, default_value_t = 1024)]
    memory: u32,
    /// systemd is the first process, and mounts /sys/fs/bpf
    #[arg(long)]
    systemd: bool,
    /// Boot with SELinux, without a policy
    #[arg(long)]
    selinux: bool,
    /// Count instructions: each takes a nanosecond of the guest's time, on one processor
    #[arg(long)]
    icount: bool,
    /// Load coverage.ko of this directory first, and leave there what its other modules count
    #[arg(long, value_name = "DIR")]
    coverage: Option<PathBuf>,
    /// Environment variable for the command (may be repeated)
    #[arg(long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,
}

impl GuestArgs {
    fn machine(&self) -> machine::Machine {
        machine::Machine {
            name: "guest".to_owned(),
            kernel: self.kernel.clone(),
            root: self.root.clone(),
            memory: self.memory,
            timeout: self.timeout.map(std::time::Duration::from_secs),
            selinux: self.selinux,
            icount: self.icount,
        }
    }

    fn job(&self, command: &str) -> Result<Job> {
        Ok(Job {
            implementation: self.implementation,
            systemd: self.systemd,
            module: self.module.clone(),
            coverage: self.coverage.clone(),
            directory: std::env::current_dir()?,
            env: self.env.clone(),
            command: command.to_owned(),
            ..Job::default()
        })
    }
}

/// A pipe that children do not inherit: its two ends, to read and to write.
fn pipe() -> Result<(File, File)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    Ok((reader.into(), writer.into()))
}

fn run(cli: Cli) -> Result<u8> {
    match cli.command {
        Command::Run { guest, command } => machine::run(&guest.machine(), guest.job(&command)?),
        Command::Shell { guest } => machine::shell(&guest.machine(), guest.job("")?),
        Command::Test {
            guest,
            log,
            at_once,
            cargo,
            on_systemd,
            systemd_root,
            results_on_systemd,
            on_selinux,
            one_sided,
            commands,
        } => {
            let jobs = commands.iter().map(|command| guest.job(command));
            let with_systemd = results_on_systemd.iter().map(|command| {
                let job = guest.job(command)?;
                Ok(Job {
                    systemd: true,
                    ..job
                })
            });
            let jobs = jobs.chain(with_systemd);
            let job = |command: Option<String>| command.map(|c| guest.job(&c)).transpose();
            let plan = suite::Plan {
                jobs: jobs.collect::<Result<_>>()?,
                selinux: job(on_selinux)?,
                systemd: job(on_systemd)?,
                systemd_roots: systemd_root,
                log,
                at_once,
                cargo,
                one_sided,
            };
            suite::run(&guest.machine(), plan)
        }
        Command::Coverage {
            modules,
            unreached,
            out,
            llvm,
        } => {
            let plan = coverage::Plan {
                modules,
                unreached,
                out,
                llvm,
            };
            coverage::run(&plan)
        }
        Command::Bench {
            guest,
            program,
            limits,
            out,
            at_once,
            json,
        } => {
            let plan = bench::Plan {
                program,
                limits,
                out,
                at_once,
                json,
            };
            bench::run(&guest.machine(), &guest.job("")?, &plan)
        }
        Command::Mutants {
            guest,
            patches,
            selftests,
            out,
            debug,
            names,
        } => {
            let plan = mutants::Plan {
                patches,
                selftests,
                out,
                debug,
                names,
            };
            mutants::run(&guest.machine(), &guest.job("")?, plan)
        }
    }
}

fn main() -> ExitCode {
    let init =
        std::process::id() == 1 && std::env::args().nth(1).as_deref() == Some(guest::ARGUMENT);
    if init || systemd::is_agent() {
        guest::main();
    }
    match run(Cli::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("bpffs: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
