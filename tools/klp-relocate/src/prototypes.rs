// SPDX-License-Identifier: GPL-2.0
//! Whether the symbols of vmlinux are what a module takes them to be.
//!
//! The module's side is the BTF of a C file that is compiled with the headers and declarations
//! that the module's bindings are made of. It has a struct [`RECORD`] with a member for each
//! symbol, a pointer to its type; and, if the module repeats types that are local to a file of the
//! kernel's, a struct [`STRUCTS`] with a pointer to each. The kernel's side is the BTF of vmlinux, which tells of static
//! functions, too. It tells of next to no variables.
//!
//! Two types are equal if they have the same layout and mean the same: behind typedefs and
//! qualifiers, the same kind, size and sign; of structs, unions and enumerations also the same
//! name, and all their members or values; and so on for whatever these refer to. What is only
//! declared on one side is equal to anything of that kind and name on the other. Names of
//! parameters and integers, qualifiers and tags like `__user` do not matter: none of them changes
//! how a function is called.

use std::collections::{HashSet, VecDeque};

use anyhow::{bail, ensure, Context, Result};

use crate::btf::{Btf, Id, Kind};

/// The struct that has the module's prototypes.
pub const RECORD: &str = "klp_prototypes";

/// The struct that refers to the types that the module repeats.
pub const STRUCTS: &str = "klp_structs";

/// What was proved.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Symbols that are to the kernel what they are to the module, each with its type.
    pub proved: Vec<(String, String)>,
    /// Variables that the kernel's BTF does not tell of, each with the type that it has for the
    /// module. The kernel has the same type.
    pub unknown: Vec<(String, String)>,
    /// Structs that the module repeats, and that are the same to the kernel.
    pub structs: Vec<String>,
}

/// Compares the symbols called `names`: `record` is the module's side. Fails with one line that
/// names every symbol that is something else to the kernel, or that cannot be proved.
pub fn prove<'a>(
    names: impl Iterator<Item = &'a str>,
    record: &Btf,
    kernel: &Btf,
) -> Result<Proof> {
    let members = members(record, RECORD)?;
    let mut prover = Prover {
        ours: record,
        theirs: kernel,
        equal: HashSet::new(),
    };
    let (mut proof, mut problems) = (Proof::default(), Vec::new());
    for name in names {
        let result = match members.iter().find(|(member, _)| *member == name) {
            Some(&(_, id)) => prover.symbol(name, id, &mut proof),
            None => Err(anyhow::anyhow!(
                "no declaration was recorded of it in struct {RECORD}"
            )),
        };
        if let Err(error) = result {
            problems.push(format!("{name}: {error:#}"));
        }
    }
    if record.named(STRUCTS).next().is_some() {
        for (name, id) in self::members(record, STRUCTS)? {
            match prover.repeated(id) {
                Ok(()) => proof.structs.push(name.into()),
                Err(error) => problems.push(format!("struct {name}: {error:#}")),
            }
        }
    }
    ensure!(problems.is_empty(), "{}", problems.join("; "));
    Ok(proof)
}

/// The members of the struct `name` of the record, each with the type that it points to.
fn members<'a>(record: &'a Btf, name: &str) -> Result<Vec<(&'a str, Id)>> {
    let mut structs = record.named(name).filter_map(|(_, ty)| match &ty.kind {
        Kind::Record { members, .. } => Some(members),
        _ => None,
    });
    let members = structs
        .next()
        .with_context(|| format!("has no struct {name}, so no prototypes"))?;
    ensure!(structs.next().is_none(), "has two structs {name}");
    let pointee = |id| match record.resolve(id)?.1.kind {
        Kind::Pointer(to) => Ok(to),
        _ => bail!("is no pointer"),
    };
    (members.iter())
        .map(|m| {
            let id = pointee(m.id).with_context(|| format!("struct {name}: {}", m.name))?;
            Ok((m.name.as_str(), id))
        })
        .collect()
}

/// Where a type was come by: index of what refers to it, and how.
type Origin = Option<(usize, Step)>;

#[derive(Clone, Copy)]
enum Step {
    Returned,
    Parameter(usize),
    Member(usize),
    Pointee,
    Element,
}

/// Describes a type when it is printed.
struct DisplayType<'a>(&'a Btf, Id);

impl std::fmt::Display for DisplayType<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.describe(self.1))
    }
}

struct Prover<'a> {
    ours: &'a Btf,
    theirs: &'a Btf,
    /// Pairs that are known to be equal, with all that they refer to.
    equal: HashSet<(Id, Id)>,
}

/// Two types that are to be compared.
struct Pair {
    ours: Id,
    theirs: Id,
    origin: Origin,
}

