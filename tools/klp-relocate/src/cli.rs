// SPDX-License-Identifier: GPL-2.0
//! The commands.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use klp_relocate::btf::Btf;
use klp_relocate::convert::{convert, Outcome, Report};
use klp_relocate::elf::Elf;
use klp_relocate::kallsyms::Kallsyms;
use klp_relocate::klp::{self, Contents};
use klp_relocate::prototypes::{self, Proof};
use klp_relocate::symbols::{Symbol, SymbolList};

const ABOUT: &str = "\
Lets a livepatch module refer to symbols of vmlinux that are not exported, static ones included.

Compile and link the module as if they were, with declarations of your own. 'symvers' tells \
modpost to accept them; 'convert' turns the undefined references in the linked module into \
livepatch relocations, which the kernel resolves when it loads the module \
(Documentation/livepatch/module-elf-format.rst in its source). If it cannot, it refuses the module.

The list of such symbols is a file with one NAME or NAME,POS per line; '#' starts a comment. POS \
chooses among symbols of the same name: it counts them, from 1, in the order of /proc/kallsyms. \
Without it (or with 0), the name must be unique.

Nothing but a declaration says what such a symbol is, and a wrong one is not noticed by compiler, \
linker or module loader. 'convert --btf' holds the declarations against what the kernel's BTF says \
of its functions, static ones included.";

const EXAMPLES: &str = "\
Examples:
  Build and convert a module that uses the symbols listed in my.symbols:
    klp-relocate symvers --symbols my.symbols --exported $KDIR/Module.symvers > klp.symvers
    make -C $KDIR M=$PWD KBUILD_EXTRA_SYMBOLS=$PWD/klp.symvers modules
    klp-relocate convert --symbols my.symbols my.ko

  See what it refers to now, and whether the running kernel has that:
    klp-relocate list my.ko
    klp-relocate check --kallsyms /proc/kallsyms my.ko

  Prove that the declarations in my.h are right:
    (echo '#include \"my.h\"'; echo 'struct klp_prototypes {'
     sed -nE 's/^([A-Za-z_][A-Za-z0-9_]*).*/typeof(\\1) *\\1;/p' my.symbols
     echo '} klp_prototypes;') > prototypes.c
    gcc -g -c prototypes.c    # with the kernel's flags
    pahole -J --btf_encode_detached=prototypes.btf prototypes.o
    klp-relocate convert --symbols my.symbols --btf /sys/kernel/btf/vmlinux \\
        --prototypes prototypes.btf my.ko

Exit status:
  0  done, or nothing to do
  1  the module, the list or the kernel is not as it should be; nothing was written
  2  the command line is wrong

Strip a module before it is converted, not after (strip renumbers symbols, livepatch relocations \
would refer to others then), and sign it last.";

