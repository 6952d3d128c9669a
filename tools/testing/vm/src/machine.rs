// SPDX-License-Identifier: GPL-2.0

//! A guest: boots it, has it do a job, relays what comes from there, and follows it to its end.

use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use rustix::termios::tcgetwinsize;

use crate::accelerator;
use crate::guest;
use crate::job::{self, Job, Message};
use crate::outcome::{with_console, Outcome, TooLong};
use crate::process::{ends_within, Running, SPAWNING};
use crate::qemu::{start_virtiofsd, Qemu, FS_SOCKET};
use crate::terminal::RawTerminal;

/// How long a guest may take to start the command.
const BOOT_LIMIT: Duration = Duration::from_secs(600);
/// How long the guest may take to put things back after the command, and then to end: in this time
/// its kernel says on the console which task hangs, if one does.
const END_LIMIT: Duration = Duration::from_secs(300);
/// What a guest is made of.
#[derive(Clone)]
pub struct Machine {
    /// Tells guests that run at the same time apart.
    pub name: String,
    /// Directory of the kernel.
    pub kernel: PathBuf,
    /// What the guest sees as its `/`; this program is at the same path in it.
    pub root: PathBuf,
    /// Memory in MiB.
    pub memory: u32,
    /// Limit for the command.
    pub timeout: Option<Duration>,
    /// SELinux is one of the security modules, in place of those that exclude it.
    pub selinux: bool,
    /// Time is the number of instructions that were executed, on one processor.
    pub icount: bool,
}

/// Runs the job with its output going to ours; returns the exit status.
pub fn run(machine: &Machine, mut job: Job) -> Result<u8> {
    let stdout = rustix::fs::fstat(io::stdout().as_fd())?;
    let stderr = rustix::fs::fstat(io::stderr().as_fd())?;
    job.one_stream = (stdout.st_dev, stdout.st_ino) == (stderr.st_dev, stderr.st_ino);
    let outcome = machine.boot(&job, Box::new(io::stdout()), Box::new(io::stderr()))?;
    Ok(outcome.exit_status())
}

/// Runs a shell on this terminal; returns its exit status.
pub fn shell(machine: &Machine, mut job: Job) -> Result<u8> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        bail!("a shell needs a terminal: use make vm CMD='...' without one");
    }
    let size = tcgetwinsize(io::stdin())?;
    job.console = Some((size.ws_row, size.ws_col));
    job.env.push(format!(
        "TERM={}",
        std::env::var("TERM").unwrap_or_else(|_| "linux".into())
    ));
    let raw = RawTerminal::new()?;
    let outcome = machine.boot(&job, Box::new(io::stdout()), Box::new(io::stderr()));
    drop(raw);
    Ok(outcome?.exit_status())
}

/// What the threads that listen to the guest find.
enum Event {
    Message(Message),
    /// The control channel is closed: QEMU has ended.
    Closed,
}

impl Machine {
    /// Boots, does the job, and relays the command's output.
    pub fn boot(
        &self,
        job: &Job,
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
    ) -> Result<Outcome> {
        let accelerator = accelerator::choose(self)?;
        self.boot_with(accelerator, job, stdout, stderr, BOOT_LIMIT)
    }

    /// The same by these means, with another limit for the boot.
    pub fn boot_with(
        &self,
        accelerator: &[&str],
        job: &Job,
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
        boot_limit: Duration,
    ) -> Result<Outcome> {
        let directory = self.directory_here();
        fs::create_dir_all(&directory)?;
        job.write(&directory.join(job::FILE))?;

        let spawning = SPAWNING.lock();
        let mut qemu = Qemu::new(self, accelerator)?;
        let control = qemu.attach(guest::CONTROL, "virtserialport")?;
        let out = qemu.attach(guest::STDOUT, "virtserialport")?;
        let err = qemu.attach(guest::STDERR, "virtserialport")?;
        let console = qemu.attach("ttyS0", "isa-serial")?;
        let terminal = job
            .console
            .map(|_| qemu.attach("hvc0", "virtconsole"))
            .transpose()?;

        let _virtiofsd = start_virtiofsd(
            &self.root,
            &directory.join(FS_SOCKET),
            job.console.is_some(),
        )?;
        let mut running = Running(
            qemu.command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .context("qemu-system-x86_64")?,
        );
        // QEMU's ends are QEMU's alone now: the channels end when it does.
        drop(qemu);
        drop(spawning);

        let complaints = running.0.stderr.take().map(collect);
        let console = collect(console);
        let mut relays = vec![relay(out, stdout), relay(err, stderr)];
        if let Some(terminal) = terminal {
            relay(io::stdin(), Box::new(terminal.try_clone()?));
            relays.push(relay(terminal, Box::new(io::stdout())));
        }
        let mut outcome = self.attend(listen(control), boot_limit);
        let mut ends = false;
        if let Ok(said) = &mut outcome {
            ends = ends_within(&mut running.0, END_LIMIT)?;
            if !ends {
                let late = TooLong::to("sync its file systems and reboot, after all else was done");
                // Of a guest that is known to be bad, that is what to tell.
                if said.kernel.is_empty() && said.errors.is_empty() && said.status == Some(0) {
                    outcome = Err(late.into());
                } else {
                    said.errors.push(format!("{late:#}"));
                }
            }
        }
        if !ends {
            running.0.kill()?;
        }
        let status = running.0.wait()?;
        for relay in relays {
            let _ = relay.join();
        }
        let said = console.join().unwrap_or_default();
        outcome.map_err(|error| {
            let complaints = complaints.and_then(|c| c.join().ok()).unwrap_or_default();
            let why = if status.success() {
                ""
            } else {
                complaints.trim()
            };
            with_console(&error, why, &said)
        })
    }

