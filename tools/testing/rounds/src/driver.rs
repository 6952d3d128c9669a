// SPDX-License-Identifier: GPL-2.0

//! Starts everything, moves the trees there and back, and judges.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure, Context, Result};

use crate::clients::Clients;
use crate::control::{Control, DIRECTORY};
use crate::faults::{Fault, When};
use crate::ktap::Results;
use crate::moves::{Ctl, Direction};
use crate::places::{self, Place, BPF};
use crate::replay::{self, Report, Span};
use crate::snapshot;
use crate::sys;
use crate::watch::Watch;

/// What the driver is told.
#[derive(clap::Args)]
pub struct Args {
    /// Program that moves trees
    #[arg(long)]
    bpffsctl: PathBuf,
    /// Module that is moved to
    #[arg(long)]
    module: PathBuf,
    /// Directory with what other tests have: container.py and BPF programs
    #[arg(long)]
    clients: PathBuf,
    /// Directory for the logs of agents
    #[arg(long)]
    logs: PathBuf,
    /// How many times there and back
    #[arg(long, default_value = "20")]
    rounds: usize,
    /// How many times a run is killed
    #[arg(long, default_value = "100")]
    kills: usize,
    /// How many pins there are in the end
    #[arg(long, default_value = "10000")]
    pins: usize,
    /// How long a call may take while trees move, in milliseconds
    #[arg(long, default_value = "500")]
    held: u64,
    /// Program of a client that uses cilium/ebpf
    #[arg(long)]
    cilium: PathBuf,
    /// Whether real clients run, too
    #[arg(long, default_value = "true", action = clap::ArgAction::Set)]
    clients_too: bool,
    /// Only these clients
    #[arg(long = "client")]
    only_clients: Vec<String>,
    /// Puts in a fault that has to be found
    #[arg(long)]
    fault: Option<Fault>,
    /// Only these agents
    #[arg(long = "agent")]
    agents: Vec<String>,
}

/// The whole of it; whether all was good.
pub fn run(args: &Args) -> Result<bool> {
    let result = all(args);
    if result.is_err() {
        // Whoever still runs is not to keep the guest from its end.
        let _ = Control::open().map(|control| control.stop(&[]));
    }
    result
}

fn all(args: &Args) -> Result<bool> {
    let begin = Instant::now();
    let _ = fs::remove_dir_all(&args.logs);
    fs::create_dir_all(&args.logs)?;
    fs::create_dir(DIRECTORY).with_context(|| DIRECTORY)?;
    sys::chmod(Path::new(DIRECTORY), 0o755).map_err(std::io::Error::from_raw_os_error)?;
    ensure!(
        sys::attributes(Path::new(BPF)).is_ok_and(|all| all.is_empty()),
        "{BPF} is to be the kernel's own"
    );
    let control = Control::create()?;
    let mut results = Results::new();
    let ctl = Ctl {
        program: args.bpffsctl.clone(),
        module: args.module.clone(),
    };
    let ids = snapshot::ids();
    let watched = Path::new(BPF).join("watched");
    let watch = Watch::start(&watched)?;
    let kept = Path::new(BPF).join("kept");
    snapshot::make(&kept)?;
    let container = args.clients.join("container.py");
    let mut places = places::start(&control, &args.logs, &container, &args.agents)?;
    let slots = slots_of(&places);
    results.say(&format!(
        "{} agents after {:.1} s",
        places.len(),
        begin.elapsed().as_secs_f64()
    ));
    let before = Seen::all(&places)?;
    ctl.load()?;
    control.begin();

    let mut round = Rounds {
        control,
        slots,
        places: &places,
        watch: &watch,
        ctl: &ctl,
        before,
        moves: Vec::new(),
        fault: args.fault,
        random: u64::from(std::process::id()) ^ sys::now(),
    };
    round.undisturbed(args.rounds, &mut results)?;
    if args.clients_too {
        round.with_clients(args, &mut results)?;
    }
    round.killed(args.kills, &mut results)?;
    round.many(args.pins, &mut results)?;
    let moves = round.moves;

    control.stop(&slots_of(&places))?;
    judge(&mut results, &places, &moves, args.held)?;
    for place in &mut places {
        place.end();
    }
    watch.end();
    places::remove(&kept);
    results.result("ids", &left(&ids));
    results.say(&format!("{:.0} s", begin.elapsed().as_secs_f64()));
    Ok(results.end())
}

