// SPDX-License-Identifier: GPL-2.0

//! Real users of the file system, each in a loop. None may notice that trees move.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Result;

use crate::places::{self, BPF};

/// Name of a client, and its commands: in an empty directory `$D` of the file system, with the programs
/// of `$HERE`, and a cgroup `$CGROUP` of its own.
const CLIENTS: &[(&str, &str)] = &[
    (
        "bpftool",
        "bpftool map create $D/map type hash key 4 value 4 entries 2 name client
         bpftool map update pinned $D/map key 1 0 0 0 value 7 0 0 0
         bpftool map pin pinned $D/map $D/second
         bpftool -j map lookup pinned $D/second key 1 0 0 0 | grep -q '\"0x07\"'
         bpftool prog loadall $HERE/plain.bpf.o $D/all pinmaps $D/maps
         bpftool prog show pinned $D/all/pass_tc
         bpftool cgroup attach $CGROUP egress pinned $D/all/allow
         bpftool cgroup detach $CGROUP egress pinned $D/all/allow
         bpftool map show pinned $D/maps/runs",
    ),
    (
        "iproute2",
        "bpftool prog loadall $HERE/plain.bpf.o $D/all
         unshare -n --propagation unchanged sh -euc '
         ip link set lo up
         tc qdisc add dev lo clsact
         tc filter add dev lo ingress bpf direct-action object-pinned $D/all/pass_tc
         ip link set dev lo xdpgeneric pinned $D/all/pass_xdp
         tc -d filter show dev lo ingress | grep -q pass_tc'",
    ),
    (
        "xdp-loader",
        "mkdir $D/maps
         unshare -n --propagation unchanged sh -euc '
         ip link add v0 type veth peer name v1
         xdp-loader load -m skb -p $D/maps v0 $HERE/plain.bpf.o -n pass_xdp
         xdp-loader status v0 | grep pass_xdp
         xdp-loader unload v0 --all'",
    ),
    (
        "libbpf",
        "unshare -n --propagation unchanged $HERE/use_libbpf $HERE $D",
    ),
    (
        "aya",
        "unshare -n --propagation unchanged $HERE/use_aya $HERE $D",
    ),
    ("cilium", "$CILIUM $D $CGROUP"),
    // A program of its own by path, and two that systemd makes itself.
    (
        "systemd",
        "bpftool prog loadall $HERE/plain.bpf.o $D/all
         systemctl start rounds-client.service",
    ),
];

const UNIT: &str = "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/sh -c \
    'ls /sys/fs/bpf/clients >/dev/null; ! echo packet >/dev/udp/127.0.0.1/9'\n\
    BPFProgram=egress:/sys/fs/bpf/clients/systemd/all/allow\nIPAddressDeny=any\nRestrictNetworkInterfaces=lo\n";

/// A client in its thread: how often it has run, and what it said when it failed.
struct Client {
    name: &'static str,
    finished: Arc<AtomicUsize>,
    thread: JoinHandle<(usize, Vec<String>)>,
}

/// All of them.
pub struct Clients {
    is_over: Arc<AtomicBool>,
    cgroup: PathBuf,
    running: Vec<Client>,
}

fn directory(name: &str) -> PathBuf {
    Path::new(BPF).join("clients").join(name)
}

fn run(
    commands: &str,
    name: &str,
    programs: &Path,
    cilium: &Path,
    cgroup: &Path,
) -> Option<String> {
    let directory = directory(name);
    if let Err(error) = fs::create_dir(&directory) {
        return Some(format!("mkdir: {error}"));
    }
    // As agents, they leave others the processors.
    let output = Command::new("nice")
        .args(["bash", "-euxo", "pipefail", "-c", commands])
        .env("D", &directory)
        .env("HERE", programs)
        .env("CGROUP", cgroup)
        .env("CILIUM", cilium)
        .stdin(Stdio::null())
        .output();
    let failure = match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "{}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => Some(error.to_string()),
    };
    places::remove(&directory);
    failure
}

impl Clients {
    /// Starts all of them, or those that are named.
    pub fn start(programs: &Path, cilium: &Path, only: &[String]) -> Result<Self> {
        places::known("client", only, CLIENTS.iter().map(|(name, _)| *name))?;
        let cgroup = PathBuf::from("/sys/fs/cgroup/rounds-clients");
        fs::create_dir(&cgroup)?;
        fs::create_dir(Path::new(BPF).join("clients"))?;
        fs::write("/run/systemd/system/rounds-client.service", UNIT)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let chosen = CLIENTS
            .iter()
            .filter(|(name, _)| only.is_empty() || only.iter().any(|one| one == name));
        let mut running = Vec::new();
        for &(name, commands) in chosen {
            // A program that shares a cgroup with others is refused where one is that does not.
            let cgroup = cgroup.join(name);
            fs::create_dir(&cgroup)?;
            let is_over = is_over.clone();
            let (programs, cilium) = (programs.to_owned(), cilium.to_owned());
            let finished = Arc::new(AtomicUsize::new(0));
            let done = finished.clone();
            let thread = thread::spawn(move || {
                let (mut count, mut failures) = (0, Vec::new());
                while !is_over.load(SeqCst) && failures.len() < 3 {
                    count += 1;
                    failures.extend(run(commands, name, &programs, &cilium, &cgroup));
                    done.fetch_add(1, SeqCst);
                }
                (count, failures)
            });
            running.push(Client {
                name,
                finished,
                thread,
            });
        }
        Ok(Self {
            is_over,
            cgroup,
            running,
        })
    }

    /// How many times each has run to its end, at least.
    pub fn least(&self) -> usize {
        let finished = self
            .running
            .iter()
            .map(|client| client.finished.load(SeqCst));
        finished.min().unwrap_or_default()
    }

    /// Ends them: the name of each, how often it has run, and its failures.
    pub fn end(self) -> Vec<(&'static str, usize, Vec<String>)> {
        self.is_over.store(true, SeqCst);
        let mut results = Vec::new();
        for client in self.running {
            let died = |_| (0, vec!["a thread died".to_owned()]);
            let (count, failures) = client.thread.join().unwrap_or_else(died);
            let _ = fs::remove_dir(self.cgroup.join(client.name));
            results.push((client.name, count, failures));
        }
        places::remove(&Path::new(BPF).join("clients"));
        places::remove(&Path::new(BPF).join("xdp"));
        let _ = fs::remove_dir(&self.cgroup);
        results
    }
}