/// Turns undefined references of a kernel module into livepatch relocations
#[derive(Parser)]
#[command(version, long_about = ABOUT, after_long_help = EXAMPLES, after_help = "More: --help")]
pub struct Cli {
    /// Tell more
    #[arg(short, long, global = true)]
    verbose: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Convert(ConvertArgs),
    Symvers(SymversArgs),
    List(ListArgs),
    Check(CheckArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Convert a module's references to listed symbols
///
/// Undefined symbols that are on the list become livepatch symbols, and the relocations that refer
/// to them livepatch relocations. Other undefined symbols stay imports of exported symbols; listed
/// symbols that the module does not use do no harm. References from sections that are not loaded,
/// such as debugging information, are dropped: they read 0.
///
/// A module that has been converted is left alone. A module that cannot be converted is too: one
/// that lacks MODULE_INFO(livepatch, "Y"), that defines a listed symbol itself, that is signed, or
/// whose references the kernel could not relocate.
///
/// With --btf and --prototypes, neither is a module that takes a symbol for something else than
/// the kernel does: one that it refers to, or a function that it replaces, as far as its .modinfo
/// tells (MODULE_INFO(livepatch_replaces, "NAME")). Compared are the number of parameters, the
/// kinds and sizes of all types, and the layout of every struct that can be reached from there. A
/// function that the kernel's BTF does not have cannot be proved, so the module is refused. Of
/// variables, BTF has only per-CPU ones. Of another, only the layout of its type is compared, not
/// that the variable is of that type; how many there are is printed, and which with --verbose.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  klp-relocate convert --symbols my.symbols my.ko
  klp-relocate convert --symbols my.symbols --kallsyms /proc/kallsyms -o out/my.ko my.ko")]
struct ConvertArgs {
    /// List of the vmlinux symbols to convert
    #[arg(short, long, value_name = "FILE")]
    symbols: PathBuf,

    /// Write the module there instead of replacing it
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    /// Also make sure that the kernel with this /proc/kallsyms has the symbols
    #[arg(short, long, value_name = "FILE")]
    kallsyms: Option<PathBuf>,

    /// Also prove that the symbols are what the module takes them to be: the kernel's side
    ///
    /// BTF, such as /sys/kernel/btf/vmlinux, or an ELF file with a section .BTF, such as vmlinux
    /// or the one of that name in a package of kernel headers.
    #[arg(short, long, value_name = "FILE", requires = "prototypes")]
    btf: Option<PathBuf>,

    /// The module's side: BTF, or an ELF file that has it
    ///
    /// A struct klp_prototypes in it has a member for each symbol, of the name of the symbol and a
    /// pointer to its type (typeof(NAME) *NAME), as the declarations have it that the module is
    /// compiled with. Further members do no harm.
    #[arg(short, long, value_name = "FILE", requires = "btf")]
    prototypes: Option<PathBuf>,

    /// The linked module (.ko)
    module: PathBuf,
}

/// Print the listed symbols as a Module.symvers, for modpost
///
/// Given to kbuild as KBUILD_EXTRA_SYMBOLS, it makes modpost accept these symbols, in modules
/// under the GPL; every other undefined symbol remains an error.
#[derive(Args)]
#[command(after_long_help = "\
Example:
  klp-relocate symvers -s my.symbols -e $KDIR/Module.symvers > klp.symvers
  make -C $KDIR M=$PWD KBUILD_EXTRA_SYMBOLS=$PWD/klp.symvers modules")]
struct SymversArgs {
    /// List of vmlinux symbols
    #[arg(short, long, value_name = "FILE")]
    symbols: PathBuf,

    /// The kernel's own Module.symvers: leave out what is in it
    ///
    /// For symbols that only some kernels export. Without this, modpost stops at those that are
    /// exported ("exported twice").
    #[arg(short, long, value_name = "FILE")]
    exported: Option<PathBuf>,
}

/// Show what a converted module refers to
///
/// Livepatch symbols, each with the number of relocations that use it, then livepatch relocation
/// sections, each with the number of relocations in it.
#[derive(Args)]
struct ListArgs {
    /// The converted module
    module: PathBuf,
}

/// Check that a kernel has the symbols a module or a list names
///
/// Each must be there exactly once, or, with a position, at least that often; symbols of modules
/// do not count. Those for which that is not so are named.
#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true), after_long_help = "\
Examples:
  klp-relocate check --kallsyms /proc/kallsyms my.ko
  klp-relocate check --kallsyms /proc/kallsyms --symbols my.symbols")]
struct CheckArgs {
    /// The kernel's symbols, as in /proc/kallsyms
    #[arg(short, long, value_name = "FILE")]
    kallsyms: PathBuf,

    /// List of vmlinux symbols
    #[arg(short, long, value_name = "FILE", group = "what")]
    symbols: Option<PathBuf>,

    /// A converted module
    #[arg(group = "what")]
    module: Option<PathBuf>,
}

/// Print a shell completion script
#[derive(Args)]
#[command(after_long_help = "\
Example:
  klp-relocate completions bash > /etc/bash_completion.d/klp-relocate")]
struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or that of a command
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  klp-relocate man | man -l -
  klp-relocate man convert > klp-relocate-convert.1")]
struct ManArgs {
    /// The command
    command: Option<String>,
}

impl Cli {
    /// Does what the command line asks for.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Convert(args) => args.run(self.verbose),
            Command::Symvers(args) => args.run(self.verbose),
            Command::List(args) => args.run(),
            Command::Check(args) => args.run(self.verbose),
            Command::Completions(args) => {
                let mut script = Vec::new();
                clap_complete::generate(
                    args.shell,
                    &mut Self::command(),
                    "klp-relocate",
                    &mut script,
                );
                print(&script)
            }
            Command::Man(args) => args.run(),
        }
    }
}

