// SPDX-License-Identifier: GPL-2.0

//! A queue of pieces of work, of which some are done at a time. Guests that share a processor with
//! too many other guests run into time limits, their own and those of what they run.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::thread;

use anyhow::{anyhow, Result};

/// A piece of work.
pub type Work<'a, T> = Box<dyn FnOnce() -> Result<T> + Send + 'a>;

/// Does all pieces with so many workers, begun in the order given. Returns the results in no order,
/// or the first error. The worker that met an error begins no other piece.
pub fn run<T: Send>(work: Vec<Work<'_, T>>, workers: NonZeroUsize) -> Result<Vec<T>> {
    let queue = Mutex::new(work.into_iter());
    let worker = || -> Result<Vec<T>> {
        let mut results = Vec::new();
        loop {
            let next = queue
                .lock()
                .map_err(|_| anyhow!("another worker died"))?
                .next();
            match next {
                Some(piece) => results.push(piece()?),
                None => return Ok(results),
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers.get()).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::new();
        let mut failure = Ok(());
        for worker in workers {
            match worker.join() {
                Ok(Ok(results)) => all.extend(results),
                Ok(Err(error)) => failure = failure.and(Err(error)),
                Err(_) => failure = failure.and(Err(anyhow!("a thread died"))),
            }
        }
        failure.map(|()| all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    fn workers(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    // Catches: more at a time than allowed, fewer than possible, or pieces left undone.
    #[test]
    fn as_many_as_there_are_workers() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let piece = |number: usize| -> Work<'_, usize> {
            let (now, most) = (&now, &most);
            Box::new(move || {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                thread::sleep(Duration::from_millis(50));
                now.fetch_sub(1, SeqCst);
                Ok(number)
            })
        };
        let mut done = run((0..7).map(piece).collect(), workers(3)).unwrap();
        done.sort_unstable();
        assert_eq!(done, (0..7).collect::<Vec<_>>());
        assert_eq!(most.load(SeqCst), 3);
    }

    // Catches: pieces begun in another order than they were given.
    #[test]
    fn in_order() {
        let begun = Mutex::new(Vec::new());
        let piece = |number: usize| -> Work<'_, ()> {
            let begun = &begun;
            Box::new(move || {
                begun.lock().unwrap().push(number);
                Ok(())
            })
        };
        run((0..5).map(piece).collect(), workers(1)).unwrap();
        assert_eq!(begun.into_inner().unwrap(), [0, 1, 2, 3, 4]);
    }

    // Catches: an error that is lost, or that takes other workers with it.
    #[test]
    fn errors_are_told() {
        let done = AtomicUsize::new(0);
        let good = || -> Work<'_, ()> {
            let done = &done;
            Box::new(move || {
                thread::sleep(Duration::from_millis(20));
                done.fetch_add(1, SeqCst);
                Ok(())
            })
        };
        let bad: Work<'_, ()> = Box::new(|| Err(anyhow!("bad")));
        let error = run(vec![bad, good(), good()], workers(2)).unwrap_err();
        assert_eq!(error.to_string(), "bad");
        assert_eq!(done.load(SeqCst), 2);
    }
}
