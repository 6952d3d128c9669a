// SPDX-License-Identifier: GPL-2.0

//! The command line, its completions and its manual page.

use std::io::{self, Write};

use anyhow::Result;
use clap::{ArgAction, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::commands::{expose, load, ls, rm, status, takeover, unload, Environment, Outcome};
use crate::moving::foreign;
use crate::output::Output;
use crate::proc::Proc;

const ABOUT: &str = "\
Shows what a machine has of BPF file systems: which instances there are, whose implementation serves \
each, where each is mounted, what is pinned in it and who holds it. Loads and unloads bpffs, the \
implementation in Rust, moves instances to it and back while they are in use, and uses what only that \
offers.

Much of it takes root; without, as much is shown as the user may see.";

const EXIT_STATUS: &str = "\
Exit status: 0 done, 1 failed, 2 wrong command line, 3 done in part, 4 the module is not loaded.
man 8 bpffsctl has more.";

/// Shows and changes what a machine has of BPF file systems
#[derive(Parser)]
#[command(name = "bpffsctl", version, long_about = ABOUT, after_help = EXIT_STATUS)]
pub struct Cli {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the kernel, the module, and all instances with their mounts, pins and holders
    ///
    /// Whose implementation serves an instance, and which it is, is what its directories say in the
    /// attribute bpf.instance. Mounts are those of all mount namespaces, with the unit or container
    /// that each belongs to. Ends with status 4 if the module is not loaded.
    Status,
    Ls(ls::Ls),
    Rm(rm::Rm),
    Expose(expose::Expose),
    Unexpose(expose::Unexpose),
    Load(load::Load),
    Unload(unload::Unload),
    Takeover(takeover::Takeover),
    Release(takeover::Release),
    /// Print the completions for a shell
    ///
    /// bash: bpffsctl completion bash > /usr/share/bash-completion/completions/bpffsctl
    Completion {
        /// The shell
        shell: Completed,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
    #[command(hide = true)]
    OpenContexts(foreign::OpenContexts),
}

/// The shells that are completed for.
#[derive(Clone, Copy, ValueEnum)]
enum Completed {
    Bash,
    Zsh,
    Fish,
}

fn completion(shell: Completed) -> Vec<u8> {
    let shell = match shell {
        Completed::Bash => Shell::Bash,
        Completed::Zsh => Shell::Zsh,
        Completed::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bpffsctl", &mut script);
    script
}

/// A part of a page without its heading.
fn without_heading(render: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<String> {
    let mut part = Vec::new();
    render(&mut part)?;
    let part = String::from_utf8(part)?;
    let lines = part.lines().filter(|line| {
        // What each part begins with is once in the page.
        !line.starts_with(".SH") && !line.starts_with(".ie") && !line.starts_with(".el")
    });
    Ok(lines.map(|line| line.to_owned() + "\n").collect())
}

/// The synopsis says of an option that takes a value what that is.
fn values(command: &clap::Command, synopsis: String) -> String {
    command.get_opts().fold(synopsis, |synopsis, option| {
        let Some(long) = option.get_long() else {
            return synopsis;
        };
        let takes_value = option.get_action().takes_values();
        let name = option.get_value_names().and_then(<[_]>::first);
        let end = format!("\\fB\\-\\-{}\\fR]", long.replace('-', "\\-"));
        match (takes_value, name) {
            (true, Some(name)) => {
                let more = match option.get_action() {
                    ArgAction::Append => "...",
                    _ => "",
                };
                let with_value = end.trim_end_matches(']');
                synopsis.replace(&end, &format!("{with_value} \\fI{name}\\fR]{more}"))
            }
            _ => synopsis,
        }
    })
}

/// The page says of an argument that can be given more than once that it can.
fn repeat(command: &clap::Command, page: String) -> String {
    let positionals = command.get_positionals();
    let repeated = positionals.filter(|arg| matches!(arg.get_action(), ArgAction::Append));
    repeated
        .flat_map(|arg| arg.get_value_names().into_iter().flatten())
        .fold(page, |page, name| {
            let (optional, required) = (format!("[\\fI{name}\\fR]"), format!("<\\fI{name}\\fR>"));
            let page = page.replace(&optional, &format!("{optional}..."));
            page.replace(&required, &format!("{required}..."))
        })
}

/// The whole page: what the command line is made of, one page for all commands; and what was written
/// by hand, in `man/end.8`.
fn man() -> Result<String> {
    let root = Cli::command().disable_help_subcommand(true);
    let page = Man::new(root.clone())
        .section("8")
        .date("2026-11-28")
        .source("bpffs")
        .manual("bpffs");
    let mut text = Vec::new();
    text.extend_from_slice(
        b".\\\" SPDX-License-Identifier: GPL-2.0\n.\\\" Made by bpffsctl man.\n",
    );
    page.render_title(&mut text)?;
    let mut text = String::from_utf8(text)?;
    text += ".SH NAME\n";
    text += &without_heading(|part| page.render_name_section(part))?;
    text += ".SH SYNOPSIS\n.B bpffsctl\n.RB [ \\-\\-json ]\n.I command\n.RI [ argument ...]\n";
    text += ".SH DESCRIPTION\n";
    text += &without_heading(|part| page.render_description_section(part))?;
    text += ".SH OPTIONS\n";
    text += &without_heading(|part| page.render_options_section(part))?;
    text += ".SH COMMANDS\n";
    for command in root
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        let name = command.get_name().to_owned();
        let bare = command.clone().disable_help_flag(true);
        let page = Man::new(bare.bin_name(format!("bpffsctl {name}")));
        let synopsis = without_heading(|part| page.render_synopsis_section(part))?;
        let synopsis = values(command, synopsis);
        let description = without_heading(|part| page.render_description_section(part))?;
        let options = without_heading(|part| page.render_options_section(part))?;
        let part = format!(".SS {name}\n{synopsis}.PP\n{description}{options}");
        text += &repeat(command, part);
    }
    let end = include_str!("../man/end.8");
    text.extend(end.lines().skip(1).map(|line| line.to_owned() + "\n"));
    Ok(text)
}

fn write(text: &[u8]) -> Result<Outcome> {
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Outcome::Done),
        result => Ok(result.map(|()| Outcome::Done)?),
    }
}

impl Cli {
    /// Does what was asked for.
    pub fn run(&self) -> Result<Outcome> {
        match &self.command {
            Command::Completion { shell } => return write(&completion(*shell)),
            Command::Man => return write(man()?.as_bytes()),
            Command::OpenContexts(args) => return foreign::serve(args).map(|()| Outcome::Done),
            _ => (),
        }
        let environment = Environment {
            proc: Proc::new()?,
            output: Output::new(self.json),
        };
        match &self.command {
            Command::Status => status::run(&environment),
            Command::Ls(args) => ls::run(&environment, args),
            Command::Rm(args) => rm::run(&environment, args),
            Command::Expose(args) => expose::expose(&environment, args),
            Command::Unexpose(args) => expose::unexpose(&environment, args),
            Command::Load(args) => load::run(&environment, args),
            Command::Takeover(args) => takeover::takeover(&environment, args),
            Command::Release(args) => takeover::release(&environment, args),
            Command::Unload(args) => unload::run(&environment, args),
            Command::Completion { .. } | Command::Man | Command::OpenContexts(_) => {
                Ok(Outcome::Done)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: arguments that contradict one another, which clap finds only when it is run.
    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        for words in [
            &["bpffsctl"][..],
            &["bpffsctl", "rm"],
            &["bpffsctl", "ls", "--of", "map:1", "-R"],
            &["bpffsctl", "expose", "/sys/fs/bpf/x"],
            &["bpffsctl", "completion", "tcsh"],
        ] {
            let error = Cli::try_parse_from(words)
                .err()
                .map(|error| error.exit_code());
            assert_eq!(error, Some(2), "{words:?}");
        }
        assert!(Cli::try_parse_from(["bpffsctl", "rm", "--dead", "--json"]).is_ok());
    }

    // Catches: completions that leave a command out.
    #[test]
    fn completions_have_all_commands() {
        for shell in [Completed::Bash, Completed::Zsh, Completed::Fish] {
            let script = String::from_utf8(completion(shell)).unwrap();
            for command in Cli::command()
                .get_subcommands()
                .filter(|command| !command.is_hide_set())
            {
                assert!(
                    script.contains(command.get_name()),
                    "{}",
                    command.get_name()
                );
            }
        }
    }

    // Catches: a manual page that is not of this command line.
    #[test]
    fn the_manual_page_is_up_to_date() {
        let kept = include_str!("../../../Documentation/man/bpffsctl.8");
        assert!(
            man().unwrap() == kept,
            "make it anew: bpffsctl man > Documentation/man/bpffsctl.8"
        );
    }
}
