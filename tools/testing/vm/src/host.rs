// SPDX-License-Identifier: GPL-2.0

//! Starts QEMU and a guest in it, and relays what comes from there.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, Context, Error, Result};
use rustix::io::{fcntl_setfd, FdFlags};
use rustix::termios::{tcgetattr, tcgetwinsize, tcsetattr, OptionalActions, Termios};

use crate::guest;
use crate::job::{self, Job, Message};
use crate::tsc;

/// How long a guest may take to start the command.
const BOOT_LIMIT: Duration = Duration::from_secs(600);
/// A guest under KVM is up in two seconds; one that hangs never is.
const PROBE_LIMIT: Duration = Duration::from_secs(15);
/// How long the guest may take to put things back after the command, and then to end: in this time
/// its kernel says on the console which task hangs, if one does.
const END_LIMIT: Duration = Duration::from_secs(300);
/// Lines of the console shown for a guest that died.
const CONSOLE_TAIL: usize = 60;
/// The socket for the guest's file system, in the guest's directory; not abstract, as QEMU and
/// virtiofsd want a path.
const FS_SOCKET: &str = "fs.sock";
/// Held while there are descriptors that a child is to inherit, lest another's child does, too: it
/// would keep them open.
pub static SPAWNING: Mutex<()> = Mutex::new(());

/// A guest did not come to its end in time, which may as well be for want of a processor.
#[derive(Debug)]
pub struct TooLong(String);

impl TooLong {
    /// It was to do this.
    pub fn to(doing: &str) -> Self {
        Self(format!("the guest took too long to {doing}"))
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooLong {}
/// The stock kernels' security modules, with SELinux the one that labels. It has no policy yet, so
/// it allows everything; from the first policy on it enforces that.
const SELINUX: &str =
    " lsm=landlock,lockdown,yama,loadpin,safesetid,integrity,selinux,bpf,ipe enforcing=1";
/// QEMU's arguments for hardware virtualisation.
const KVM: &[&str] = &["-accel", "kvm", "-cpu", "host"];
/// The same for emulation. Page tables of five levels only cost time, and QEMU has trouble with
/// them and KASAN.
const TCG: &[&str] = &[
    "-accel",
    "tcg,thread=multi,tb-size=512",
    "-cpu",
    "max,la57=off",
];
/// The cache's directory for what was learnt about this machine.
const STATE: &str = "BPFFS_STATE";

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
}

/// How it went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The command's exit status, if it came to that.
    pub status: Option<u8>,
    /// What went wrong besides the command.
    pub errors: Vec<String>,
    /// The report on kernel messages that should not be.
    pub kernel: Vec<String>,
}

impl Outcome {
    /// Shows what went wrong; returns whether anything did.
    pub fn report(&self) -> bool {
        if !self.kernel.is_empty() {
            eprintln!("bpffs: error: the kernel complains:");
            for line in &self.kernel {
                eprintln!("    {line}");
            }
        }
        for error in &self.errors {
            eprintln!("bpffs: error: {error}");
        }
        !self.kernel.is_empty() || !self.errors.is_empty()
    }

    fn exit_status(&self) -> u8 {
        match (self.report(), self.status) {
            (_, Some(status @ 1..)) => status,
            (false, Some(0)) => 0,
            _ => 1,
        }
    }
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

/// The terminal in raw mode, until it is dropped.
struct RawTerminal(Termios);

impl RawTerminal {
    fn new() -> Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Processes that end with their owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
        let accelerator = self.accelerator()?;
        self.boot_with(accelerator, job, stdout, stderr, BOOT_LIMIT)
    }

