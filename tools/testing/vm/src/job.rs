// SPDX-License-Identifier: GPL-2.0

//! What the host asks a guest to do, and what the guest answers.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{bail, Context, Result};
use clap::ValueEnum;

/// Where the directories of guests are, in the root that they share with the host.
pub const DIRECTORY: &str = "/run/bpffs-vm";
/// The job in a guest's directory.
pub const FILE: &str = "job";

/// Whose BPF file system is at `/sys/fs/bpf` while the command runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Impl {
    /// The module's: it is loaded, and unloaded after the command
    Rust,
    /// The kernel's own
    C,
    /// Nothing is loaded or mounted
    #[default]
    None,
}

/// What to do in the guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// Whose file system to mount.
    pub implementation: Impl,
    /// systemd is to be the first process.
    pub systemd: bool,
    /// Module to load.
    pub module: Option<PathBuf>,
    /// Directory of modules that count what is run, and where they leave that.
    pub coverage: Option<PathBuf>,
    /// Working directory of the command.
    pub directory: PathBuf,
    /// `NAME=VALUE` for the command.
    pub env: Vec<String>,
    /// Shell command; none on a console.
    pub command: String,
    /// Standard output and error are the same here, so they are to be one stream there: that keeps
    /// their order.
    pub one_stream: bool,
    /// Not to clean up after a command that fails. That is judged, too, but may take long if
    /// something is wrong, and that something is, is known by then.
    pub failure_ends: bool,
    /// Rows and columns of the terminal, for an interactive shell.
    pub console: Option<(u16, u16)>,
}

impl Job {
    /// Writes the job to where the guest looks for it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = String::new();
        let mut put = |name: &str, value: &str| {
            text.push_str(name);
            text.push('=');
            text.push_str(value);
            text.push('\0');
        };
        let implementation = self.implementation.to_possible_value();
        put("impl", implementation.as_ref().map_or("", |v| v.get_name()));
        if let Some(module) = &self.module {
            put("module", &module.to_string_lossy());
        }
        if let Some(coverage) = &self.coverage {
            put("coverage", &coverage.to_string_lossy());
        }
        if self.systemd {
            put("systemd", "");
        }
        put("directory", &self.directory.to_string_lossy());
        for variable in &self.env {
            put("env", variable);
        }
        put("command", &self.command);
        if self.one_stream {
            put("one_stream", "");
        }
        if self.failure_ends {
            put("failure_ends", "");
        }
        if let Some((rows, columns)) = self.console {
            put("console", &format!("{rows} {columns}"));
        }
        fs::write(path, text)
    }

    /// Reads what [`Job::write`] wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut job = Self::default();
        for field in text.split_terminator('\0') {
            let (name, value) = field.split_once('=').context("field without value")?;
            match name {
                "impl" => {
                    job.implementation =
                        Impl::from_str(value, false).map_err(anyhow::Error::msg)?;
                }
                "module" => job.module = Some(value.into()),
                "coverage" => job.coverage = Some(value.into()),
                "directory" => job.directory = value.into(),
                "env" => job.env.push(value.to_owned()),
                "command" => job.command = value.to_owned(),
                "systemd" => job.systemd = true,
                "one_stream" => job.one_stream = true,
                "failure_ends" => job.failure_ends = true,
                "console" => {
                    let (rows, columns) = value.split_once(' ').context("bad console size")?;
                    job.console = Some((rows.parse()?, columns.parse()?));
                }
                _ => bail!("unknown field {name}"),
            }
        }
        Ok(job)
    }
}

/// What the guest says on the control channel, one message per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The command starts.
    Started,
    /// The command ended with this status.
    Exit(u8),
    /// Something that the command needs, or that comes after it, went wrong.
    Error(String),
    /// Kernel messages that nobody should see: one line of the report on them.
    Kernel(String),
    /// All is said.
    End,
}

impl Message {
    /// The line for the channel.
    pub fn line(&self) -> String {
        match self {
            Self::Started => "started\n".to_owned(),
            Self::Exit(status) => format!("exit {status}\n"),
            Self::Error(text) => format!("error {}\n", text.replace('\n', "; ")),
            Self::Kernel(text) => format!("kernel {}\n", text.replace('\n', " ")),
            Self::End => "end\n".to_owned(),
        }
    }

    /// Understands a line; none for anything that [`Message::line`] does not write.
    pub fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match word {
            "started" => Self::Started,
            "exit" => Self::Exit(rest.parse().ok()?),
            "error" => Self::Error(rest.to_owned()),
            "kernel" => Self::Kernel(rest.to_owned()),
            "end" => Self::End,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a command that reaches the guest changed, by quoting or by an odd character.
    #[test]
    fn job_survives_the_trip() {
        let job = Job {
            implementation: Impl::Rust,
            systemd: true,
            module: Some("/a b/bpffs.ko".into()),
            coverage: Some("/a b/coverage".into()),
            directory: "/tmp".into(),
            env: vec!["A=b=c".into(), "B=".into()],
            command: "echo 'x\ny' \"$A\" \\ =".into(),
            one_stream: true,
            failure_ends: true,
            console: Some((24, 80)),
        };
        let path = std::env::temp_dir().join(format!("bpffs-vm-job-{}", std::process::id()));
        job.write(&path).unwrap();
        let back = Job::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(back, job);
    }

    // Catches: a result that gets lost because a text in it has several lines.
    #[test]
    fn messages_are_one_line_each() {
        for message in [
            Message::Started,
            Message::Exit(255),
            Message::Error("a; b".into()),
            Message::Kernel("[    1.0] BUG: x".into()),
            Message::End,
        ] {
            let line = message.line();
            assert_eq!(
                Message::parse(line.strip_suffix('\n').unwrap()),
                Some(message)
            );
        }
        assert_eq!(Message::Error("a\nb".into()).line(), "error a; b\n");
        assert_eq!(Message::parse("exit 256"), None);
    }
}