    /// The guest's directory, as it sees it.
    pub fn directory(&self) -> PathBuf {
        Path::new(job::DIRECTORY).join(&self.name)
    }

    /// The same, as it is seen here.
    pub fn directory_here(&self) -> PathBuf {
        let directory = self.directory();
        self.root
            .join(directory.strip_prefix("/").unwrap_or(&directory))
    }

    /// Follows the guest to its end.
    fn attend(&self, events: Receiver<Event>, boot_limit: Duration) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut end = Some(Instant::now() + boot_limit);
        let mut doing = "boot";
        loop {
            let event = match end {
                Some(end) => events.recv_timeout(end.saturating_duration_since(Instant::now())),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(Event::Message(Message::Started)) => {
                    doing = "finish the command";
                    end = self.timeout.map(|limit| Instant::now() + limit);
                }
                Ok(Event::Message(Message::Exit(status))) => {
                    outcome.status = Some(status);
                    doing = "clean up after the command";
                    end = Some(Instant::now() + END_LIMIT);
                }
                Ok(Event::Message(Message::Error(text))) => outcome.errors.push(text),
                Ok(Event::Message(Message::Kernel(line))) => outcome.kernel.push(line),
                Ok(Event::Message(Message::End)) => return Ok(outcome),
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => {
                    outcome.report();
                    bail!("the guest died before it could {doing}")
                }
                Err(RecvTimeoutError::Timeout) => {
                    outcome.report();
                    bail!(TooLong::to(doing))
                }
            }
        }
    }

    /// Finds out what [`Self::boot`] would otherwise, before several guests do at the same time.
    pub fn prepare(&self) -> Result<()> {
        accelerator::choose(self).map(drop)
    }
}

fn relay(
    mut from: impl Read + Send + 'static,
    mut to: Box<dyn Write + Send>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 16384];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let data = buffer.get(..length).unwrap_or_default();
            if to.write_all(data).and_then(|()| to.flush()).is_err() {
                return;
            }
        }
    })
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut data = Vec::new();
        let _ = from.read_to_end(&mut data);
        String::from_utf8_lossy(&data).replace('\r', "")
    })
}

fn listen(control: UnixStream) -> Receiver<Event> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(control).lines().map_while(Result::ok) {
            if let Some(message) = Message::parse(&line) {
                let _ = sender.send(Event::Message(message));
            }
        }
        let _ = sender.send(Event::Closed);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Error;

    /// How a guest ends that says this and then nothing more, or dies.
    fn end(messages: &[Message], dies: bool) -> Error {
        let machine = Machine {
            name: String::new(),
            kernel: PathBuf::new(),
            root: PathBuf::new(),
            memory: 0,
            timeout: Some(Duration::ZERO),
            selinux: false,
            icount: false,
        };
        let (sender, events) = mpsc::channel();
        for message in messages {
            sender.send(Event::Message(message.clone())).unwrap();
        }
        if dies {
            sender.send(Event::Closed).unwrap();
        }
        let error = machine.attend(events, Duration::ZERO).unwrap_err();
        with_console(&error, "", "[ 1.0] x\n[ 2.0] y\n")
    }

    // Catches: a slow guest that cannot be told from one that died, or an error that does not say
    // what is known of either.
    #[test]
    fn slow_guests_are_told_from_dead_ones() {
        let error = end(&[], false);
        assert!(error.is::<TooLong>());
        assert_eq!(
            format!("{error:#}"),
            "the guest took too long to boot\nThe guest's console ends so:\n[ 1.0] x\n[ 2.0] y"
        );
        let error = end(&[Message::Started], false);
        assert!(error.is::<TooLong>());
        assert!(error.to_string().contains("too long to finish the command"));
        let error = end(&[Message::Started], true);
        assert!(!error.is::<TooLong>());
        assert!(error.to_string().starts_with("the guest died before"));
        let error = with_console(&error, "no memory", "");
        assert!(error.to_string().contains("y; no memory\nThe guest's"));
    }
}