fn slots_of(places: &[Place]) -> Vec<usize> {
    places.iter().map(|place| place.slot).collect()
}

fn seconds(span: Span) -> f64 {
    span.1.saturating_sub(span.0) as f64 / 1e9
}

/// So many rounds more, at most, until each client has run twice.
const MORE: usize = 20;
/// What takes longer does not come: a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a round without clients is called.
const ROUND: &str = "round";

/// What moves trees, and what is looked at then.
struct Rounds<'a> {
    control: Control,
    slots: Vec<usize>,
    places: &'a [Place],
    watch: &'a Watch,
    ctl: &'a Ctl,
    before: Seen,
    moves: Vec<Span>,
    fault: Option<Fault>,
    random: u64,
}

impl Rounds<'_> {
    /// Moves all trees: what was wrong. A run that is done has nothing left to move.
    fn all(&mut self, direction: Direction, name: &str, results: &Results) -> Result<Vec<String>> {
        let run = self.ctl.run(direction, None)?;
        self.moves.push(run.span);
        results.say(&format!(
            "{name} {}: {:.2} s, changes waited {:?} ms",
            direction.word(),
            seconds(run.span),
            run.held()
        ));
        match run.is_done() {
            true => Ok(Vec::new()),
            false => Ok(vec![format!(
                "{name}: status {:?}: {}",
                run.status, run.said
            )]),
        }
    }

    fn fault(&mut self, when: When) -> Result<()> {
        self.fault.map_or(Ok(()), |fault| fault.put(when))
    }

    /// Agents go on, links count, and the tree that nobody changes is the same. When a run has finished,
    /// so is how it is mounted.
    fn look(&self, name: &str, calls: Vec<u64>, is_finished: bool) -> Result<[Vec<String>; 3]> {
        let mut still = Vec::new();
        let end = Instant::now() + PATIENCE;
        for ((place, before), now) in self.places.iter().zip(calls).zip(0..) {
            while places::calls(&self.control, self.places)
                .get(now)
                .is_none_or(|now| *now <= before)
            {
                if Instant::now() > end {
                    still.push(format!("{name}: the agent {} stands still", place.name));
                    break;
                }
                thread::sleep(Duration::from_millis(2));
            }
        }
        let marked = |list: Vec<String>| {
            list.into_iter()
                .map(|line| format!("{name}: {line}"))
                .collect()
        };
        let seen = Seen::all(self.places)?;
        let mut trees = changes(&self.before.trees, &seen.trees);
        if is_finished {
            trees.extend(changes(&self.before.mounts, &seen.mounts));
        }
        Ok([
            still,
            marked(self.watch.check(&self.control)),
            marked(trees),
        ])
    }

    /// There and back so many times: what was wrong with moves, watched objects, trees.
    fn rounds(&mut self, count: usize, what: &str, results: &Results) -> Result<[Vec<String>; 3]> {
        let mut wrong: [Vec<String>; 3] = Default::default();
        for round in 1..=count {
            for direction in [Direction::Takeover, Direction::Release] {
                let name = format!("{what} {round}");
                let calls = places::calls(&self.control, self.places);
                wrong[0].extend(self.all(direction, &name, results)?);
                if what == ROUND {
                    self.fault(When::Moved)?;
                }
                let calls = calls.into_iter().map(|calls| calls + 1).collect();
                for (all, more) in wrong.iter_mut().zip(self.look(&name, calls, true)?) {
                    all.extend(more);
                }
            }
        }
        Ok(wrong)
    }

    fn undisturbed(&mut self, count: usize, results: &mut Results) -> Result<()> {
        let wrong = self.rounds(count, ROUND, results)?;
        for (name, wrong) in ["moves", "watched", "trees"].iter().zip(&wrong) {
            results.result(name, wrong);
        }
        Ok(())
    }

    /// The same while real programs use the file system, which takes most of the processors' time.
    fn with_clients(&mut self, args: &Args, results: &mut Results) -> Result<()> {
        let clients = Clients::start(&args.clients, &args.cilium, &args.only_clients)?;
        thread::sleep(Duration::from_secs(2));
        self.fault(When::Clients)?;
        let mut wrong = self.rounds(args.rounds, "with clients", results)?;
        // Each is to meet moves at several of its steps.
        let mut more = 0;
        while clients.least() < 2 && more < MORE {
            more += 1;
            let name = format!("with clients, {more} more,");
            for (all, found) in wrong.iter_mut().zip(self.rounds(1, &name, results)?) {
                all.extend(found);
            }
        }
        let ended = clients.end();
        for (name, wrong) in ["moves", "watched", "trees"].iter().zip(&wrong) {
            results.result(&format!("clients.{name}"), wrong);
        }
        for (name, count, mut failures) in ended {
            results.say(&format!("{name} ran {count} times"));
            if count == 0 {
                failures.push("it has not run".into());
            }
            results.result(&format!("client.{name}"), &failures);
        }
        Ok(())
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 8) % limit.max(1)
    }

    /// Kills runs at random moments. Two trees may be in use until the next run: what agents change
    /// meanwhile, and only that, may be as in either.
    fn killed(&mut self, count: usize, results: &mut Results) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let mut wrong: [Vec<String>; 3] = Default::default();
        let mut direction = Direction::Takeover;
        let length = |span: Span| span.1.saturating_sub(span.0);
        let longest = self
            .moves
            .iter()
            .copied()
            .map(length)
            .max()
            .unwrap_or(1_000_000_000);
        let mut died = 0;
        for kill in 1..=count {
            let name = format!("kill {kill}");
            self.control.next(&self.slots)?;
            let after = Duration::from_nanos(self.below(longest));
            let run = self.ctl.run(direction, Some(after))?;
            died += usize::from(run.status.is_none());
            self.fault(When::Killed)?;
            // Whatever tree is where: it works.
            let calls = places::calls(&self.control, self.places);
            let calls = calls.into_iter().map(|calls| calls + 20).collect();
            for (all, more) in wrong.iter_mut().zip(self.look(&name, calls, false)?) {
                all.extend(more);
            }
            if run.status.is_some() && !run.is_done() {
                wrong[0].push(format!(
                    "{name}: not killed, status {:?}: {}",
                    run.status, run.said
                ));
            }
            wrong[0].extend(self.all(direction, &name, results)?);
            self.control.next(&self.slots)?;
            let calls = places::calls(&self.control, self.places);
            for (all, more) in wrong.iter_mut().zip(self.look(&name, calls, true)?) {
                all.extend(more);
            }
            direction = match direction {
                Direction::Takeover => Direction::Release,
                Direction::Release => Direction::Takeover,
            };
        }
        if direction == Direction::Release {
            wrong[0].extend(self.all(direction, "after kills", results)?);
        }
        results.say(&format!(
            "{died} of {count} runs were killed before they ended"
        ));
        for (name, wrong) in ["moves", "watched", "trees"].iter().zip(&wrong) {
            results.result(&format!("killed.{name}"), wrong);
        }
        Ok(())
    }

    /// So many pins more, there and back.
    fn many(&mut self, count: usize, results: &mut Results) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        let directory = Path::new(BPF).join("many");
        let failed = std::io::Error::from_raw_os_error;
        sys::mkdir(&directory).map_err(failed)?;
        let map = sys::array(1, None).map_err(failed)?;
        for number in 0..count {
            sys::pin(&map, &directory.join(number.to_string())).map_err(failed)?;
        }
        drop(map);
        let mut wrong = Vec::new();
        for direction in [Direction::Takeover, Direction::Release] {
            wrong.extend(self.all(direction, &format!("{count} pins"), results)?);
            let there = fs::read_dir(&directory)?.count();
            if there != count {
                wrong.push(format!("{there} of {count} pins are there"));
            }
        }
        results.result("many", &wrong);
        places::remove(&directory);
        Ok(())
    }
}