/// Standard output may be a pipe that nobody reads any more, which print!() does not survive.
fn print(text: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    Ok(out.flush()?)
}

fn read_module(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

/// Replaces `path` by a file with these contents, or leaves it as it is.
fn replace(path: &Path, contents: &[u8], permissions: fs::Permissions) -> Result<()> {
    let write = || -> Result<()> {
        // A symbolic link stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if fs::metadata(&path).is_ok_and(|m| !m.is_file()) {
            return Ok(fs::write(&path, contents)?); // a pipe or a device
        }
        let dir = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".klp-relocate-")
            .tempfile_in(dir)?;
        file.write_all(contents)?;
        file.as_file().set_permissions(permissions)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| path.display().to_string())
}

impl ConvertArgs {
    fn run(&self, verbose: bool) -> Result<()> {
        let list = SymbolList::read(&self.symbols)?;
        let module = self.module.display();
        let file = read_module(&self.module)?;
        let permissions = fs::metadata(&self.module)?.permissions();

        let outcome = convert(&file, &list).with_context(|| module.to_string())?;
        let symbols = match &outcome {
            Outcome::Converted(_, report) => report.symbols.clone(),
            Outcome::NothingToDo(_) => Vec::new(),
            Outcome::AlreadyConverted => symbols_of(&self.module, &file)?,
        };
        if let Some(path) = &self.kallsyms {
            check(path, &symbols, &module.to_string())?;
        }
        let proof = match (&self.btf, &self.prototypes) {
            (Some(btf), Some(prototypes)) => {
                Some(prove(&file, &symbols, prototypes, btf).with_context(|| module.to_string())?)
            }
            _ => None,
        };
        match &outcome {
            Outcome::Converted(contents, _) => {
                replace(
                    self.output.as_ref().unwrap_or(&self.module),
                    contents,
                    permissions,
                )?;
            }
            Outcome::AlreadyConverted | Outcome::NothingToDo(_) => {
                if let Some(output) = &self.output {
                    replace(output, &file, permissions)?;
                }
            }
        }
        let mut text = describe(&self.module, &outcome, verbose);
        if let Some(proof) = proof {
            text += &describe_proof(&self.module, &proof, verbose);
        }
        print(text.as_bytes())
    }
}

/// Compares what `module` refers to and replaces with what the kernel has.
fn prove(module: &[u8], symbols: &[Symbol], prototypes: &Path, btf: &Path) -> Result<Proof> {
    let mut names: Vec<_> = symbols.iter().map(|s| s.name.clone()).collect();
    names.extend(
        klp::replaced(&Elf::parse(module)?)?
            .into_iter()
            .map(|s| s.name),
    );
    names.sort();
    names.dedup();
    let (record, kernel) = (Btf::read(prototypes)?, Btf::read(btf)?);
    prototypes::prove(names.iter().map(String::as_str), &record, &kernel).with_context(|| {
        format!(
            "{} has other declarations than {}",
            prototypes.display(),
            btf.display()
        )
    })
}

fn describe_proof(module: &Path, proof: &Proof, verbose: bool) -> String {
    let mut text = format!(
        "{}: {} prototypes and {} structs proved, {} variables not in BTF\n",
        module.display(),
        proof.proved.len(),
        proof.structs.len(),
        proof.unknown.len()
    );
    if verbose {
        for (name, ty) in &proof.proved {
            text += &format!("  proved {name}: {ty}\n");
        }
        for name in &proof.structs {
            text += &format!("  proved struct {name}\n");
        }
        for (name, ty) in &proof.unknown {
            text += &format!(
                "  not in BTF {name}: {ty}, whose layout is the kernel's; that the variable is of \
                 this type could not be proved\n"
            );
        }
    }
    text
}

fn describe(module: &Path, outcome: &Outcome, verbose: bool) -> String {
    let module = module.display();
    let (mut text, report) = match outcome {
        Outcome::AlreadyConverted if verbose => {
            return format!("{module}: converted already, left alone\n");
        }
        Outcome::AlreadyConverted => return String::new(),
        Outcome::NothingToDo(report) => (
            format!("{module}: refers to no symbol of the list, left alone\n"),
            report,
        ),
        Outcome::Converted(_, report) => {
            let sum = |counts: &[(String, usize)]| counts.iter().map(|(_, n)| n).sum::<usize>();
            let text = format!(
                "{module}: {} symbols, {} relocations converted in {} sections; {} dropped in {} \
                 that are not loaded\n",
                report.symbols.len(),
                sum(&report.moved),
                report.moved.len(),
                sum(&report.dropped),
                report.dropped.len(),
            );
            (text, report)
        }
    };
    if verbose {
        text += &details(report);
    }
    text
}

