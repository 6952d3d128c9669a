// SPDX-License-Identifier: GPL-2.0

//! What an agent's directory has to be after each of its calls, and what each call may answer.
//!
//! As long as one tree is in use, that is one thing. When a program that moves trees has been killed, two
//! trees may be in use until the next run: each path is then all that it has been meanwhile in either.

use std::collections::{BTreeMap, BTreeSet};

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Absent,
    /// A pin: which one, of all that there have been.
    File(usize),
    /// A directory.
    Directory,
    /// A symbolic link to this file beside it.
    Symlink(String),
}

/// A call with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call<'a> {
    /// Of the map with this number.
    Pin(&'a str, usize),
    /// An id.
    Get(&'a str),
    /// Of two files, or of two directories.
    Rename(&'a str, &'a str),
    /// A second name.
    Link(&'a str, &'a str),
    /// Of a file or a symbolic link.
    Unlink(&'a str),
    /// A directory.
    Mkdir(&'a str),
    /// A directory.
    Rmdir(&'a str),
    /// With its target.
    Symlink(&'a str, &'a str),
    /// A target.
    Readlink(&'a str),
    /// With its mode.
    Chmod(&'a str, u32),
    /// Of a file: mode and number of names.
    Stat(&'a str),
    /// Names.
    List(&'a str),
    /// A token of the file system.
    Token,
}

/// What a call has answered: an errno if it has failed, and otherwise what it tells.
pub type Answer<'a> = Result<&'a str, i32>;

/// A file that a walk has found: path, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Id of the map, which of the walk's files, mode.
    File(u32, usize, u32),
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink(String),
}

struct Pin {
    id: u32,
    mode: u32,
}

/// The directory.
#[derive(Default)]
pub struct Model {
    /// The ids of the agent's maps.
    pub maps: Vec<u32>,
    paths: BTreeMap<String, Vec<State>>,
    pins: Vec<Pin>,
    /// Whether two trees may be in use.
    pub loose: bool,
    /// How many calls have failed as documented, as the new tree came between their two look-ups.
    pub between: usize,
}

const NOTHING: &[State] = &[State::Absent];

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(directory, _)| directory)
}

fn is_directory_name(path: &str) -> bool {
    path.starts_with('d') && parent(path).is_none()
}

/// What a call may answer, and one word of what it does answer.
struct Allowed {
    errnos: BTreeSet<i32>,
    success: bool,
}

impl Allowed {
    fn none() -> Self {
        Self {
            errnos: BTreeSet::new(),
            success: false,
        }
    }

    fn error(&mut self, errno: i32, is_possible: bool) {
        if is_possible {
            self.errnos.insert(errno);
        }
    }

    fn judge(&self, answer: Answer<'_>) -> Result<(), String> {
        let is_so = match answer {
            Ok(_) => self.success,
            Err(errno) => self.errnos.contains(&errno),
        };
        if is_so {
            return Ok(());
        }
        let mut may: Vec<_> = self
            .errnos
            .iter()
            .map(|errno| format!("-{errno}"))
            .collect();
        if self.success {
            may.push("success".into());
        }
        Err(format!("must be {}", may.join(" or ")))
    }
}

impl Model {
    fn states(&self, path: &str) -> &[State] {
        self.paths.get(path).map_or(NOTHING, Vec::as_slice)
    }

    fn may_be_absent(&self, path: &str) -> bool {
        self.states(path).contains(&State::Absent)
    }

    fn may_be_there(&self, path: &str) -> bool {
        self.states(path)
            .iter()
            .any(|state| *state != State::Absent)
    }

    /// Whether the directory that a path is in may be missing, and whether it may be there.
    fn directory_of(&self, path: &str) -> (bool, bool) {
        match parent(path) {
            None => (false, true),
            Some(directory) => (self.may_be_absent(directory), self.may_be_there(directory)),
        }
    }

    fn set(&mut self, path: &str, state: State) {
        let states = self
            .paths
            .entry(path.to_owned())
            .or_insert_with(|| NOTHING.to_vec());
        if !self.loose {
            states.clear();
        }
        // Where all is possible that has been, nothing but the maps of pins is looked at.
        let map = |pin: usize| self.pins.get(pin).map(|pin| pin.id);
        let is_same = |its: &State| match (its, &state) {
            (&State::File(its), &State::File(pin)) => map(its) == map(pin),
            (its, state) => its == state,
        };
        if !states.iter().any(is_same) {
            states.push(state);
        }
    }

    /// Paths in a directory that have been something.
    fn inside(&self, directory: &str) -> Vec<String> {
        let inside = |path: &&String| match directory {
            "." => parent(path).is_none(),
            _ => parent(path) == Some(directory),
        };
        self.paths.keys().filter(inside).cloned().collect()
    }

    fn names(&self, pin: usize) -> usize {
        let is_it = |states: &&Vec<State>| states.contains(&State::File(pin));
        self.paths.values().filter(is_it).count()
    }

    /// A new name: of what there may be nothing, in a directory.
    fn creating(&self, path: &str) -> Allowed {
        let mut allowed = Allowed::none();
        let (missing, there) = self.directory_of(path);
        allowed.error(libc::ENOENT, missing);
        allowed.error(libc::EEXIST, there && self.may_be_there(path));
        allowed.success = there && self.may_be_absent(path);
        allowed
    }

    /// A name that has to be there.
    fn using(&self, path: &str) -> Allowed {
        let mut allowed = Allowed::none();
        let (missing, there) = self.directory_of(path);
        allowed.error(libc::ENOENT, missing || self.may_be_absent(path));
        allowed.success = there && self.may_be_there(path);
        allowed
    }

    /// The ids that fetching may give: at most one if one tree is in use.
    fn fetched(&self, path: &str) -> (Allowed, BTreeSet<u32>) {
        let mut ids = BTreeSet::new();
        let mut allowed = self.using(path);
        allowed.success = false;
        for state in self.states(path) {
            match state {
                State::File(pin) => ids.extend(self.pins.get(*pin).map(|pin| pin.id)),
                State::Symlink(target) => {
                    let target = match parent(path) {
                        Some(directory) => format!("{directory}/{target}"),
                        None => target.clone(),
                    };
                    let (of_target, its) = self.fetched(&target);
                    allowed.errnos.extend(of_target.errnos);
                    ids.extend(its);
                }
                State::Absent | State::Directory => (),
            }
        }
        allowed.success = !ids.is_empty() && self.directory_of(path).1;
        (allowed, ids)
    }

    fn pins_at(&self, path: &str) -> Vec<usize> {
        let pin = |state: &State| match state {
            State::File(pin) => Some(*pin),
            _ => None,
        };
        self.states(path).iter().filter_map(pin).collect()
    }

    /// Judges what a call has answered, and does to the model what the call has done.
    pub fn call(&mut self, call: &Call<'_>, answer: Answer<'_>) -> Result<(), String> {
        let is_between =
            matches!(call, Call::Rename(..) | Call::Link(..)) && answer == Err(libc::EXDEV);
        if is_between {
            self.between += 1;
            return Ok(());
        }
        match *call {
            Call::Pin(path, map) => {
                self.creating(path).judge(answer)?;
                if answer.is_ok() {
                    let id = self.maps.get(map).copied().unwrap_or_default();
                    self.pins.push(Pin { id, mode: 0o600 });
                    self.set(path, State::File(self.pins.len() - 1));
                }
            }
            Call::Get(path) => {
                let (allowed, ids) = self.fetched(path);
                allowed.judge(answer)?;
                let is_one = |id: &str| id.parse().is_ok_and(|id| ids.contains(&id));
                if let Ok(id) = answer {
                    if !is_one(id) {
                        return Err(format!("must be of {ids:?}"));
                    }
                }
            }
            Call::Rename(from, to) => return self.rename(from, to, answer),
            Call::Link(from, to) => {
                let mut allowed = self.using(from);
                let created = self.creating(to);
                if allowed.success {
                    allowed.errnos.extend(created.errnos);
                    allowed.success = created.success;
                }
                allowed.judge(answer)?;
                if answer.is_ok() {
                    for pin in self.pins_at(from) {
                        self.set(to, State::File(pin));
                    }
                }
            }
            Call::Unlink(path) => {
                self.using(path).judge(answer)?;
                if answer.is_ok() {
                    self.set(path, State::Absent);
                }
            }
            Call::Mkdir(path) => {
                self.creating(path).judge(answer)?;
                if answer.is_ok() {
                    self.set(path, State::Directory);
                }
            }
            Call::Rmdir(path) => {
                let mut allowed = self.using(path);
                self.emptied(path, &mut allowed);
                allowed.judge(answer)?;
                if answer.is_ok() {
                    self.set(path, State::Absent);
                }
            }
            Call::Symlink(path, target) => {
                self.creating(path).judge(answer)?;
                if answer.is_ok() {
                    self.set(path, State::Symlink(target.to_owned()));
                }
            }
            Call::Readlink(path) => {
                self.using(path).judge(answer)?;
                if let Ok(target) = answer {
                    if !self
                        .states(path)
                        .contains(&State::Symlink(target.to_owned()))
                    {
                        return Err(format!("must be of {:?}", self.states(path)));
                    }
                }
            }
            Call::Chmod(path, mode) => {
                self.using(path).judge(answer)?;
                if answer.is_ok() {
                    for pin in self.pins_at(path) {
                        if let Some(pin) = self.pins.get_mut(pin) {
                            pin.mode = mode;
                        }
                    }
                }
            }
            Call::Stat(path) => {
                self.using(path).judge(answer)?;
                if let (Ok(said), false, &[pin]) = (answer, self.loose, &*self.pins_at(path)) {
                    let mode = self.pins.get(pin).map_or(0, |pin| pin.mode);
                    let must = format!("{mode:o}:{}", self.names(pin));
                    if said != must {
                        return Err(format!("must be {must}"));
                    }
                }
            }
            Call::List(path) => return self.list(path, answer),
            Call::Token => {
                let mut allowed = Allowed::none();
                allowed.success = true;
                allowed.judge(answer)?;
            }
        }
        Ok(())
    }

    /// What a directory has to be for it to go.
    fn emptied(&self, path: &str, allowed: &mut Allowed) {
        if allowed.success {
            let inside = self.inside(path);
            let may_be_full = inside.iter().any(|path| self.may_be_there(path));
            allowed.error(libc::ENOTEMPTY, may_be_full);
            allowed.success = inside.iter().all(|path| self.may_be_absent(path));
        }
    }

    fn rename(&mut self, from: &str, to: &str, answer: Answer<'_>) -> Result<(), String> {
        let mut allowed = self.using(from);
        let (missing, there) = self.directory_of(to);
        if allowed.success {
            allowed.error(libc::ENOENT, missing);
            allowed.success = there;
        }
        let directories = is_directory_name(from);
        if directories && from != to && self.may_be_there(to) {
            let is_new = self.may_be_absent(to);
            let success = allowed.success;
            self.emptied(to, &mut allowed);
            allowed.success |= success && is_new;
        }
        allowed.judge(answer)?;
        if answer.is_err() || from == to {
            return Ok(());
        }
        // Two names of one file stay as they are.
        if !self.loose && self.states(from) == self.states(to) && !directories {
            return Ok(());
        }
        let mut moves = vec![(from.to_owned(), to.to_owned())];
        if directories {
            for old in self.inside(from) {
                let new = old.replacen(from, to, 1);
                moves.push((old, new));
            }
        }
        for (old, new) in moves {
            let states = self.states(&old).to_vec();
            for state in states {
                if state != State::Absent {
                    self.set(&new, state);
                }
            }
            self.set(&old, State::Absent);
        }
        Ok(())
    }

    fn list(&self, path: &str, answer: Answer<'_>) -> Result<(), String> {
        let mut allowed = Allowed::none();
        match path {
            "." => allowed.success = true,
            _ => allowed = self.using(path),
        }
        allowed.judge(answer)?;
        let Ok(names) = answer else {
            return Ok(());
        };
        let names = names.trim_matches(['[', ']']).split(',');
        let mut listed = BTreeSet::new();
        for name in names.filter(|name| !name.is_empty()) {
            let path = match path {
                "." => name.to_owned(),
                _ => format!("{path}/{name}"),
            };
            if !self.may_be_there(&path) {
                return Err(format!("{path} must not be there"));
            }
            if !listed.insert(path) {
                return Err(format!("{name} is there twice"));
            }
        }
        for path in self.inside(path) {
            if !self.may_be_absent(&path) && !listed.contains(&path) {
                return Err(format!("{path} must be there"));
            }
        }
        Ok(())
    }

    /// Two trees may be in use from now on.
    pub fn loosen(&mut self) {
        self.loose = true;
    }

    /// One tree is in use, and all of it has been looked at: judges that, and takes it for granted.
    pub fn walked(&mut self, found: &[(String, Found)]) -> Result<(), String> {
        let mut pins: BTreeMap<usize, usize> = BTreeMap::new();
        let mut groups = BTreeMap::new();
        for (path, what) in found {
            let states = self.states(path).to_vec();
            let is_possible = match what {
                Found::Directory => states.contains(&State::Directory),
                Found::Symlink(target) => states.contains(&State::Symlink(target.clone())),
                Found::File(id, number, mode) => {
                    let its = self.pins_at(path);
                    let same = |pin: &&usize| self.pins.get(**pin).is_some_and(|pin| pin.id == *id);
                    let pin = its.iter().find(same).copied();
                    if let (Some(pin), false) = (pin, self.loose) {
                        if self.pins.get(pin).is_some_and(|pin| pin.mode != *mode) {
                            return Err(format!("{path} has the mode {mode:o}"));
                        }
                        if *groups.entry(pin).or_insert(*number) != *number
                            || *pins.entry(*number).or_insert(pin) != pin
                        {
                            return Err(format!("{path} is not one file with its other names"));
                        }
                    }
                    pin.is_some()
                }
            };
            if !is_possible {
                return Err(format!("{path} is {what:?}, and must be of {states:?}"));
            }
        }
        let there: BTreeSet<_> = found.iter().map(|(path, _)| path.as_str()).collect();
        for (path, states) in &self.paths {
            let (directory_missing, _) = self.directory_of(path);
            let may_be_gone = states.contains(&State::Absent) || directory_missing;
            if !may_be_gone && !there.contains(path.as_str()) {
                return Err(format!("{path} is missing, which must be {states:?}"));
            }
        }
        if self.loose {
            self.take(found);
        }
        Ok(())
    }

    fn take(&mut self, found: &[(String, Found)]) {
        self.loose = false;
        self.paths.clear();
        self.pins.clear();
        let mut numbers = BTreeMap::new();
        for (path, what) in found {
            let state = match what {
                Found::Directory => State::Directory,
                Found::Symlink(target) => State::Symlink(target.clone()),
                Found::File(id, number, mode) => {
                    let pin = *numbers.entry(*number).or_insert_with(|| {
                        self.pins.push(Pin {
                            id: *id,
                            mode: *mode,
                        });
                        self.pins.len() - 1
                    });
                    State::File(pin)
                }
            };
            self.set(path, state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        Model {
            maps: vec![7, 8],
            ..Model::default()
        }
    }

    fn done(model: &mut Model, calls: &[Call<'_>]) {
        for call in calls {
            model.call(call, Ok("0")).unwrap();
        }
    }

    // Catches: a pin that is lost, or another one's, and is not noticed.
    #[test]
    fn what_was_pinned_is_found() {
        let mut model = model();
        done(&mut model, &[Call::Pin("f1", 0), Call::Rename("f1", "f2")]);
        assert!(model.call(&Call::Get("f2"), Ok("7")).is_ok());
        assert!(model.call(&Call::Get("f2"), Ok("8")).is_err());
        assert!(model.call(&Call::Get("f2"), Err(libc::ENOENT)).is_err());
        assert!(model.call(&Call::Get("f2"), Err(libc::ESTALE)).is_err());
        assert!(model.call(&Call::Get("f1"), Err(libc::ENOENT)).is_ok());
        assert!(model.call(&Call::Get("f1"), Ok("7")).is_err());
    }

    // Catches: a replay that takes ever longer until the next walk, or that then takes any map for right.
    #[test]
    fn pins_of_one_map_are_one_possibility() {
        let mut model = model();
        model.loosen();
        for _ in 0..100 {
            done(&mut model, &[Call::Pin("f1", 0), Call::Unlink("f1")]);
        }
        assert!(model.states("f1").len() == 2);
        assert!(model.call(&Call::Get("f1"), Ok("7")).is_ok());
        assert!(model.call(&Call::Get("f1"), Ok("8")).is_err());
    }

    // Catches: names that are there twice, missing, or have come back.
    #[test]
    fn lists_are_exact() {
        let mut model = model();
        done(&mut model, &[Call::Mkdir("d1"), Call::Pin("d1/f1", 0)]);
        assert!(model.call(&Call::List("."), Ok("[d1]")).is_ok());
        assert!(model.call(&Call::List("d1"), Ok("[f1]")).is_ok());
        assert!(model.call(&Call::List("d1"), Ok("[f1,f1]")).is_err());
        assert!(model.call(&Call::List("d1"), Ok("[f1,f2]")).is_err());
        assert!(model.call(&Call::List("d1"), Ok("[]")).is_err());
    }

    // Catches: a file whose names have become files of their own.
    #[test]
    fn names_of_one_file_are_counted() {
        let mut model = model();
        done(
            &mut model,
            &[
                Call::Pin("f1", 0),
                Call::Link("f1", "f2"),
                Call::Chmod("f2", 0o604),
            ],
        );
        assert!(model.call(&Call::Stat("f1"), Ok("604:2")).is_ok());
        assert!(model.call(&Call::Stat("f1"), Ok("604:1")).is_err());
        let file = |path: &str, number| (path.to_owned(), Found::File(7, number, 0o604));
        assert!(model.walked(&[file("f1", 0), file("f2", 0)]).is_ok());
        assert!(model.walked(&[file("f1", 0), file("f2", 1)]).is_err());
        assert!(model.walked(&[file("f1", 0)]).is_err());
        // Renaming one to the other does nothing.
        done(&mut model, &[Call::Rename("f1", "f2")]);
        assert!(model.call(&Call::Stat("f1"), Ok("604:2")).is_ok());
    }

    // Catches: a directory that loses what is in it, or one that is lost with what is in it.
    #[test]
    fn directories_move_with_what_is_inside() {
        let mut model = model();
        done(
            &mut model,
            &[
                Call::Mkdir("d0"),
                Call::Pin("d0/f1", 1),
                Call::Mkdir("d1"),
                Call::Rename("d0", "d1"),
            ],
        );
        assert!(model.call(&Call::Get("d1/f1"), Ok("8")).is_ok());
        assert!(model.call(&Call::Mkdir("d0"), Ok("0")).is_ok());
        assert!(model
            .call(&Call::Rename("d0", "d1"), Err(libc::ENOTEMPTY))
            .is_ok());
        assert!(model.call(&Call::Rename("d0", "d1"), Ok("0")).is_err());
        assert!(model.call(&Call::Rmdir("d1"), Ok("0")).is_err());
    }

    // Catches: the time after somebody is killed as an excuse for everything.
    #[test]
    fn two_trees_excuse_only_what_comes_back() {
        let mut model = model();
        done(&mut model, &[Call::Pin("f1", 0), Call::Pin("f2", 1)]);
        model.loosen();
        done(&mut model, &[Call::Unlink("f1"), Call::Pin("f3", 0)]);
        assert!(model.call(&Call::Get("f1"), Ok("7")).is_ok());
        assert!(model.call(&Call::Get("f2"), Err(libc::ENOENT)).is_err());
        assert!(model.call(&Call::Pin("f4", 0), Err(libc::ESTALE)).is_err());
        let file = |path: &str, id, number| (path.to_owned(), Found::File(id, number, 0o600));
        assert!(model.walked(&[file("f1", 7, 0)]).is_err());
        assert!(model.walked(&[file("f1", 7, 0), file("f2", 7, 1)]).is_err());
        assert!(model
            .walked(&[file("f1", 7, 0), file("f2", 8, 1), file("f3", 7, 2)])
            .is_ok());
        assert!(model.call(&Call::Get("f1"), Err(libc::ENOENT)).is_err());
    }

    // Catches: a link to what is not there that leads somewhere.
    #[test]
    fn symbolic_links_lead_beside_them() {
        let mut model = model();
        done(
            &mut model,
            &[
                Call::Mkdir("d0"),
                Call::Symlink("d0/s0", "f1"),
                Call::Pin("f1", 0),
            ],
        );
        assert!(model.call(&Call::Get("d0/s0"), Err(libc::ENOENT)).is_ok());
        done(&mut model, &[Call::Pin("d0/f1", 1)]);
        assert!(model.call(&Call::Get("d0/s0"), Ok("8")).is_ok());
        assert!(model.call(&Call::Readlink("d0/s0"), Ok("f2")).is_err());
    }
}
