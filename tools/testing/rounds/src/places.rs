// SPDX-License-Identifier: GPL-2.0

//! Where agents are: units of systemd, mount namespaces of each propagation, containers.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};

use crate::control::{Control, DIRECTORY};
use crate::sys;

/// The file system of the machine.
pub const BPF: &str = "/sys/fs/bpf";

/// How an agent is started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// A unit with these properties.
    Unit(&'static str),
    /// A mount namespace with this propagation.
    Unshare(&'static str),
    /// A container of systemd-nspawn.
    Nspawn,
    /// A container of crun.
    Crun,
    /// A container of crun without rights, that is given an instance of its own.
    Rootless,
}

const PLACES: &[(&str, How)] = &[
    ("unit", How::Unit("")),
    ("privatemounts", How::Unit("PrivateMounts=yes")),
    ("bindpaths", How::Unit("BindPaths=/sys/fs/bpf/bindpaths")),
    ("private", How::Unshare("private")),
    ("slave", How::Unshare("slave")),
    ("shared", How::Unshare("shared")),
    ("unchanged", How::Unshare("unchanged")),
    ("nspawn", How::Nspawn),
    ("crun", How::Crun),
    ("rootless", How::Rootless),
];

/// An agent at its place.
pub struct Place {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub slot: usize,
    /// Where its log is.
    pub log: PathBuf,
    how: How,
    child: Option<Child>,
}

fn program() -> PathBuf {
    Path::new(DIRECTORY).join("bpffs-rounds")
}

fn tool(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// A root directory for a container: what is in it is the machine's.
fn root(path: &Path) -> Result<()> {
    for name in [
        "usr",
        "proc",
        "sys",
        "dev",
        "run/rounds",
        "tmp",
        "etc",
        "var",
        "bpf",
    ] {
        fs::create_dir_all(path.join(name))?;
    }
    for name in ["bin", "lib", "lib64", "sbin"] {
        symlink(Path::new("usr").join(name), path.join(name))?;
    }
    fs::write(path.join("etc/os-release"), "ID=rounds\n")?;
    Ok(())
}

/// What a container of crun is.
fn configuration(arguments: &[String], is_rootless: bool) -> String {
    let quoted = |list: &[&str]| {
        let list: Vec<_> = list.iter().map(|word| format!("\"{word}\"")).collect();
        list.join(",")
    };
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let bind = |from: &str, to: &str, options: &[&str]| {
        let options = quoted(options);
        format!(
            r#",{{"destination":"{to}","type":"bind","source":"{from}","options":[{options}]}}"#
        )
    };
    let mut mounts = r#"{"destination":"/proc","type":"proc","source":"proc"}"#.to_owned();
    mounts += &bind("/usr", "/usr", &["rbind", "ro"]);
    mounts += &bind(DIRECTORY, DIRECTORY, &["rbind"]);
    let (mut more, mut kinds) = (String::new(), vec!["mount", "pid"]);
    if is_rootless {
        let mapping = r#"[{"containerID":0,"hostID":1000,"size":1}]"#;
        more = format!(r#","uidMappings":{mapping},"gidMappings":{mapping}"#);
        kinds.push("user");
    } else {
        mounts += &bind(BPF, "/bpf", &["bind"]);
    }
    let kinds: Vec<_> = kinds
        .iter()
        .map(|kind| format!(r#"{{"type":"{kind}"}}"#))
        .collect();
    let all = quoted(&[
        "CAP_SYS_ADMIN",
        "CAP_BPF",
        "CAP_NET_ADMIN",
        "CAP_PERFMON",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
    ]);
    format!(
        r#"{{"ociVersion":"1.0.0","root":{{"path":"rootfs"}},
"process":{{"cwd":"/","args":[{}],"user":{{"uid":0,"gid":0}},"env":["PATH=/usr/bin:/usr/sbin"],
"capabilities":{{"bounding":[{all}],"effective":[{all}],"permitted":[{all}],"inheritable":[{all}]}}}},
"mounts":[{mounts}],"linux":{{"namespaces":[{}]{more}}}}}"#,
        quoted(&arguments),
        kinds.join(",")
    )
}

fn unit_name(name: &str) -> String {
    format!("rounds-{name}.service")
}

/// Writes a unit. Its standard output is the agent's log.
fn unit(name: &str, command: &[String], properties: &str, log: &Path) -> Result<()> {
    let text = format!(
        "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart={}\n{properties}\nDelegate=yes\n\
         StandardOutput=truncate:{}\nStandardError=truncate:{}\n",
        command.join(" "),
        log.display(),
        log.with_extension("err").display()
    );
    let path = Path::new("/run/systemd/system").join(unit_name(name));
    Ok(fs::write(path, text)?)
}

/// Whoever is chosen has to be there, or nothing would be tested.
pub fn known<'a>(
    what: &str,
    chosen: &[String],
    all: impl Iterator<Item = &'a str> + Clone,
) -> Result<()> {
    for name in chosen {
        ensure!(
            all.clone().any(|one| one == name),
            "no {what} {name}: there are {}",
            all.collect::<Vec<_>>().join(", ")
        );
    }
    Ok(())
}

/// Starts agents at all places, or at those that are named.
pub fn start(
    control: &Control,
    logs: &Path,
    container: &Path,
    only: &[String],
) -> Result<Vec<Place>> {
    known("agent", only, PLACES.iter().map(|(name, _)| *name))?;
    fs::copy(std::env::current_exe()?, program())?;
    let chosen = PLACES
        .iter()
        .filter(|(name, _)| only.is_empty() || only.iter().any(|one| one == name));
    let mut places = Vec::new();
    for (slot, &(name, how)) in chosen.enumerate() {
        places.push(Place {
            name,
            slot,
            log: logs.join(format!("{name}.log")),
            how,
            child: None,
        });
    }
    for place in &mut places {
        place.prepare()?;
    }
    tool(Command::new("systemctl").arg("daemon-reload"))?;
    for place in &mut places {
        place.start(container).with_context(|| place.name)?;
    }
    let end = Instant::now() + Duration::from_secs(120);
    for place in &places {
        while !control.has_begun(place.slot) {
            let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
            let said = read(&place.log.with_extension("err")) + &read(&place.log);
            if said.contains("Bail out!") || Instant::now() > end {
                bail!("the agent {} does not begin: {said}", place.name);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(places)
}

impl Place {
    fn own_root(&self) -> PathBuf {
        Path::new(DIRECTORY).join(self.name)
    }

    /// Where the file system is, as the agent sees it.
    pub fn bpf(&self) -> &'static str {
        match self.how {
            How::Unit(_) | How::Unshare(_) => BPF,
            How::Nspawn | How::Crun | How::Rootless => "/bpf",
        }
    }

    /// Whether it is the machine's.
    pub fn is_machines(&self) -> bool {
        self.how != How::Rootless
    }

    fn command(&self) -> Vec<String> {
        let mut words = vec![
            program().display().to_string(),
            "agent".into(),
            format!("--slot={}", self.slot),
            format!("--top={}/{}", self.bpf(), self.name),
        ];
        if !self.is_machines() {
            words.push(format!("--token-from={}", self.bpf()));
        }
        words
    }

    fn prepare(&self) -> Result<()> {
        if self.is_machines() {
            fs::create_dir(Path::new(BPF).join(self.name))?;
        }
        let mut command = self.command();
        match self.how {
            How::Unit(properties) => unit(self.name, &command, properties, &self.log),
            How::Unshare(_) => Ok(()),
            How::Nspawn => {
                root(&self.own_root())?;
                let mut words: Vec<String> = [
                    "/usr/bin/systemd-nspawn",
                    "--quiet",
                    "--register=no",
                    "--keep-unit",
                    "--console=pipe",
                    "--capability=all",
                    "--system-call-filter=bpf",
                    "--bind-ro=/usr",
                    "--bind=/sys/fs/bpf:/bpf",
                    "--bind=/run/rounds",
                ]
                .map(str::to_owned)
                .into();
                words.push(format!("--directory={}", self.own_root().display()));
                words.append(&mut command);
                unit(self.name, &words, "", &self.log)
            }
            How::Crun | How::Rootless => {
                let bundle = self.own_root();
                root(&bundle.join("rootfs"))?;
                let is_rootless = self.how == How::Rootless;
                fs::write(
                    bundle.join("config.json"),
                    configuration(&command, is_rootless),
                )?;
                let state = bundle.join("state");
                fs::create_dir(&state)?;
                let mut words: Vec<String> = Vec::new();
                let mut properties = String::new();
                if is_rootless {
                    tool(Command::new("chown").args(["-R", "1000:1000"]).arg(&bundle))?;
                    properties = format!("Environment=XDG_RUNTIME_DIR={}", state.display());
                    let user = [
                        "/usr/bin/setpriv",
                        "--reuid=1000",
                        "--regid=1000",
                        "--clear-groups",
                    ];
                    words.extend(user.map(str::to_owned));
                }
                words.push("/usr/bin/crun".into());
                words.push(format!("--root={}", state.display()));
                words.push("--cgroup-manager=disabled".into());
                words.push("run".into());
                words.push(format!("--bundle={}", bundle.display()));
                words.push(self.name.into());
                unit(self.name, &words, &properties, &self.log)
            }
        }
    }

    fn start(&mut self, container: &Path) -> Result<()> {
        let How::Unshare(propagation) = self.how else {
            tool(Command::new("systemctl").args(["start", "--no-block", &unit_name(self.name)]))?;
            if self.how == How::Rootless {
                let process = self.wait_for_process()?;
                tool(
                    Command::new("python3")
                        .args(["-BSEs"])
                        .arg(container)
                        .args([&process.to_string(), self.bpf()])
                        .args(["delegate_maps=any", "delegate_cmds=any"]),
                )?;
            }
            return Ok(());
        };
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", propagation]);
        self.child = Some(
            command
                .args(self.command())
                .stdin(Stdio::null())
                .stdout(File::create(&self.log)?)
                .stderr(File::create(self.log.with_extension("err"))?)
                .spawn()?,
        );
        Ok(())
    }

    fn wait_for_process(&self) -> Result<u32> {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            if let Some(process) = self.process() {
                return Ok(process);
            }
            if Instant::now() > end {
                let said = fs::read_to_string(self.log.with_extension("err")).unwrap_or_default();
                bail!("no process: {said}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The agent's process.
    pub fn process(&self) -> Option<u32> {
        let own = self.command().join("\0") + "\0";
        let mut processes = fs::read_dir("/proc").ok()?.flatten();
        processes.find_map(|entry| {
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            let is_it = command == own.as_bytes();
            is_it
                .then(|| entry.file_name().to_str()?.parse().ok())
                .flatten()
        })
    }

    /// Ends what is left.
    pub fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        } else if !matches!(self.how, How::Unshare(_)) {
            let name = unit_name(self.name);
            let _ = Command::new("systemctl").args(["stop", &name]).output();
            let _ = Command::new("systemctl")
                .args(["reset-failed", &name])
                .output();
        }
        if self.is_machines() {
            remove(&Path::new(BPF).join(self.name));
        }
    }
}

/// Removes a tree by whole paths, and tells nobody what cannot be removed.
pub fn remove(path: &Path) {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let names: Vec<_> = entries.map(|entry| entry.path()).collect();
    for path in names {
        if path.is_dir() && !path.is_symlink() {
            remove(&path);
        } else {
            let _ = sys::unlink(&path);
        }
    }
    let _ = sys::rmdir(path);
}

/// How many calls the agents have made.
pub fn calls(control: &Control, places: &[Place]) -> Vec<u64> {
    let calls = |place: &Place| control.calls(place.slot).load(SeqCst);
    places.iter().map(calls).collect()
}