fn details(report: &Report) -> String {
    let mut text = String::new();
    for symbol in &report.symbols {
        text += &format!("  symbol {symbol}\n");
    }
    for symbol in &report.unused {
        text += &format!("  unused {symbol}\n");
    }
    for (name, count) in &report.moved {
        text += &format!("  section {name}: {count}\n");
    }
    for (name, count) in &report.dropped {
        text += &format!("  dropped from {name}: {count}\n");
    }
    text
}

impl SymversArgs {
    fn run(&self, verbose: bool) -> Result<()> {
        let list = SymbolList::read(&self.symbols)?;
        let exported = match &self.exported {
            Some(path) => fs::read_to_string(path).with_context(|| path.display().to_string())?,
            None => String::new(),
        };
        // CRC, name, module, …
        let exported: std::collections::HashSet<_> = exported
            .lines()
            .filter_map(|line| line.split('\t').nth(1))
            .collect();
        let mut text = String::new();
        for Symbol { name, .. } in list.iter() {
            if !exported.contains(name.as_str()) {
                // The last field, a namespace, is empty.
                text += &format!("0x00000000\t{name}\tvmlinux\tEXPORT_SYMBOL_GPL\t\n");
            } else if verbose {
                eprintln!("klp-relocate: {name} is exported, left out");
            }
        }
        print(text.as_bytes())
    }
}

impl ListArgs {
    fn run(&self) -> Result<()> {
        let contents = contents_of(&self.module, &read_module(&self.module)?)?;
        let mut text = String::from("Symbols of vmlinux (relocations):\n");
        for (symbol, count) in &contents.symbols {
            text += &format!("  {symbol} ({count})\n");
        }
        if !contents.other_symbols.is_empty() {
            text += "Other livepatch symbols:\n";
        }
        for name in &contents.other_symbols {
            text += &format!("  {name}\n");
        }
        text += "Sections (relocations):\n";
        for (name, count) in &contents.sections {
            text += &format!("  {name} ({count})\n");
        }
        print(text.as_bytes())
    }
}

fn contents_of(path: &Path, file: &[u8]) -> Result<Contents> {
    let read = || {
        let elf = Elf::parse(file)?;
        Contents::read(&elf, &elf.symbol_table()?)
    };
    read().with_context(|| path.display().to_string())
}

fn symbols_of(path: &Path, file: &[u8]) -> Result<Vec<Symbol>> {
    Ok(contents_of(path, file)?
        .symbols
        .into_iter()
        .map(|(symbol, _)| symbol)
        .collect())
}

fn check(kallsyms: &Path, symbols: &[Symbol], origin: &str) -> Result<()> {
    Kallsyms::read(kallsyms, symbols.iter())?
        .check(symbols.iter())
        .with_context(|| format!("{origin}: not in {}", kallsyms.display()))
}

impl CheckArgs {
    fn run(&self, verbose: bool) -> Result<()> {
        let (origin, symbols) = match (&self.symbols, &self.module) {
            (Some(path), _) => (path, SymbolList::read(path)?.iter().cloned().collect()),
            (_, Some(path)) => (path, symbols_of(path, &read_module(path)?)?),
            (None, None) => anyhow::bail!("neither a module nor a list of symbols to check"),
        };
        let origin = origin.display().to_string();
        check(&self.kallsyms, &symbols, &origin)?;
        if verbose {
            let found = format!("{origin}: {} symbols, all found\n", symbols.len());
            print(found.as_bytes())?;
        }
        Ok(())
    }
}

impl ManArgs {
    fn run(&self) -> Result<()> {
        let mut root = Cli::command();
        root.build();
        let command = match &self.command {
            None => root,
            Some(name) => root
                .find_subcommand(name)
                .with_context(|| format!("there is no command '{name}'"))?
                .clone(),
        };
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        print(&page)
    }
}
