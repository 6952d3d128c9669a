// SPDX-License-Identifier: GPL-2.0

//! What is printed: text for people, with colours on a terminal only, or JSON.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Serialize, Serializer};

/// How the command is to print.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// JSON in the place of text.
    pub json: bool,
    colour: bool,
}

/// What stands out, and how.
#[derive(Clone, Copy)]
pub enum Style {
    /// Headings.
    Bold,
    /// All is well.
    Good,
    /// Needs a look.
    Warning,
    /// Matters less.
    Dim,
}

impl Output {
    /// Colours are for a terminal that can show them, and whose user does not object.
    pub fn new(json: bool) -> Self {
        let unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let colour = !json && !dumb && unset("NO_COLOR") && io::stdout().is_terminal();
        Self { json, colour }
    }

    /// A text in a style, if there are any.
    pub fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Bold => 1,
            Style::Good => 32,
            Style::Warning => 33,
            Style::Dim => 2,
        };
        match self.colour && !text.is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.into(),
        }
    }

    /// Prints one of the two. That nobody reads any more is no error.
    pub fn print(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        let shown = match self.json {
            true => serde_json::to_string_pretty(value)? + "\n",
            false => text(),
        };
        match io::stdout().lock().write_all(shown.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }
}

/// A text that the terminal takes for nothing but text: names are made by others.
pub fn plain(text: &str) -> String {
    text.chars().fold(String::new(), |mut plain, c| {
        match c.is_control() {
            true => {
                // Writing to a string does not fail.
                let _ = write!(plain, "\\x{:02x}", u32::from(c));
            }
            false => plain.push(c),
        }
        plain
    })
}

/// Serializes a path whatever bytes it has: what is not UTF-8 is replaced.
pub fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Several paths, likewise.
pub fn all_lossy<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

/// A path, likewise, if there is one.
pub fn some_lossy<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref()
        .map(|path| path.to_string_lossy())
        .serialize(serializer)
}

/// An error with all its causes in one line, without the numbers of errnos: the words say the same.
pub fn message(error: impl std::fmt::Display) -> String {
    let text = plain(&format!("{error:#}"));
    let mut parts = text.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |message, part| {
        let rest = part.split_once(')').map_or(part, |(_, rest)| rest);
        message + rest
    })
}

/// A path, likewise.
pub fn path(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// Lines of columns that are as wide as needed; the last column is not padded.
#[derive(Default)]
pub struct Table(Vec<Line>);

enum Line {
    Cells(Vec<String>),
    Note(String),
}

impl Table {
    /// A line. No cell is coloured: the width of what is shown counts.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.push(Line::Cells(cells.into()));
    }

    /// A line that has no columns.
    pub fn note(&mut self, text: String) {
        self.0.push(Line::Note(text));
    }

    /// All of it. Columns in which nothing stands are left out.
    pub fn show(&self) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for line in &self.0 {
            let Line::Cells(cells) = line else { continue };
            widths.resize(widths.len().max(cells.len()), 0);
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut shown = String::new();
        for line in &self.0 {
            let start = shown.len();
            match line {
                Line::Note(text) => shown.push_str(text),
                Line::Cells(cells) => {
                    for (cell, &width) in cells.iter().zip(&widths).filter(|(_, &width)| width > 0)
                    {
                        if shown.len() > start {
                            shown.push_str("  ");
                        }
                        // Writing to a string does not fail.
                        let _ = write!(shown, "{cell:width$}");
                    }
                }
            }
            shown.truncate(shown.trim_end_matches(' ').len());
            shown.push('\n');
        }
        shown
    }
}

/// One line on a terminal that says what is waited for, and is gone when it is dropped.
pub struct Progress(bool);

impl Progress {
    /// On standard error, if that is a terminal.
    pub fn new() -> Self {
        Self(io::stderr().is_terminal())
    }

    /// Says it.
    pub fn say(&self, text: &str) {
        if self.0 {
            eprint!("\r\x1b[K{}", plain(text));
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.0 {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a pin's name that makes the terminal do something.
    #[test]
    fn control_characters_are_shown() {
        assert_eq!(plain("a\x1b[31mb\n\u{9b}ü"), "a\\x1b[31mb\\x0a\\x9bü");
    }

    // Catches: a name in some other encoding, for which nothing would be printed at all.
    #[test]
    fn every_path_is_json() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        #[derive(Serialize)]
        struct Paths {
            #[serde(serialize_with = "lossy")]
            one: PathBuf,
            #[serde(serialize_with = "all_lossy")]
            all: Vec<PathBuf>,
            #[serde(serialize_with = "some_lossy")]
            some: Option<PathBuf>,
        }
        let path = PathBuf::from(OsStr::from_bytes(b"a\xff"));
        let paths = Paths {
            one: path.clone(),
            all: vec![path],
            some: None,
        };
        let text = serde_json::to_string(&paths).unwrap();
        assert_eq!(
            text,
            "{\"one\":\"a\u{fffd}\",\"all\":[\"a\u{fffd}\"],\"some\":null}"
        );
    }

    // Catches: words of an error that are lost with the number.
    #[test]
    fn errors_are_words() {
        let text = "/x: No such file or directory (os error 2): why (way out)";
        assert_eq!(
            message(text),
            "/x: No such file or directory: why (way out)"
        );
        assert_eq!(message("a (os error 1) (b)"), "a (b)");
        assert_eq!(message("plain"), "plain");
    }

    // Catches: columns that do not line up.
    #[test]
    fn columns_line_up() {
        let mut table = Table::default();
        table.row(["a".into(), String::new(), "x".into()]);
        table.row(["ünd".into(), String::new(), "y".into()]);
        table.note("  n".into());
        table.row(["b".into(), String::new(), String::new()]);
        assert_eq!(table.show(), "a    x\nünd  y\n  n\nb\n");
    }

    // Catches: colours in a file or a pipe.
    #[test]
    fn no_colours_but_on_a_terminal() {
        let output = Output {
            json: false,
            colour: false,
        };
        assert_eq!(output.paint(Style::Bold, "x"), "x");
        let output = Output {
            json: false,
            colour: true,
        };
        assert_eq!(output.paint(Style::Bold, "x"), "\x1b[1mx\x1b[0m");
    }
}