/// What there is at all places: the tree that nobody changes, and mounts.
struct Seen {
    trees: Vec<String>,
    mounts: Vec<String>,
}

fn changes(before: &[String], after: &[String]) -> Vec<String> {
    let gone = before.iter().filter(|line| !after.contains(line));
    let new = after.iter().filter(|line| !before.contains(line));
    let gone = gone.map(|line| format!("- {line}"));
    gone.chain(new.map(|line| format!("+ {line}"))).collect()
}

impl Seen {
    fn all(places: &[Place]) -> Result<Self> {
        let (mut trees, mut mounts) = (Vec::new(), Vec::new());
        for place in places {
            let process = place.process().context(place.name)?.to_string();
            let root = Path::new("/proc").join(&process).join("root");
            let bpf = Path::new(place.bpf());
            let tops: &[&str] = match place.is_machines() {
                true => &["kept"],
                false => &["directory", "link"],
            };
            for top in tops {
                let tree = snapshot::tree(&root, &bpf.join(top))?;
                let line = |(path, text): (PathBuf, String)| {
                    format!("{}: {} {text}", place.name, path.display())
                };
                trees.extend(tree.into_iter().map(line));
            }
            let its = snapshot::mounts(&process)?;
            // How many of the same there are, too.
            let line = |(number, mount): (usize, &String)| {
                let same = its.iter().take(number).filter(|its| *its == mount).count();
                format!("{}: {mount} ({same})", place.name)
            };
            mounts.extend(its.iter().enumerate().map(line));
        }
        Ok(Self { trees, mounts })
    }
}

