// SPDX-License-Identifier: GPL-2.0

//! The module, its livepatch, and the tasks that a transition of that waits for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{bail, Result};
use serde::Serialize;

use crate::output::Progress;
use crate::proc::Proc;

/// What sysfs has of the module.
pub const DIRECTORY: &str = "/sys/module/bpffs";
/// What sysfs has of its livepatch.
pub const LIVEPATCH: &str = "/sys/kernel/livepatch/bpffs";

/// The state of the livepatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Livepatch {
    /// New mounts are ours.
    Enabled,
    /// All tasks have not come to that yet.
    Enabling,
    /// All tasks have not come back yet.
    Disabling,
    /// The module is loaded and does not serve new mounts.
    Disabled,
}

/// A task that a transition waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// The process.
    pub pid: u32,
    /// The thread.
    pub thread: u32,
    /// Its name.
    pub name: String,
}

/// The module as it is loaded.
#[derive(Clone, Debug, Serialize)]
pub struct Module {
    /// The version.
    pub version: Option<String>,
    /// The checksum of its sources.
    pub source_version: Option<String>,
    /// Who uses it: the livepatch, instances, contexts.
    pub references: Option<u32>,
    /// Its livepatch.
    pub livepatch: Livepatch,
    /// Which tasks are in the way of a transition.
    pub in_the_way: Vec<Task>,
    /// The parameters.
    pub parameters: BTreeMap<String, String>,
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim_end().into())
}

/// Whether the module is loaded.
pub fn is_loaded() -> bool {
    Path::new(DIRECTORY).exists()
}

/// The state of the livepatch of a module that is loaded.
pub fn livepatch() -> Livepatch {
    state(
        read(format!("{LIVEPATCH}/enabled")).as_deref(),
        read(format!("{LIVEPATCH}/transition")).as_deref(),
    )
}

fn state(enabled: Option<&str>, transition: Option<&str>) -> Livepatch {
    match (enabled == Some("1"), transition == Some("1")) {
        (true, false) => Livepatch::Enabled,
        (true, true) => Livepatch::Enabling,
        (false, true) => Livepatch::Disabling,
        (false, false) => Livepatch::Disabled,
    }
}

/// The tasks that keep a transition from its end: those that are in the other state.
pub fn in_the_way(proc: &Proc, livepatch: Livepatch) -> Vec<Task> {
    let wrong = match livepatch {
        Livepatch::Enabling => "0",
        Livepatch::Disabling => "1",
        Livepatch::Enabled | Livepatch::Disabled => return Vec::new(),
    };
    let mut tasks = Vec::new();
    for pid in proc.processes() {
        for thread in proc.numbers(&format!("{pid}/task")) {
            let file = |name| proc.text(&format!("{pid}/task/{thread}/{name}"));
            if file("patch_state").is_ok_and(|state| state == wrong) {
                let name = file("comm").unwrap_or_default();
                tasks.push(Task { pid, thread, name });
            }
        }
    }
    tasks
}

impl Module {
    /// [`None`] if it is not loaded.
    pub fn look(proc: &Proc) -> Option<Self> {
        if !is_loaded() {
            return None;
        }
        let file = |name: &str| read(format!("{DIRECTORY}/{name}"));
        let livepatch = livepatch();
        let parameters = fs::read_dir(format!("{DIRECTORY}/parameters"));
        let parameters = parameters
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                Some((name, read(entry.path())?))
            });
        Some(Self {
            version: file("version"),
            source_version: file("srcversion"),
            references: file("refcnt").and_then(|text| text.parse().ok()),
            livepatch,
            in_the_way: in_the_way(proc, livepatch),
            parameters: parameters.collect(),
        })
    }
}

/// Tasks, as an error names them.
pub fn named(tasks: &[Task]) -> String {
    const MOST: usize = 10;
    let mut names: Vec<String> = tasks
        .iter()
        .take(MOST)
        .map(|task| format!("{} ({})", crate::output::plain(&task.name), task.thread))
        .collect();
    if tasks.len() > MOST {
        names.push(format!("and {} more", tasks.len() - MOST));
    }
    names.join(", ")
}

