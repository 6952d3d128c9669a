// SPDX-License-Identifier: GPL-2.0

//! Threads that replace mounts, one in each namespace.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::thread::Scope;

use anyhow::{anyhow, Result};

use super::groups::{Groups, Member};
use super::places::Site;
use crate::proc::Proc;
use crate::sys::Urgent;

/// What a worker is to do next.
enum Order {
    /// Take away what would keep a mount from going by propagation.
    Clear,
    /// Put the new tree in the place of the old one.
    Replace,
    /// Give what has come the propagation of what has gone, as far as one mount can have it alone.
    Settle,
    /// Make it the peer of these mounts.
    Join(Arc<Groups>),
    /// Make it their slave.
    Follow(Arc<Groups>),
}

/// What has come of an order.
struct Report {
    replaced: usize,
    members: Vec<Arc<Member>>,
    result: Result<()>,
}

impl Report {
    fn of(result: Result<()>) -> Self {
        Self {
            replaced: 0,
            members: Vec::new(),
            result,
        }
    }
}

/// A thread that is in a namespace, and replaces the mounts there. It makes ready what it can, and does
/// what it is told to. It ends when the worker is dropped.
struct Worker {
    orders: Sender<Order>,
    reports: Receiver<Report>,
}

impl Worker {
    fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        proc: &'scope Proc,
        site: &'scope Site<'_>,
    ) -> Self {
        let (orders, told) = mpsc::channel();
        let (send, reports) = mpsc::channel();
        scope.spawn(move || {
            let say = |report| {
                // Nobody asks any more if another one has failed.
                let _ = send.send(report);
            };
            let result = site.enter(proc, {
                let say = &say;
                move || {
                    let mut prepared = site.prepare(proc)?;
                    let mut urgent = Some(Urgent::new());
                    say(Report::of(Ok(())));
                    while let Ok(order) = told.recv() {
                        let mut report = Report::of(Ok(()));
                        let is_clear = matches!(order, Order::Clear);
                        report.result = match order {
                            Order::Clear => prepared.clear(),
                            Order::Replace => {
                                prepared.replace().map(|count| report.replaced = count)
                            }
                            Order::Settle => prepared.settle(&mut report.members),
                            Order::Join(groups) => prepared.join(&groups),
                            Order::Follow(groups) => prepared.follow(&groups),
                        };
                        if !is_clear {
                            urgent = None;
                        }
                        say(report);
                    }
                    drop(urgent);
                    Ok(())
                }
            });
            say(Report::of(result));
        });
        Self { orders, reports }
    }

    fn tell(&self, order: Order) {
        // One that has died reports so.
        let _ = self.orders.send(order);
    }

    /// Waits for the end of what it was told to do.
    fn report(&self) -> Report {
        let died = |_| Report::of(Err(anyhow!("a thread died")));
        self.reports.recv().unwrap_or_else(died)
    }
}

/// All of them. They end when this is dropped.
pub struct Workers(Vec<Worker>);

impl Workers {
    /// Starts them, and waits until all have made ready what they can.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        proc: &'scope Proc,
        sites: &'scope [Site<'_>],
    ) -> Result<Self> {
        let start = |site| Worker::start(scope, proc, site);
        let workers: Vec<_> = sites.iter().map(start).collect();
        for worker in &workers {
            worker.report().result?;
        }
        Ok(Self(workers))
    }

    /// Tells all of them the same, and waits.
    fn all(&self, order: impl Fn() -> Order) -> Result<()> {
        for worker in &self.0 {
            worker.tell(order());
        }
        let mut result = Ok(());
        for worker in &self.0 {
            // Each of them, so that none is at work any more.
            result = result.and(worker.report().result);
        }
        result
    }

    /// Has them replace what they have made ready: how many mounts, without those by propagation. The first
    /// one by itself, as most of the others have nothing left to do then; then all at once.
    pub fn replace(&self) -> Result<usize> {
        self.all(|| Order::Clear)?;
        let Some((first, others)) = self.0.split_first() else {
            return Ok(0);
        };
        first.tell(Order::Replace);
        let report = first.report();
        report.result?;
        for worker in others {
            worker.tell(Order::Replace);
        }
        let mut result = Ok(report.replaced);
        for worker in others {
            // Each of them, so that none is at work any more.
            let report = worker.report();
            let more = report.result.map(|()| report.replaced);
            result = result.and_then(|count| Ok(count + more?));
        }
        result
    }

    /// Gives what has come all that the mounts had that have gone. Not before all of it has come: until
    /// then every moment counts.
    pub fn finish(&self) -> Result<()> {
        let mut result = Ok(());
        let mut groups = Groups::default();
        for worker in &self.0 {
            worker.tell(Order::Settle);
            let report = worker.report();
            groups.extend(report.members);
            result = result.and(report.result);
        }
        let groups = Arc::new(groups);
        // Whoever leaves a group for another one leaves slaves behind.
        result
            .and(self.all(|| Order::Join(Arc::clone(&groups))))
            .and(self.all(|| Order::Follow(Arc::clone(&groups))))
    }
}
