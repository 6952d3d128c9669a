// SPDX-License-Identifier: GPL-2.0

//! Work that more work comes of, done by several threads.

use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;

use anyhow::{anyhow, Error, Result};

/// What is still to be done.
pub struct Queue<W> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    waiting: Vec<W>,
    /// How many are being worked at, of which more may come.
    begun: usize,
    /// How many threads wait for something to do.
    idle: usize,
    failed: Option<Error>,
}

/// As many threads as can run at once.
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Does `first`, and all that `each` adds to the queue meanwhile, in this thread and as many more as
/// makes `threads`. They are no pool's: a thread makes files as whoever has started it does.
///
/// # Errors
///
/// The first one of `each`. What is being worked at then is finished, and no more is begun.
pub fn work<W: Send>(
    first: Vec<W>,
    threads: usize,
    each: impl Fn(W, &Queue<W>) -> Result<()> + Sync,
) -> Result<()> {
    let queue = Queue {
        state: Mutex::new(State {
            waiting: first,
            begun: 0,
            idle: 0,
            failed: None,
        }),
        changed: Condvar::new(),
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .map(|_| scope.spawn(|| queue.run(&each)))
            .collect();
        queue.run(&each);
        let died = others.into_iter().any(|other| other.join().is_err());
        match queue.lock().failed.take() {
            Some(error) => Err(error),
            None if died => Err(anyhow!("a thread died")),
            None => Ok(()),
        }
    })
}

/// Counts down what was begun, also if a thread dies at it, so that the others end.
struct Begun<'a, W>(&'a Queue<W>);

impl<W> Drop for Begun<'_, W> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.begun -= 1;
        if state.begun == 0 || state.failed.is_some() {
            self.0.changed.notify_all();
        }
    }
}

impl<W> Queue<W> {
    /// Adds something to what is to be done.
    pub fn add(&self, work: impl IntoIterator<Item = W>) {
        self.lock().waiting.extend(work);
        self.changed.notify_all();
    }

    /// Whether a thread waits for something to do.
    pub fn someone_is_idle(&self) -> bool {
        self.lock().idle > 0
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        // Nobody dies while the lock is held.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits for something to do; [`None`] if nothing more comes.
    fn next(&self) -> Option<(W, Begun<'_, W>)> {
        let mut state = self.lock();
        loop {
            if state.failed.is_some() {
                return None;
            }
            if let Some(work) = state.waiting.pop() {
                state.begun += 1;
                return Some((work, Begun(self)));
            }
            if state.begun == 0 {
                return None;
            }
            state.idle += 1;
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            state.idle -= 1;
        }
    }

    fn run(&self, each: impl Fn(W, &Self) -> Result<()>) {
        while let Some((work, _begun)) = self.next() {
            if let Err(error) = each(work, self) {
                self.lock().failed.get_or_insert(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{bail, ensure};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::sync::Barrier;
    use std::time::{Duration, Instant};

    // Catches: threads that end while another one is about to add something, or never.
    #[test]
    fn all_is_done() {
        for threads in 1..5 {
            let done = AtomicUsize::new(0);
            work(vec![10_u32], threads, |depth, queue| {
                done.fetch_add(1, Relaxed);
                if depth > 0 {
                    queue.add([depth - 1, depth - 1]);
                }
                Ok(())
            })
            .unwrap();
            assert_eq!(done.into_inner(), 2047);
        }
    }

    // Catches: a thread that has nothing to do, which nobody sees, so that all is done by one.
    #[test]
    fn who_has_nothing_to_do_is_seen() {
        let both = Barrier::new(2);
        work(vec![true], 2, |is_first, queue| {
            let end = Instant::now() + Duration::from_secs(20);
            while is_first && !queue.someone_is_idle() {
                ensure!(Instant::now() < end, "nobody is seen");
                thread::yield_now();
            }
            if is_first {
                queue.add([false]);
            }
            // Neither of them ends before both have begun.
            both.wait();
            Ok(())
        })
        .unwrap();
    }

    // Catches: an error that is lost, and work that goes on after it.
    #[test]
    fn the_first_error_ends_it() {
        let done = AtomicUsize::new(0);
        let result = work(vec![0_u32], 2, |number, queue| {
            done.fetch_add(1, Relaxed);
            if number == 5 {
                bail!("five");
            }
            queue.add([number + 1]);
            Ok(())
        });
        assert_eq!(result.unwrap_err().to_string(), "five");
        assert_eq!(done.into_inner(), 6);
    }
}