/// Objects that there were not before. What holds one may take a moment to go.
fn left(before: &BTreeSet<(sys::Kind, u32)>) -> Vec<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = snapshot::ids();
        if now == *before || Instant::now() > end {
            let left = now.difference(before).map(|object| format!("+ {object:?}"));
            let gone = before
                .difference(&now)
                .map(|object| format!("- {object:?}"));
            return left.chain(gone).collect();
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// What the logs of these places say, which are replayed at once.
fn reports(places: &[Place], moves: &[Span]) -> Vec<Result<Report>> {
    thread::scope(|scope| {
        let replay = |place: &'_ Place| {
            let log = place.log.clone();
            scope.spawn(move || replay::file(&log, moves))
        };
        let threads: Vec<_> = places.iter().map(replay).collect();
        let report = |thread: thread::ScopedJoinHandle<'_, _>| {
            let died = |_| Err(anyhow!("a thread died"));
            thread.join().unwrap_or_else(died)
        };
        threads.into_iter().map(report).collect()
    })
}

/// Replays the logs.
fn judge(results: &mut Results, places: &[Place], moves: &[Span], most: u64) -> Result<()> {
    let (mut between, mut longest, mut other) = (0, (0, String::new()), 0);
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let reports = places
        .chunks(processors)
        .flat_map(|places| reports(places, moves));
    for (place, report) in places.iter().zip(reports) {
        let report = report?;
        results.say(&format!(
            "{}: {} calls, {} of which succeeded; longest {:.1} ms while trees moved, {:.1} ms otherwise",
            place.name,
            report.calls,
            report.succeeded,
            report.held.0 as f64 / 1e6,
            report.other as f64 / 1e6
        ));
        let mut wrong = report.wrong;
        if report.wrong_count > 0 {
            wrong.insert(
                0,
                format!("{} calls of {}", report.wrong_count, report.calls),
            );
        }
        if !report.is_whole {
            wrong.push("the log does not end as logs do".into());
        }
        if report.calls < 100 {
            wrong.push(format!("{} calls only", report.calls));
        }
        if report.between > moves.len() {
            wrong.push(format!(
                "{} renames and links have failed with EXDEV in {} moves",
                report.between,
                moves.len()
            ));
        }
        between += report.between;
        other = other.max(report.other);
        if report.held.0 > longest.0 {
            longest = (report.held.0, format!("{}: {}", place.name, report.held.1));
        }
        results.result(&format!("calls.{}", place.name), &wrong);
    }
    results.report(&format!(
        "{between} renames and links met a tree that came between their two look-ups"
    ));
    results.report(&format!(
        "longest call while trees moved: {:.1} ms ({}); otherwise {:.1} ms",
        longest.0 as f64 / 1e6,
        longest.1,
        other as f64 / 1e6
    ));
    // On a machine that is busy with other things, any call takes long now and then.
    let most = most.max(2 * other / 1_000_000);
    let is_long = longest.0 > most * 1_000_000;
    let wrong = is_long.then(|| format!("a call took more than {most} ms while trees moved"));
    results.result("held", &Vec::from_iter(wrong));
    Ok(())
}
