// SPDX-License-Identifier: GPL-2.0

//! The first process of a guest.

mod counted;
mod module;
mod mounts;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use rustix::mount::{mount, unmount, MountFlags, UnmountFlags};
use rustix::process::{kill_process, Pid, Signal, WaitOptions};

use crate::coverage::COUNTED;
use crate::job::{Impl, Job, Message};
use crate::kernel_log;
use crate::leaks;
use crate::pipe;
use crate::systemd;

/// The argument by which the program knows that it is init; the next is the path of its job.
pub const ARGUMENT: &str = "guest";
/// Names of the channels to the host.
pub const CONTROL: &str = "bpffs.control";
/// The command's standard output, or both if they are one stream.
pub const STDOUT: &str = "bpffs.stdout";
/// The command's standard error.
pub const STDERR: &str = "bpffs.stderr";

const BPFFS: &str = "/sys/fs/bpf";
/// How long the kernel may take for what it does in the background.
const PATIENCE: Duration = Duration::from_secs(300);

/// Does the job, tells the host, and ends the machine.
pub fn main() -> ! {
    if let Err(error) = run() {
        // The host shows its end of the console when the guest ends without having said so.
        eprintln!("bpffs-vm: {error:#}");
    }
    rustix::fs::sync();
    // Not switched off, for which a kernel needs ACPI; QEMU ends where it would start again.
    // Returns only on failure; the kernel's panic when init ends is the next best thing.
    let _ = rustix::system::reboot(rustix::system::RebootCommand::Restart);
    std::process::exit(1);
}

fn run() -> Result<()> {
    // The job is behind the tmpfs that /run becomes, and that an initramfs has made already.
    let path = std::env::args().nth(2).context("no job given")?;
    if process::id() == 1 && !Path::new(&path).exists() {
        unmount("/run", UnmountFlags::DETACH).context("unmounting the initramfs's /run")?;
    }
    let job = Job::read(Path::new(&path))?;
    let agent = process::id() != 1;
    if !agent {
        mounts::mount_all()?;
        rustix::system::sethostname(b"bpffs")?;
        tool("ip", &["link", "set", "lo", "up"])?;
    }
    if let (Some(coverage), false) = (&job.coverage, agent) {
        counted::begin(coverage)?;
    }
    if job.systemd && !agent {
        // Whose file system systemd is to mount.
        if job.implementation == Impl::Rust {
            module::load(&job)?;
        }
        match systemd::become_init(&job)? {}
    }
    let ports = ports()?;
    let port = |name: &str| -> Result<File> {
        let path = ports.get(name).with_context(|| format!("no port {name}"))?;
        open_port(path).with_context(|| path.display().to_string())
    };
    let mut control = port(CONTROL)?;
    let mut say = |message: Message| control.write_all(message.line().as_bytes());

    match prepare(&job) {
        Ok(()) => {
            say(Message::Started)?;
            let stdout = port(STDOUT)?;
            let stderr = port(STDERR)?;
            let status = command(&job, stdout, stderr);
            match &status {
                Ok(status) => say(Message::Exit(*status))?,
                Err(error) => say(Message::Error(format!("{error:#}")))?,
            }
            if matches!(status, Ok(0)) || !job.failure_ends {
                match put_back() {
                    Ok(leaks) => {
                        for line in leaks {
                            say(Message::Kernel(line))?;
                        }
                    }
                    Err(error) => say(Message::Error(format!("{error:#}")))?,
                }
            }
        }
        Err(error) => say(Message::Error(format!("{error:#}")))?,
    }
    if let Some(coverage) = &job.coverage {
        if let Err(error) = counted::keep(&coverage.join(COUNTED)) {
            say(Message::Error(format!("{error:#}")))?;
        }
    }

    let records = kernel_log::read()?;
    for line in kernel_log::report(&records) {
        say(Message::Kernel(line))?;
    }
    if let Some(taint) = kernel_log::unexpected_taint()? {
        say(Message::Kernel(taint))?;
    }
    say(Message::End)?;
    Ok(())
}