impl Prover<'_> {
    /// Compares the symbol `name`, which is of type `ours` to the module.
    fn symbol(&mut self, name: &str, ours: Id, proof: &mut Proof) -> Result<()> {
        let is_function = matches!(self.ours.resolve(ours)?.1.kind, Kind::Prototype(..));
        let mut found = 0;
        for (_, ty) in self.theirs.named(name) {
            let theirs = match ty.kind {
                Kind::Function(id) | Kind::Variable(id) => id,
                _ => continue,
            };
            found += 1;
            self.compare(ours, theirs)?;
        }
        let described = self.ours.describe(ours);
        match (found, is_function) {
            (0, true) => bail!(
                "the kernel's BTF has no such function, so that its prototype cannot be proved \
                 (BTF leaves out what is declared in several ways, or was changed by the \
                 compiler, as .isra and .constprop are)"
            ),
            (0, false) => {
                self.layout(ours)?;
                proof.unknown.push((name.into(), described));
            }
            _ => proof.proved.push((name.into(), described)),
        }
        Ok(())
    }

    /// Makes sure that the kernel has this type of a variable.
    fn layout(&mut self, ours: Id) -> Result<()> {
        let (_, ty) = self.ours.resolve(ours)?;
        if !matches!(ty.kind, Kind::Record { .. }) || ty.name.is_empty() {
            return Ok(()); // Nothing that another type could be mistaken for.
        }
        // Those of files of their own may have the same name.
        let mut error = None;
        for (theirs, _) in self.theirs.named(&ty.name) {
            match self.compare(ours, theirs) {
                Ok(()) => return Ok(()),
                Err(e) => error = error.or(Some(e)),
            }
        }
        Err(error.unwrap_or_else(|| {
            anyhow::anyhow!("the kernel's BTF has no {}", self.ours.describe(ours))
        }))
    }

    /// Makes sure that the kernel has this struct, with all its members.
    fn repeated(&mut self, ours: Id) -> Result<()> {
        let is_whole = |btf: &Btf, id| {
            Ok::<_, anyhow::Error>(matches!(btf.resolve(id)?.1.kind, Kind::Record { .. }))
        };
        ensure!(is_whole(self.ours, ours)?, "the module only declares it");
        let name = &self.ours.resolve(ours)?.1.name;
        for (theirs, _) in self.theirs.named(name) {
            if is_whole(self.theirs, theirs)? && self.compare(ours, theirs).is_ok() {
                return Ok(());
            }
        }
        // Says what differs.
        self.layout(ours)?;
        bail!("the kernel's BTF only declares it")
    }

    /// Fails, with the way to the first difference, unless the types are equal.
    fn compare(&mut self, ours: Id, theirs: Id) -> Result<()> {
        // Breadth first, for the shortest way. Types refer to each other in circles: those are
        // equal if no difference is found anywhere.
        let mut seen = HashSet::new();
        let mut pairs: Vec<Pair> = Vec::new();
        let mut queue = VecDeque::from([(ours, theirs, None)]);
        // Equal types have about as many pairs as there are types.
        let limit = 16 * (self.ours.len() + self.theirs.len());
        while let Some((ours, theirs, origin)) = queue.pop_front() {
            let pair = Pair {
                ours,
                theirs,
                origin,
            };
            let key = (self.ours.resolve(ours)?.0, self.theirs.resolve(theirs)?.0);
            if self.equal.contains(&key) || !seen.insert(key) {
                continue;
            }
            ensure!(seen.len() <= limit, "its types never end");
            let index = pairs.len();
            pairs.push(pair);
            let mut refer = |ours, theirs, step| {
                queue.push_back((ours, theirs, Some((index, step))));
            };
            if let Some(difference) = self.difference(key, &mut refer)? {
                bail!("{}", self.explain(&pairs, index, &difference));
            }
        }
        self.equal.extend(seen);
        Ok(())
    }

    /// How two types themselves differ; calls `refer` for those that they refer to.
    fn difference(
        &self,
        (ours, theirs): (Id, Id),
        refer: &mut dyn FnMut(Id, Id, Step),
    ) -> Result<Option<String>> {
        let (a, b) = (self.ours.get(ours)?, self.theirs.get(theirs)?);
        let other_type = || {
            let (a, b) = (self.ours.describe(ours), self.theirs.describe(theirs));
            Ok(Some(format!("{a} to the module, {b} to the kernel")))
        };
        let whole = DisplayType(self.ours, ours);
        let number = |what: &str, a: &dyn std::fmt::Display, b: &dyn std::fmt::Display| {
            Ok(Some(format!(
                "{what}: {a} to the module, {b} to the kernel"
            )))
        };
        match (&a.kind, &b.kind) {
            (Kind::Void, Kind::Void) => {}
            (Kind::Int { size: x, .. }, Kind::Int { size: y, .. }) if x != y => {
                return number("size", x, y);
            }
            (Kind::Int { .. } | Kind::Float(_), Kind::Int { .. } | Kind::Float(_)) => {
                if a.kind != b.kind {
                    return other_type();
                }
            }
            (Kind::Pointer(x), Kind::Pointer(y)) => refer(*x, *y, Step::Pointee),
            (Kind::Array(x, m), Kind::Array(y, n)) => {
                if m != n {
                    return number("number of elements", m, n);
                }
                refer(*x, *y, Step::Element);
            }
            (
                Kind::Record { union: x, .. } | Kind::Forward { union: x },
                Kind::Record { union: y, .. } | Kind::Forward { union: y },
            ) if x != y || a.name != b.name => return other_type(),
            (
                Kind::Record {
                    size: x,
                    members: ours,
                    ..
                },
                Kind::Record {
                    size: y,
                    members: theirs,
                    ..
                },
            ) => {
                for (i, (m, n)) in ours.iter().zip(theirs).enumerate() {
                    if m.name != n.name {
                        return number(&format!("member {} of {whole}", i + 1), &m.name, &n.name);
                    }
                    if m.offset != n.offset {
                        return number(
                            &format!("bit offset of {whole}.{}", m.name),
                            &m.offset,
                            &n.offset,
                        );
                    }
                    if m.bits != n.bits {
                        return number(&format!("bits of {whole}.{}", m.name), &m.bits, &n.bits);
                    }
                    refer(m.id, n.id, Step::Member(i));
                }
                if ours.len() != theirs.len() {
                    return number(
                        &format!("number of members of {whole}"),
                        &ours.len(),
                        &theirs.len(),
                    );
                }
                if x != y {
                    return number(&format!("size of {whole}"), x, y);
                }
            }
            (
                Kind::Record { .. } | Kind::Forward { .. },
                Kind::Record { .. } | Kind::Forward { .. },
            ) => {}
            (Kind::Enum(..), Kind::Enum(..)) if a.name != b.name => return other_type(),
            // One that has no values is only declared.
            (Kind::Enum(x, ours), Kind::Enum(y, theirs))
                if !ours.is_empty() && !theirs.is_empty() =>
            {
                if x != y {
                    return number(&format!("size of {whole}"), x, y);
                }
                for ((a, x), (b, y)) in ours.iter().zip(theirs) {
                    if (a, x) != (b, y) {
                        let (a, b) = (format!("{a} = {x}"), format!("{b} = {y}"));
                        return number(&format!("value of {whole}"), &a, &b);
                    }
                }
                if ours.len() != theirs.len() {
                    return number(
                        &format!("number of values of {whole}"),
                        &ours.len(),
                        &theirs.len(),
                    );
                }
            }
            (Kind::Enum(..), Kind::Enum(..)) => {}
            (Kind::Prototype(x, ours), Kind::Prototype(y, theirs)) => {
                if ours.len() != theirs.len() {
                    return number("number of parameters", &ours.len(), &theirs.len());
                }
                for (i, (x, y)) in ours.iter().zip(theirs).enumerate() {
                    refer(*x, *y, Step::Parameter(i));
                }
                refer(*x, *y, Step::Returned);
            }
            _ => return other_type(),
        }
        Ok(None)
    }

    /// The difference between what is last on a way, and the way.
    fn explain(&self, pairs: &[Pair], last: usize, difference: &str) -> String {
        let mut way = Vec::new();
        let mut at = pairs.get(last);
        while let Some(Pair {
            origin: Some((from, step)),
            ..
        }) = at
        {
            at = pairs.get(*from);
            match step {
                Step::Returned => way.push("the result".to_string()),
                Step::Parameter(i) => way.push(format!("parameter {}", i + 1)),
                Step::Member(i) => way.push(self.member(at, *i)),
                Step::Pointee | Step::Element => {}
            }
        }
        way.reverse();
        way.push(difference.to_string());
        let whole = pairs.first().map(|pair| {
            let (a, b) = (
                self.ours.describe(pair.ours),
                self.theirs.describe(pair.theirs),
            );
            if a == b {
                format!("{a}, but of other types to the kernel")
            } else {
                format!("{a} to the module, {b} to the kernel")
            }
        });
        format!("{} ({})", whole.unwrap_or_default(), way.join(", "))
    }

    /// The name of a member of the module's type, with that of the type.
    fn member(&self, pair: Option<&Pair>, index: usize) -> String {
        let name = || {
            let id = pair?.ours;
            let Kind::Record { members, .. } = &self.ours.resolve(id).ok()?.1.kind else {
                return None;
            };
            let name = &members.get(index)?.name;
            Some(match name.as_str() {
                "" => format!("{}: unnamed member", self.ours.describe(id)),
                _ => format!("{}.{name}", self.ours.describe(id)),
            })
        };
        name().unwrap_or_default()
    }
}
