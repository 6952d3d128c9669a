// SPDX-License-Identifier: GPL-2.0

//! What lives by its pins alone: links through which each packet is counted, and an array of programs
//! that is emptied when its last pin goes. A sender in a cgroup of its own sends packets all the time.

use std::fs::{self, File};
use std::io;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, Context, Result};

use crate::control::{Control, Mode};
use crate::sys::{self, instruction, Answer, Instruction};

const CGROUP: &str = "/sys/fs/cgroup/rounds";
/// What the counters count.
const BY_LINK: u32 = 0;
const BY_TAIL_CALL: u32 = 1;
const MISSED: u32 = 2;

/// Counters, links and the array, by their pins.
pub struct Watch {
    directory: PathBuf,
    sender: Child,
}

fn done<T>(what: &'static str) -> impl FnOnce(Answer<T>) -> Result<T> {
    move |answer| answer.map_err(io::Error::from_raw_os_error).context(what)
}

/// Adds 1 to a counter of a map.
fn count(map: &impl std::os::fd::AsRawFd, counter: u32) -> [Instruction; 6] {
    let (r0, r1, r2) = (0, 1, 2);
    let map_value = 2 << 4;
    [
        // Of the map's first and only value, which has all counters.
        instruction(0x18, r1 | map_value, 0, map.as_raw_fd()),
        instruction(0, 0, 0, (counter * 8) as i32),
        instruction(0xb7, r2, 0, 1),
        instruction(0xdb, r1 | (r2 << 4), 0, 0),
        instruction(0xb7, r0, 0, 1),
        instruction(0x95, 0, 0, 0),
    ]
}

impl Watch {
    /// Makes all of it, in a directory that there is not.
    pub fn start(directory: &Path) -> Result<Self> {
        sys::mkdir(directory).map_err(io::Error::from_raw_os_error)?;
        fs::create_dir(CGROUP)?;
        let cgroup = File::open(CGROUP)?;
        let counters = done("counters")(sys::counters(4))?;
        let jumps = done("program array")(sys::program_array(1))?;
        let target = done("target")(sys::load(&count(&counters, BY_TAIL_CALL)))?;
        let caller = {
            use std::os::fd::AsRawFd;
            let map_fd = 1 << 4;
            let mut caller = vec![
                instruction(0x18, 2 | map_fd, 0, jumps.as_raw_fd()),
                instruction(0, 0, 0, 0),
                instruction(0xb7, 3, 0, 0),
                instruction(0x85, 0, 0, 12),
            ];
            caller.extend(count(&counters, MISSED));
            done("caller")(sys::load(&caller))?
        };
        let plain = done("program")(sys::load(&count(&counters, BY_LINK)))?;
        {
            use std::os::fd::AsRawFd;
            done("entry")(sys::update(&jumps, 0, target.as_raw_fd() as u32))?;
        }
        for (name, object) in [
            ("counters", counters),
            ("jumps", jumps),
            ("link", done("link")(sys::attach(&plain, &cgroup))?),
            ("caller", done("link")(sys::attach(&caller, &cgroup))?),
        ] {
            done("pin")(sys::pin(&object, &directory.join(name)))?;
        }
        let sender = Command::new(std::env::current_exe()?)
            .arg("send")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            directory: directory.into(),
            sender,
        })
    }

    /// What is not as it has to be: each packet is counted by both links, none has found the array empty.
    pub fn check(&self, control: &Control) -> Vec<String> {
        self.look(control)
            .unwrap_or_else(|error| vec![format!("{error:#}")])
    }

    fn look(&self, control: &Control) -> Result<Vec<String>> {
        let (begun, sent) = control.packets();
        let first = sent.load(SeqCst);
        let end = Instant::now() + Duration::from_secs(60);
        while sent.load(SeqCst) == first && Instant::now() < end {
            thread::sleep(Duration::from_millis(2));
        }
        let at_least = sent.load(SeqCst);
        let counters = done("the counters")(sys::get(&self.directory.join("counters")))?;
        let counters = done("the counters")(sys::counted(&counters))?;
        let at_most = begun.load(SeqCst);
        let counted = |counter: u32| counters.get(counter as usize).copied().unwrap_or_default();
        let mut wrong = Vec::new();
        if at_least == first {
            wrong.push(format!("no packet was sent after {first}"));
        }
        for (what, counter) in [("link", BY_LINK), ("tail call", BY_TAIL_CALL)] {
            let counted = counted(counter);
            if !(at_least..=at_most).contains(&counted) {
                wrong.push(format!(
                    "the {what} has counted {counted} of {at_least} packets"
                ));
            }
        }
        if counted(MISSED) > 0 {
            wrong.push(format!(
                "{} packets have found the array empty",
                counted(MISSED)
            ));
        }
        Ok(wrong)
    }

    /// Ends all of it.
    pub fn end(mut self) {
        let _ = self.sender.kill();
        let _ = self.sender.wait();
        crate::places::remove(&self.directory);
        let _ = fs::remove_dir(CGROUP);
    }
}

/// Sends packets until all is over.
pub fn send() -> Result<()> {
    fs::write(
        Path::new(CGROUP).join("cgroup.procs"),
        std::process::id().to_string(),
    )?;
    let control = Control::open()?;
    let (begun, sent) = control.packets();
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    while control.now().1 != Mode::Stop {
        begun.fetch_add(1, SeqCst);
        match socket.send_to(b"packet", "127.0.0.1:9") {
            Ok(_) => (),
            Err(error) => return Err(anyhow!("cannot send: {error}")),
        }
        sent.fetch_add(1, SeqCst);
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