fn tool(name: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new(name)
        .args(arguments)
        .env("PATH", PATH)
        .status()
        .with_context(|| name.to_owned())?;
    if !status.success() {
        bail!("{name} {} failed", arguments.join(" "));
    }
    Ok(())
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The device of each named port.
fn ports() -> Result<HashMap<String, PathBuf>> {
    let mut ports = HashMap::new();
    // The names come from the host, a moment after the devices.
    wait_for("the channels to the host", || {
        for entry in fs::read_dir("/sys/class/virtio-ports")
            .into_iter()
            .flatten()
        {
            let path = entry?.path();
            let name = fs::read_to_string(path.join("name")).unwrap_or_default();
            if let (false, Some(device)) = (name.trim().is_empty(), path.file_name()) {
                ports.insert(name.trim().to_owned(), Path::new("/dev").join(device));
            }
        }
        Ok([CONTROL, STDOUT, STDERR]
            .iter()
            .all(|name| ports.contains_key(*name)))
    })?;
    Ok(ports)
}

fn open_port(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Waits until `done` says so; gives up, naming `what`, after [`PATIENCE`].
pub fn wait_for(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() > end {
            bail!("gave up waiting for {what} after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Makes `/sys/fs/bpf` what the job wants it to be.
fn prepare(job: &Job) -> Result<()> {
    if job.systemd {
        return systemd::wait_until_up();
    }
    if job.implementation == Impl::Rust {
        module::load(job)?;
    }
    if job.implementation != Impl::None {
        mount("bpf", BPFFS, "bpf", MountFlags::empty(), None)
            .with_context(|| format!("mounting {BPFFS}"))?;
    }
    Ok(())
}

/// Runs the command, relays what it prints, and ends what it left running.
fn command(job: &Job, stdout: File, stderr: File) -> Result<u8> {
    let mut command = if job.console.is_some() {
        // setsid gives the shell its controlling terminal.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", "bash", "-l"]);
        command
    } else {
        let mut command = Command::new("bash");
        command.args(["-c", &job.command]).process_group(0);
        command
    };
    command
        .current_dir(&job.directory)
        .env_clear()
        .envs([
            ("PATH", PATH),
            ("HOME", "/root"),
            ("LANG", "C.UTF-8"),
            ("USER", "root"),
        ])
        .envs(
            job.env
                .iter()
                .filter_map(|variable| variable.split_once('=')),
        );

    let mut relays = Vec::new();
    if let Some((rows, columns)) = job.console {
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/hvc0")?;
        let size = rustix::termios::Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&terminal, size)?;
        command
            .stdin(terminal.try_clone()?)
            .stdout(terminal.try_clone()?)
            .stderr(terminal);
    } else {
        // Not the ports themselves: a port can be open only once, so /dev/stdout would not work.
        let (reader, writer) = pipe()?;
        command.stdin(Stdio::null()).stdout(writer.try_clone()?);
        relays.push(relay(reader, stdout));
        if job.one_stream {
            command.stderr(writer);
        } else {
            let (reader, writer) = pipe()?;
            command.stderr(writer);
            relays.push(relay(reader, stderr));
        }
    }
    let child = command.spawn().context("cannot start the command")?;
    // Or the pipes would never end: it has their other ends, too.
    drop(command);
    let status = wait(&child)?;
    // systemd's own processes are not the command's, and would come again.
    if !job.systemd {
        end_all();
    }
    for relay in relays {
        let _ = relay.join();
    }
    Ok(status)
}

fn relay(mut from: impl Read + Send + 'static, mut to: File) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if to
                .write_all(buffer.get(..length).unwrap_or_default())
                .is_err()
            {
                return;
            }
        }
    })
}

/// Waits for the command, and for every orphan on the way as an init has to.
fn wait(child: &Child) -> Result<u8> {
    loop {
        let Some((pid, status)) = rustix::process::wait(WaitOptions::empty())? else {
            continue;
        };
        if Some(pid) == Pid::from_raw(child.id() as i32) {
            let signal = status.terminating_signal().map(|signal| 128 + signal);
            return Ok(status.exit_status().or(signal).unwrap_or(255) as u8);
        }
    }
}

/// Ends every other process: none may hold on to the file system.
fn end_all() {
    let processes = || {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            // Kernel threads have no executable, and cannot be ended.
            let user = fs::read_link(entry.path().join("exe")).is_ok();
            (user && pid != Pid::INIT).then_some(pid)
        })
    };
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let mut any = false;
        for pid in processes() {
            any = true;
            let _ = kill_process(pid, Signal::KILL);
        }
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        if !any {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Unmounts every BPF file system and unloads the module, so that what comes last is judged, too.
/// Returns the kernel's report on memory that was leaked.
fn put_back() -> Result<Vec<String>> {
    mounts::unmount_bpf()?;
    // Memory that only the module's own data point to is leaked when it goes; what is leaked
    // before can be told better while its code is there.
    let mut leaks = leaks::find()?;
    if module::is_loaded() {
        module::unload()?;
        leaks.extend(leaks::find()?);
    }
    Ok(leaks)
}