    fn boot_with(
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
        let mut qemu = self.qemu(accelerator)?;
        let control = attach(&mut qemu, guest::CONTROL, "virtserialport")?;
        let out = attach(&mut qemu, guest::STDOUT, "virtserialport")?;
        let err = attach(&mut qemu, guest::STDERR, "virtserialport")?;
        let console = attach(&mut qemu, "ttyS0", "isa-serial")?;
        let terminal = job
            .console
            .map(|_| attach(&mut qemu, "hvc0", "virtconsole"))
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
    fn directory(&self) -> PathBuf {
        Path::new(job::DIRECTORY).join(&self.name)
    }

    /// The same, as it is seen here.
    fn directory_here(&self) -> PathBuf {
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

    /// QEMU's command line but for the channels.
    fn qemu(&self, accelerator: &[&str]) -> Result<Qemu> {
        let init = std::env::current_exe()?;
        // Long limits for what a slow host could be taken for, as is an unstable clock, or a timer
        // whose interrupts do not come; a log that holds everything, but no larger: kmemleak
        // searches it.
        let append = format!(
            "console=ttyS0 quiet root=bpffs rootfstype=virtiofs rw panic=-1 oops=panic \
             log_buf_len=4M printk.devkmsg=on watchdog_thresh=60 devtmpfs.mount=0 \
             rcupdate.rcu_cpu_stall_timeout=300 tsc=reliable{}{} init={} -- {} {}",
            if accelerator == TCG {
                format!(" no_timer_check tsc_early_khz={}", tsc::khz())
            } else {
                String::new()
            },
            if self.selinux { SELINUX } else { "" },
            init.display(),
            guest::ARGUMENT,
            self.directory().join(job::FILE).display()
        );
        let memory = self.memory;
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(accelerator)
            // A socket each: without ACPI, a kernel finds the first processor of each only.
            .args(["-machine", "q35", "-smp", "2,sockets=2", "-m"])
            .arg(format!("{memory}M"))
            .arg("-object")
            .arg(format!(
                "memory-backend-memfd,id=memory,size={memory}M,share=on"
            ))
            .args(["-numa", "node,memdev=memory"])
            .args([
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
            ])
            .arg("-chardev")
            .arg(format!(
                "socket,id=fs,path={}",
                self.directory_here().join(FS_SOCKET).display()
            ))
            .args(["-device", "vhost-user-fs-pci,chardev=fs,tag=bpffs"])
            .args(["-device", "virtio-serial-pci"])
            .arg("-kernel")
            .arg(self.kernel.join("vmlinuz"))
            .args(["-append", &append]);
        Ok(Qemu {
            command,
            inherited: Vec::new(),
        })
    }

    /// Finds out what [`Self::boot`] would otherwise, before several guests do at the same time.
    pub fn prepare(&self) -> Result<()> {
        self.accelerator().map(drop)
    }

    /// KVM if a guest was seen to boot under it since this machine's boot, else TCG.
    fn accelerator(&self) -> Result<&'static [&'static str]> {
        let openable = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok();
        if !openable {
            return Ok(TCG);
        }
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let memory = std::env::var_os(STATE).map(|state| Path::new(&state).join("kvm"));
        let known = memory
            .as_ref()
            .and_then(|path| fs::read_to_string(path).ok());
        let works = match known.as_deref().and_then(|text| text.strip_prefix(&boot)) {
            Some(answer) => answer == "works",
            None => {
                eprintln!("bpffs: trying KVM ...");
                let begin = Instant::now();
                let job = Job {
                    directory: "/".into(),
                    command: "true".into(),
                    ..Job::default()
                };
                let probe = self.boot_with(
                    KVM,
                    &job,
                    Box::new(io::sink()),
                    Box::new(io::sink()),
                    PROBE_LIMIT,
                );
                let works = probe.is_ok_and(|outcome| outcome.status == Some(0));
                eprintln!(
                    "bpffs: trying KVM: {}: {} s",
                    if works {
                        "works"
                    } else {
                        "runs no guest, so QEMU emulates"
                    },
                    begin.elapsed().as_secs()
                );
                if let Some(path) = memory {
                    let answer = if works { "works" } else { "does not" };
                    fs::write(&path, format!("{boot}{answer}"))?;
                    if !works {
                        // A host that was only busy may have been too slow for the limit.
                        eprintln!("bpffs: to try it again, delete {}", path.display());
                    }
                }
                works
            }
        };
        Ok(if works { KVM } else { TCG })
    }
}

/// Adds to why a guest was given up what QEMU said and how the guest's console ends. The error is
/// one line before that; it stays a [`TooLong`] if it is one.
pub fn with_console(error: &Error, why: &str, console: &str) -> Error {
    let lines: Vec<_> = console.lines().collect();
    let tail = &lines[lines.len().saturating_sub(CONSOLE_TAIL)..];
    let text = format!(
        "{error:#}{}{why}\nThe guest's console ends so:\n{}",
        if why.is_empty() { "" } else { "; " },
        tail.join("\n")
    );
    if error.is::<TooLong>() {
        TooLong(text).into()
    } else {
        anyhow!(text)
    }
}

/// Waits for a process to end; whether it does so in time.
fn ends_within(child: &mut Child, limit: Duration) -> io::Result<bool> {
    let end = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(true)
}

/// A command line with the descriptors it refers to.
struct Qemu {
    command: Command,
    inherited: Vec<OwnedFd>,
}

/// Gives QEMU a device with a channel to us; returns our end.
fn attach(qemu: &mut Qemu, name: &str, device: &str) -> Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    fcntl_setfd(&theirs, FdFlags::empty())?;
    let id = name.replace('.', "-");
    qemu.command
        .arg("-chardev")
        .arg(format!("socket,id={id},fd={}", theirs.as_raw_fd()))
        .arg("-device")
        .arg(match device {
            "virtserialport" => format!("{device},chardev={id},name={name}"),
            _ => format!("{device},chardev={id}"),
        });
    qemu.inherited.push(theirs.into());
    Ok(ours)
}

/// Serves a root to the guest.
fn start_virtiofsd(root: &Path, socket: &Path, long: bool) -> Result<Running> {
    let _ = fs::remove_file(socket);
    let listener = UnixListener::bind(socket).with_context(|| socket.display().to_string())?;
    fcntl_setfd(&listener, FdFlags::empty())?;
    // In a shell one wants to see what is edited outside; a command has no time for that.
    let cache = if long { "auto" } else { "always" };
    let log = File::create(socket.with_extension("log"))?;
    let child = Command::new("/usr/libexec/virtiofsd")
        .arg(format!("--fd={}", listener.as_raw_fd()))
        .arg("--shared-dir")
        .arg(root)
        .args(["--sandbox=none", "--announce-submounts"])
        .arg(format!("--cache={cache}"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("virtiofsd")?;
    Ok(Running(child))
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

    /// How a guest ends that says this and then nothing more, or dies.
    fn end(messages: &[Message], dies: bool) -> Error {
        let machine = Machine {
            name: String::new(),
            kernel: PathBuf::new(),
            root: PathBuf::new(),
            memory: 0,
            timeout: Some(Duration::ZERO),
            selinux: false,
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

    // Catches: a wait for a guest that hangs, or a guest that ends and is not noticed.
    #[test]
    fn waiting_has_an_end() {
        let sleep = |time| {
            let child = Command::new("sleep").arg(time).spawn().unwrap();
            Running(child)
        };
        assert!(!ends_within(&mut sleep("1000").0, Duration::from_millis(50)).unwrap());
        assert!(ends_within(&mut sleep("0.1").0, Duration::from_secs(100)).unwrap());
    }
}
