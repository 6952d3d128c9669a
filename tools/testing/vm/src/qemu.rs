// SPDX-License-Identifier: GPL-2.0

//! QEMU: the command line that a guest is started by, its channels, and the daemon that serves the
//! guest's file system.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rustix::io::{fcntl_setfd, FdFlags};

use crate::guest;
use crate::job;
use crate::machine::Machine;
use crate::process::Running;
use crate::tsc;

/// The socket for the guest's file system, in the guest's directory; not abstract, as QEMU and
/// virtiofsd want a path.
pub const FS_SOCKET: &str = "fs.sock";
/// The stock kernels' security modules, with SELinux the one that labels. It has no policy yet, so
/// it allows everything; from the first policy on it enforces that.
const SELINUX: &str =
    " lsm=landlock,lockdown,yama,loadpin,safesetid,integrity,selinux,bpf,ipe enforcing=1";
/// QEMU's arguments for hardware virtualisation.
pub const KVM: &[&str] = &["-accel", "kvm", "-cpu", "host"];
/// The same for emulation. Page tables of five levels only cost time, and QEMU has trouble with
/// them and KASAN.
pub const TCG: &[&str] = &[
    "-accel",
    "tcg,thread=multi,tb-size=512",
    "-cpu",
    "max,la57=off",
];
/// Emulation that counts: an instruction of the guest takes a nanosecond of the guest's time, whatever
/// it takes here, and waiting takes none.
pub const ICOUNT: &[&str] = &[
    "-accel",
    "tcg,thread=single,tb-size=512",
    "-icount",
    "shift=0,sleep=off",
    "-cpu",
    "max,la57=off",
];
/// The time stamp counter counts the guest's nanoseconds then.
const ICOUNT_TSC_KHZ: u64 = 1_000_000;

/// A command line with the descriptors it refers to.
pub struct Qemu {
    /// How it is called.
    pub command: Command,
    inherited: Vec<OwnedFd>,
}

impl Qemu {
    /// The command line for a machine, but for the channels.
    pub fn new(machine: &Machine, accelerator: &[&str]) -> Result<Self> {
        let init = std::env::current_exe()?;
        // Long limits for what a slow host could be taken for, as is an unstable clock, or a timer
        // whose interrupts do not come; a log that holds everything, but no larger: kmemleak
        // searches it.
        let append = format!(
            "console=ttyS0 quiet root=bpffs rootfstype=virtiofs rw panic=-1 oops=panic \
             log_buf_len=4M printk.devkmsg=on watchdog_thresh=60 devtmpfs.mount=0 \
             rcupdate.rcu_cpu_stall_timeout=300 tsc=reliable{}{} init={} -- {} {}",
            match accelerator {
                // One layout of the kernel's memory for all boots, as hash tables are filled by
                // addresses.
                ICOUNT => format!(
                    " no_timer_check nokaslr dhash_entries=4194304 mhash_entries=65536 \
                     tsc_early_khz={ICOUNT_TSC_KHZ}"
                ),
                TCG => format!(" no_timer_check tsc_early_khz={}", tsc::khz()),
                _ => String::new(),
            },
            if machine.selinux { SELINUX } else { "" },
            init.display(),
            guest::ARGUMENT,
            machine.directory().join(job::FILE).display()
        );
        let memory = machine.memory;
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(accelerator)
            // A socket each: without ACPI, a kernel finds the first processor of each only.
            .args(["-machine", "q35", "-smp"])
            .arg(if machine.icount { "1" } else { "2,sockets=2" })
            .arg("-m")
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
                machine.directory_here().join(FS_SOCKET).display()
            ))
            .args(["-device", "vhost-user-fs-pci,chardev=fs,tag=bpffs"])
            .args(["-device", "virtio-serial-pci"])
            .arg("-kernel")
            .arg(machine.kernel.join("vmlinuz"))
            .args(["-append", &append]);
        // A stock kernel needs none for this root: one is there to be tested.
        let initrd = machine.kernel.join("initrd.img");
        if initrd.exists() {
            command.arg("-initrd").arg(initrd);
        }
        Ok(Self {
            command,
            inherited: Vec::new(),
        })
    }

    /// Adds a device with a channel to us; returns our end.
    pub fn attach(&mut self, name: &str, device: &str) -> Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        fcntl_setfd(&theirs, FdFlags::empty())?;
        let id = name.replace('.', "-");
        self.command
            .arg("-chardev")
            .arg(format!("socket,id={id},fd={}", theirs.as_raw_fd()))
            .arg("-device")
            .arg(match device {
                "virtserialport" => format!("{device},chardev={id},name={name}"),
                _ => format!("{device},chardev={id}"),
            });
        self.inherited.push(theirs.into());
        Ok(ours)
    }
}

/// Serves a root to the guest.
pub fn start_virtiofsd(root: &Path, socket: &Path, long: bool) -> Result<Running> {
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