/// The file that modprobe would load, by the index that depmod made.
pub fn installed() -> Option<PathBuf> {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let directory = Path::new("/lib/modules").join(release);
    let index = read(directory.join("modules.dep"))?;
    find_in_index(&index).map(|file| directory.join(file))
}

fn find_in_index(index: &str) -> Option<&str> {
    index.lines().find_map(|line| {
        let (file, _) = line.split_once(':')?;
        let name = file.rsplit('/').next()?;
        let plain = name.split_once(".ko").map(|(plain, _)| plain)?;
        (plain == "bpffs").then_some(file)
    })
}

/// Waits until something is so, for a time; says meanwhile what is waited for, and returns whether it
/// came.
pub fn wait(
    limit: Duration,
    what: &mut dyn FnMut() -> String,
    done: &mut dyn FnMut() -> Result<bool>,
) -> Result<bool> {
    let progress = Progress::new();
    let begin = Instant::now();
    let mut told = begin;
    loop {
        if done()? {
            return Ok(true);
        }
        if begin.elapsed() >= limit {
            return Ok(false);
        }
        if told.elapsed() > Duration::from_secs(1) {
            progress.say(&what());
            told = Instant::now();
        }
        sleep(Duration::from_millis(20));
    }
}

/// Waits for the end of a transition, or says who is in the way.
pub fn settle(proc: &Proc, limit: Duration) -> Result<()> {
    let tasks = || in_the_way(proc, livepatch());
    let moving = || matches!(livepatch(), Livepatch::Enabling | Livepatch::Disabling);
    let mut what = || match tasks() {
        tasks if tasks.is_empty() => "waiting for the livepatch's transition".into(),
        tasks => format!("waiting for {}", named(&tasks)),
    };
    if wait(limit, &mut what, &mut || Ok(!moving()))? {
        return Ok(());
    }
    let left = tasks();
    // The end may have come between the last look and this one.
    if !moving() {
        return Ok(());
    }
    bail!(
        "after {} s some tasks still run the other code: {}; wake or end them, the transition \
         goes on meanwhile (see bpffsctl status; bpffsctl unload gives up)",
        limit.as_secs(),
        named(&left)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a transition that is taken for its end, or for its reverse.
    #[test]
    fn the_livepatch_has_four_states() {
        assert_eq!(state(Some("1"), Some("0")), Livepatch::Enabled);
        assert_eq!(state(Some("1"), Some("1")), Livepatch::Enabling);
        assert_eq!(state(Some("0"), Some("1")), Livepatch::Disabling);
        assert_eq!(state(Some("0"), Some("0")), Livepatch::Disabled);
        assert_eq!(state(None, None), Livepatch::Disabled);
    }

    // Catches: threads in the way that are not named, or tasks that are and are not in the way.
    #[test]
    fn tasks_in_the_way_are_named() {
        let root = std::env::temp_dir().join(format!("bpffsctl-proc-{}", std::process::id()));
        for (task, state, name) in [
            ("5/task/5", "1\n", "main\n"),
            ("5/task/6", "0\n", "other\n"),
            ("7/task/7", "-1\n", "idle\n"),
        ] {
            let task = root.join(task);
            fs::create_dir_all(&task).unwrap();
            fs::write(task.join("patch_state"), state).unwrap();
            fs::write(task.join("comm"), name).unwrap();
        }
        let proc = Proc::at(&root).unwrap();
        let enabling = in_the_way(&proc, Livepatch::Enabling);
        let disabling = in_the_way(&proc, Livepatch::Disabling);
        let settled = in_the_way(&proc, Livepatch::Enabled);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(named(&enabling), "other (6)");
        assert_eq!(enabling[0].pid, 5);
        assert_eq!(named(&disabling), "main (5)");
        assert!(settled.is_empty());
    }

    // Catches: a module whose name only begins so.
    #[test]
    fn the_installed_file_is_found() {
        let index = "kernel/fs/bpffs_test.ko.xz:\nupdates/dkms/bpffs.ko.xz: kernel/a.ko\n";
        assert_eq!(find_in_index(index), Some("updates/dkms/bpffs.ko.xz"));
        assert_eq!(find_in_index("kernel/fs/x.ko: updates/bpffs.ko\n"), None);
    }
}
